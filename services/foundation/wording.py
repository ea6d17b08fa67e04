"""French words for days, due dates, amounts and telephone numbers, with the spaces French typography asks for."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import phonenumbers
from babel.dates import format_date
from babel.numbers import format_currency

from models.delays import Delay, DelayUnit
from services.foundation.calendar import WorkingCalendar

NBSP: Final = "\N{NO-BREAK SPACE}"
PLURAL_FROM: Final = 2
FAR_OFF: Final = 15
"""Working days beyond which a date says more than a count."""

SOON: Final = 2
"""Working days within which a due date is pressing."""

FRENCH_REGIONS: Final = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "BL", "MF", "PM", "NC", "PF", "WF"})

_USUAL: Final = re.compile(r"\+33([1-79])(\d\d)(\d\d)(\d\d)(\d\d)")
"""A number of mainland France written in groups of two, as almost all are; those in 08 are written otherwise."""

_UNITS: Final = {
    DelayUnit.HOURS: ("heure", "heures"),
    DelayUnit.DAYS: ("jour", "jours"),
    DelayUnit.WORKING_DAYS: (f"jour{NBSP}ouvré", f"jours{NBSP}ouvrés"),
    DelayUnit.MONTHS: ("mois", "mois"),
}


class Tone(StrEnum):
    """How pressing a due date is; the page adds an icon, colour never speaks alone."""

    LATE = "late"
    SOON = "soon"
    INFO = "info"


class Chip(NamedTuple):
    """A due date in two or three words."""

    text: str
    tone: Tone


def counted(number: int, words: str) -> str:
    """`3 situations ouvertes`, `1 situation ouverte`, `0 situation ouverte`."""
    return f"{number} {words if number < PLURAL_FROM else ' '.join(f'{word}s' for word in words.split())}"


def capital(words: str) -> str:
    """The same to open a line: `Mardi 2 décembre`."""
    return words[:1].upper() + words[1:]


def day(value: date, *, today: date | None = None) -> str:
    """`mardi 2 décembre`; the year is added when it is not the year of `today`."""
    year = "" if today is None or today.year == value.year else f"{NBSP}{value.year}"
    return f"{_in_french(value, 'EEEE')} {_day_and_month(value)}{year}"


def short(value: date) -> str:
    """`2 décembre`, where the day of the week says nothing more."""
    return _day_and_month(value)


def shortest(value: date) -> str:
    """`19 nov.`, for columns of dates."""
    return f"{_number(value)}{NBSP}{_in_french(value, 'MMM')}"


def months(first: date, last: date) -> str:
    """`de juillet à septembre 2026`, `d’octobre à décembre 2026`: months of one year."""
    start, end = (_in_french(each, "LLLL") for each in (first, last))
    return f"{'d’' if start[0] in 'ao' else 'de '}{start} à {end}{NBSP}{last.year}"


def moment(instant: datetime, zone: ZoneInfo, *, today: date | None = None) -> str:
    """`mardi 2 décembre à 14 h 30`, on the clocks of `zone`. `instant` must be aware."""
    if instant.utcoffset() is None:
        raise ValueError("a naive datetime cannot be told: give it a zone")
    local = instant.astimezone(zone)
    return f"{day(local.date(), today=today)} à {hour(local)}"


def hour(local: datetime) -> str:
    """`14 h 30`, `14 h` on the hour: as the datetime reads, without conversion."""
    minutes = f"{NBSP}{local.minute:02d}" if local.minute else ""
    return f"{local.hour}{NBSP}h{minutes}"


def chip(due: datetime, now: datetime, calendar: WorkingCalendar) -> Chip:
    """How far off a due date is: late in calendar days, ahead in working days, a date beyond `FAR_OFF`."""
    due_on, today = calendar.local_day(due), calendar.local_day(now)
    if due < now:
        return Chip(_lateness(due.astimezone(calendar.zone), (today - due_on).days), Tone.LATE)
    if due_on == today:
        return Chip("Aujourd’hui", Tone.SOON)
    if due_on == today + timedelta(days=1):
        return Chip("Demain", Tone.SOON)
    return _ahead(due_on, today, calendar.working_days_between(today, due_on))


def chip_beside(due: datetime, now: datetime, calendar: WorkingCalendar) -> Chip | None:
    """The same where the date itself stands beside; None when it would only say that date again."""
    due_on, today = calendar.local_day(due), calendar.local_day(now)
    is_far = due >= now and calendar.working_days_between(today, due_on) > FAR_OFF
    return None if is_far else chip(due, now, calendar)


def duration(delay: Delay) -> str:
    """`5 jours ouvrés`, `1 mois`."""
    one, many = _UNITS[delay.unit]
    return f"{delay.amount}{NBSP}{one if delay.amount < PLURAL_FROM else many}"


def every(delay: Delay) -> str:
    """`chaque jour`, `tous les 2 jours ouvrés`, `toutes les 12 heures`."""
    if delay.amount == 1:
        return f"chaque {_UNITS[delay.unit][0]}"
    return f"{'toutes' if delay.unit is DelayUnit.HOURS else 'tous'} les {duration(delay)}"


def euros(amount: Decimal | int) -> str:
    """`1 855 €`, `12,50 €`: cents only when there are some."""
    pattern = f"#,##0{NBSP}¤" if amount == int(amount) else f"#,##0.00{NBSP}¤"
    return format_currency(amount, "EUR", format=pattern, currency_digits=False, locale="fr")


def phone(number: str) -> str:
    """`06 12 34 56 78` for an E.164 number of France and overseas, `+32 …` for another country's."""
    if usual := _USUAL.fullmatch(number):
        return f"0{NBSP.join(usual.groups())}"
    parsed = phonenumbers.parse(number)
    french = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    style = phonenumbers.PhoneNumberFormat.NATIONAL
    if not FRENCH_REGIONS.intersection(french):
        style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style).replace(" ", NBSP)


def _day_and_month(value: date) -> str:
    return f"{_number(value)}{NBSP}{_in_french(value, 'MMMM')}"


def _number(value: date) -> str:
    return "1er" if value.day == 1 else str(value.day)


@lru_cache(maxsize=2048)
def _in_french(value: date, pattern: str) -> str:
    """Part of a date: a page tells the same days again and again."""
    return format_date(value, pattern, locale="fr")


def _lateness(due: datetime, days: int) -> str:
    if days == 0:
        return f"En retard depuis {hour(due)}"
    return f"En retard de {days}{NBSP}j"


def _ahead(due_on: date, today: date, working_days: int) -> Chip:
    if working_days > FAR_OFF:
        year = "" if due_on.year == today.year else f"{NBSP}{due_on.year}"
        return Chip(f"Le {_day_and_month(due_on)}{year}", Tone.INFO)
    if working_days == 0:
        return Chip(f"Dans {(due_on - today).days}{NBSP}j", Tone.SOON)
    opened = "ouvré" if working_days == 1 else "ouvrés"
    tone = Tone.SOON if working_days <= SOON else Tone.INFO
    return Chip(f"Dans {working_days}{NBSP}j{NBSP}{opened}", tone)

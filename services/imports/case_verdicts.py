"""The verdict of each row of a coordinator's spreadsheet: a case in progress whose dates can be, or why not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from models.vocabulary import Motive, Tenure, Theme, Urgency
from services.forms import AlertForm
from services.foundation.nir import mask_nir
from services.foundation.tokens import Secrets
from services.imports import positions, verdicts, words
from services.imports.case_columns import CASE_LABELS
from services.imports.mapping import Row
from services.imports.positions import CLOSED, NAMES, NEEDED, OWN_DATE, PAST, Position
from services.imports.verdicts import Findings, Gazetteer, Judged, Known, Memory, Verdict
from services.rules.finding import search_key

OLDEST: Final = date(2013, 1, 1)
"""No Slime is older: an earlier date is a slip of the keyboard."""
FARTHEST: Final = timedelta(days=366)
LONGEST_NOTE: Final = 2000
MORNING: Final = time(10)
"""When a past visit is held to have begun, if nobody wrote its hour."""
GIVER: Final = "Reprise du tableur"
BEFORE: Final = "l’équipe, avant la reprise"
AHEAD: Final = frozenset({"visit_on", "next_on"})
"""Dates that may lie ahead: without a year they are the nearest ones."""
DATES: Final = ("requested_on", "called_on", "visit_on", "reported_on", "sent_on")


@dataclass(frozen=True)
class Named:
    """An operator or a partner, as cells name it."""

    id: UUID
    name: str
    slug: str
    themes: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Office:
    """What rows are judged against; `now` is aware."""

    programme_id: UUID
    prefix: str
    secrets: Secrets
    communes: Sequence[verdicts.Commune]
    territory: frozenset[str]
    known: Sequence[Known]
    operators: Sequence[Named]
    partners: Sequence[Named]
    done: frozenset[str]
    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The day in the programme's zone."""
        return self.now.astimezone(self.zone).date()

    def key(self, row: Row) -> str:
        """What makes a row's case unique: its own reference, if it has one, with its name; else its place in the file.

        A spreadsheet of another year may count from 1 again: the reference alone would hide other households. Under the
        installation's key, since it stays with the event when the household is erased and names are easily guessed.
        """
        reference = words.line(row.values.get("reference", "")).casefold()
        if not reference:
            return f"{self.prefix}{row.sheet}:{row.number}"
        told = f"{reference}|{search_key(row.values.get('surname', ''))}"
        return f"reference:{self.programme_id}:{self.secrets.sign('imported-case', told)}"


@dataclass(frozen=True)
class Entry:
    """A case in progress, as a row tells it, checked. Dates are days of the programme's zone."""

    form: AlertForm
    position: Position
    requested_on: date
    operator_id: UUID | None = None
    called_on: date | None = None
    visit_at: datetime | None = None
    reported_on: date | None = None
    sent_on: date | None = None
    partner_id: UUID | None = None
    theme: Theme | None = None
    next_on: date | None = None
    informed: bool = True
    reference: str = ""
    note: str = ""


@dataclass(frozen=True)
class JudgedCase(Judged):
    """A row, its verdict and, if it can be taken, its case."""

    entry: Entry | None = None


@dataclass
class _Seen:
    """What earlier rows of the file said."""

    memory: Memory
    keys: dict[str, int] = field(default_factory=dict)


def judge(rows: Iterable[Row], office: Office) -> list[JudgedCase]:
    """The verdict of every row, in their order. Writes nothing."""
    seen, gazetteer = _Seen(Memory(office.known)), Gazetteer(office.communes)
    return [_judge(row, office, seen, gazetteer) for row in rows]


def _judge(row: Row, office: Office, seen: _Seen, gazetteer: Gazetteer) -> JudgedCase:
    key = office.key(row)
    if key in office.done:
        return JudgedCase(row, Verdict.DONE)
    found = Findings(titles=row.titles)
    if key in seen.keys:
        found.refused.append(f"Même référence que la ligne {seen.keys[key]}.")
    seen.keys.setdefault(key, row.number)
    entry = _entry(row.values, office, gazetteer, found)
    if entry is None or found.refused:
        return JudgedCase(row, Verdict.REFUSED, _unique(found.refused))
    own = verdicts.likeness_of(entry.form)
    like = seen.memory.like(own)
    doubles = verdicts.doubles_of(own, like, found)
    seen.memory.add(Known(own, f"ligne {row.number}"))
    if doubles:
        return JudgedCase(row, Verdict.DUPLICATE, ("Déjà connu\u00a0: même téléphone et même nom.",), doubles)
    known = _unique(one.number for one in like)
    if found.doubts and words.yes(row.values.get("confirmed", "")) is not True:
        return JudgedCase(row, Verdict.DOUBTFUL, _unique(found.doubts), known, entry.form, entry)
    return JudgedCase(row, Verdict.VALID, _unique([*found.doubts, *found.remarks]), known, entry.form, entry)


def _unique(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def _entry(values: Mapping[str, str], office: Office, gazetteer: Gazetteer, found: Findings) -> Entry | None:
    """Every column is read even when one is wrong: a row goes back once, with all its reasons."""
    course = _course(values, office, found)
    form = _form(values, office, gazetteer, found, course)
    if form is None or course is None or found.refused:
        return None
    note = mask_nir(values.get("note", ""))[0].replace("\0", "").strip()
    if len(note) > LONGEST_NOTE:
        found.remarks.append(f"Note coupée à {LONGEST_NOTE} caractères.")
    return Entry(
        form=form,
        informed=words.yes(values.get("informed", "")) is not False,
        reference=words.line(values.get("reference", ""))[:60],
        note=note[:LONGEST_NOTE],
        **course,
    )


def _form(
    values: Mapping[str, str],
    office: Office,
    gazetteer: Gazetteer,
    found: Findings,
    course: Mapping[str, Any] | None,
) -> AlertForm | None:
    data = verdicts.identity(values, found)
    data["giver_name"] = data["giver_name"] or GIVER
    data["giver_email"] = values.get("giver_email", "")
    tenure = words.tenure_of(values.get("tenure", ""))
    if tenure is None:
        found.remarks.append("Statut d’occupation absent ou illisible\u00a0: noté «\u00a0autre\u00a0».")
    data |= {"tenure": tenure or Tenure.OTHER.value, "motives": [Motive.OTHER.value], "urgency": Urgency.NONE.value}
    data |= {"best_time": "any", "agreement": True, "agreement_by": BEFORE}
    data["agreement_on"] = course["requested_on"] if course else None
    data |= verdicts.place(values, gazetteer, found)
    if found.refused:
        return None
    if data["commune_code"] not in office.territory:
        found.remarks.append("Commune hors du territoire du dispositif.")
    return verdicts.validated(data, found)


# --- Where the case stands and how it came there --------------------------------------------------------------------


def _course(values: Mapping[str, str], office: Office, found: Findings) -> dict[str, Any] | None:
    """The position, who has the case and the dates; None when the position itself cannot be read."""
    stage = values.get("stage", "")
    partner = partner_of(values, office)
    position = positions.position_of(stage, names_partner=partner is not None)
    if position == CLOSED:
        found.refused.append("Étape close\u00a0: seules les situations en cours sont reprises.")
        return None
    if not isinstance(position, Position):
        found.refused.append(f"Étape à préciser ({', '.join(NAMES.values())}).")
        return None
    days = {name: _day(values.get(name, ""), name, office.today, found) for name in (*DATES, "next_on")}
    own = OWN_DATE[position]
    ahead = own == "next_on" or position is Position.PLANNED
    days[own] = days[own] or words.day(stage, today=office.today, ahead=ahead)
    if position is Position.PLANNED:
        days["visit_on"] = days["visit_on"] or days["next_on"]
    unread = {name for name in DATES if days[name] is None and values.get(name) and not words.is_done(values[name])}
    course = _dates(position, days, unread, office, found)
    course["visit_at"] = _visit(values, position, days["visit_on"], office, found)
    course["operator_id"] = _operator(values.get("operator", ""), position, office, found)
    return course | _referral(values, position, partner, found)


def partner_of(values: Mapping[str, str], office: Office) -> Named | str | None:
    """Whom the row says was asked, by its own column or within the words of its stage."""
    return named(values.get("partner", ""), office.partners) or _named_in(values.get("stage", ""), office.partners)


def _day(text: str, name: str, today: date, found: Findings) -> date | None:
    read = words.day(text, today=today, ahead=name in AHEAD)
    if read is None and name in DATES and words.is_done(text):
        found.remarks.append(
            f"{found.called(name, CASE_LABELS)} ne dit pas quel jour\u00a0: sa place dans l’ordre suffit."
        )
    elif text and read is None:
        found.refused.append(f"{found.called(name, CASE_LABELS)} n’est pas une date\u00a0: écrivez jour/mois/année.")
    elif read is not None and read < OLDEST:
        found.refused.append(f"{found.called(name, CASE_LABELS)}\u00a0: vérifiez l’année.")
        return None
    return read


def _dates(
    position: Position, days: Mapping[str, date | None], unread: Collection[str], office: Office, found: Findings
) -> dict[str, Any]:
    """The past in its order. A date that cannot be, or that the position does not go with, refuses the row.

    `unread`: those of which that was said already, so that none is said to be missing too.
    """
    allowed = PAST[position]
    for name in DATES:
        if days[name] is not None and name not in allowed:
            found.refused.append(
                f"{found.called(name, CASE_LABELS)} ne va pas avec l’étape «\u00a0{NAMES[position]}\u00a0»."
            )
    for name in NEEDED.get(position, ()):
        if days[name] is None and name not in unread:
            found.refused.append(
                f"{found.called(name, CASE_LABELS)} manque pour l’étape «\u00a0{NAMES[position]}\u00a0»."
            )
    told = [(name, day) for name in allowed if (day := days[name]) is not None]
    _check_order(position, told, office, found)
    if position is Position.REFERRED and days["sent_on"] is None:
        found.remarks.append("Date d’envoi absente\u00a0: la dernière date connue en tient lieu.")
    past = [day for name, day in told if day <= office.today]
    if days["requested_on"] is None:
        found.remarks.append("Date de demande absente\u00a0: la plus ancienne date connue en tient lieu.")
    next_on = days["next_on"]
    if next_on is not None and next_on > office.today + 2 * FARTHEST:
        found.refused.append(
            f"{found.called('next_on', CASE_LABELS)} est dans plus de deux ans\u00a0: vérifiez l’année."
        )
    elif next_on is not None and next_on < office.today:
        found.remarks.append("Prochaine date passée\u00a0: l’échéance sera comptée depuis la reprise.")
    return {
        "position": position,
        "requested_on": days["requested_on"] or min(past, default=office.today),
        "called_on": days["called_on"],
        "reported_on": days["reported_on"],
        "sent_on": days["sent_on"],
        "next_on": next_on,
    }


def _check_order(position: Position, told: Sequence[tuple[str, date]], office: Office, found: Findings) -> None:
    for (earlier, first), (later, second) in pairwise(told):
        if second < first:
            found.refused.append(
                f"{found.called(later, CASE_LABELS)} vient avant {found.called(earlier, CASE_LABELS)}\u00a0: "
                "une des deux est fausse."
            )
    for name, day in told:
        if day > office.today and not (name == "visit_on" and position is Position.PLANNED):
            found.refused.append(f"{found.called(name, CASE_LABELS)} est dans le futur.")


def _visit(
    values: Mapping[str, str], position: Position, day: date | None, office: Office, found: Findings
) -> datetime | None:
    """When the visit begins. A visit to come has its hour: the household will be reminded of it."""
    if day is None or not position.reaches(Position.PLANNED):
        return None
    hours = (words.hour(values.get(name, "")) for name in ("visit_time", "visit_on", "next_on", "stage"))
    hour = next((read for read in hours if read is not None), None)
    if position is not Position.PLANNED:
        return datetime.combine(day, hour or MORNING, tzinfo=office.zone)
    if hour is None:
        found.refused.append("Heure de la visite absente\u00a0: écrivez-la (par exemple 14h30).")
        return None
    starts_at = datetime.combine(day, hour, tzinfo=office.zone)
    if starts_at <= office.now:
        found.refused.append(
            "La visite prévue est passée\u00a0: écrivez «\u00a0visite faite\u00a0», ou sa nouvelle date."
        )
    elif starts_at > office.now + FARTHEST - timedelta(days=1):
        found.refused.append("La visite est prévue dans plus d’un an\u00a0: vérifiez l’année.")
    return starts_at


def _operator(text: str, position: Position, office: Office, found: Findings) -> UUID | None:
    """Who makes the visit; the only operator of the programme when the cell is empty."""
    if not position.reaches(Position.TO_CALL):
        return None
    found_one = named(text, office.operators)
    if isinstance(found_one, Named):
        return found_one.id
    if not text and len(office.operators) == 1:
        return office.operators[0].id
    choice = ", ".join(one.name for one in office.operators) or "aucun n’est enregistré"
    found.refused.append(f"Opérateur {'inconnu' if text else 'absent'} ({choice}).")
    return None


def _referral(
    values: Mapping[str, str], position: Position, partner: Named | str | None, found: Findings
) -> dict[str, Any]:
    """Which partner has been asked for what."""
    if not position.reaches(Position.REFERRED):
        return {}
    if isinstance(partner, str):
        found.refused.append("Partenaire inconnu\u00a0: ajoutez-le à l’annuaire, ou corrigez son nom.")
        return {}
    if partner is None and position is Position.REFERRED:
        found.refused.append("Partenaire absent\u00a0: dites chez qui est l’orientation.")
    if partner is None:
        return {}
    text = values.get("theme", "")
    theme = words.theme_of(text) if text else (partner.themes[0] if len(partner.themes) == 1 else None)
    if theme is None:
        found.refused.append("Type de solution à préciser\u00a0: ce partenaire en propose plusieurs.")
    elif theme not in partner.themes:
        found.refused.append("Ce partenaire n’intervient pas pour ce type de solution.")
    return {"partner_id": partner.id, "theme": Theme(theme) if theme else None}


def named(text: str, known: Sequence[Named]) -> Named | str | None:
    """The one that a cell names; the text itself when it names nobody or several, None when it is empty.

    « Karim », who works for an operator, names that operator.
    """
    key = search_key(text)
    if not key:
        return None
    exact = [one for one in known if key in {search_key(one.name), search_key(one.slug)}]
    near = [one for one in known if key in search_key(one.name) or search_key(one.name) in key]
    theirs = [one for one in known if any(key in _calls(person) for person in one.people)]
    for found in (exact, near, theirs):
        if len(found) == 1:
            return found[0]
    return text


def _calls(person: str) -> set[str]:
    """How colleagues write a name: whole either way round, by its initial, the first name, the family name."""
    first, _, family = person.partition(" ")
    ways = ((first, family), (family, first), (first[:1], family), (first,), (family,))
    return {search_key(*parts) for parts in ways if any(parts)}


def _named_in(text: str, known: Sequence[Named]) -> Named | None:
    """The one whose name or identifier stands within a text, if there is only one."""
    key = search_key(text)
    found = [one for one in known if any(name and name in key for name in _short_names(one))]
    return found[0] if len(found) == 1 else None


def _short_names(one: Named) -> tuple[str, ...]:
    """« ADIL du Finistère » is called « ADIL » in a cell."""
    first = search_key(one.name.split(maxsplit=1)[0]) if one.name.split() else ""
    return search_key(one.name), search_key(one.slug), first if len(first) > 2 else ""  # noqa: PLR2004 - « La », « Le »

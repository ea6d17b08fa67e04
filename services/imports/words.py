"""What people write in the cells of a spreadsheet, brought back to the codes of Relais. Pure."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from functools import cache
from itertools import takewhile
from typing import Any, Final

from models.vocabulary import AgreementMode, BestTime, Motive, Tenure, Theme, Urgency
from services.rules.finding import search_key
from services.rules.texts.labels import choices as labelled

_YES: Final = frozenset({"oui", "o", "yes", "y", "x", "1", "vrai", "true", "ok", "accord", "donne", "recueilli"})
_NO: Final = frozenset({"non", "n", "no", "0", "faux", "false", "refus", "refuse", "aucun", "sans", "pasdaccord"})
_LEADING: Final = re.compile(r"^\W*(oui|non)\b", re.IGNORECASE)
_DAY: Final = re.compile(r"\b([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4}|[0-9]{2})\b")
_ISO: Final = re.compile(r"\b([0-9]{4})-([0-9]{2})-([0-9]{2})\b")
_IN_WORDS: Final = re.compile(
    r"\b(?P<day>[0-9]{1,2})(?:er)?\s+(?P<month>janv|f[ée]v|mars|avr|mai|juin|juil|ao[ûu]t|sept|oct|nov|d[ée]c)[a-zé]*\.?"
    r"(?:\s+(?P<year>[0-9]{4}))?",
    re.IGNORECASE,
)
_NO_YEAR: Final = re.compile(r"(?<![0-9/.])(?P<day>[0-9]{1,2})[/.](?P<month>[0-9]{1,2})(?P<year>)(?![0-9/.])")
_MONTHS: Final = {"janv": 1, "fev": 2, "fevr": 2, "mars": 3, "avr": 4, "avri": 4, "mai": 5, "juin": 6, "juil": 7,
                  "aout": 8, "sept": 9, "oct": 10, "octo": 10, "nov": 11, "nove": 11, "dec": 12,
                  "dece": 12}  # fmt: skip
_SERIAL: Final = re.compile(r"([4-5][0-9]{4})(?:\.[0-9]+)?")
_EPOCH: Final = date(1899, 12, 30)
"""Day zero of spreadsheets: a date whose cell lost its format is a number of days since."""
_DONE: Final = frozenset({"fait", "faite", "faits", "ok", "oui", "o", "x", "rendu", "remis", "envoye", "effectue",
                          "effectuee", "realise", "realisee", "recu", "done"})  # fmt: skip
_CIVILITY: Final = re.compile(
    r"(M\.? et Mme|Mme et M\.?|Monsieur et Madame|Madame et Monsieur|Monsieur|Madame|Mademoiselle|Mlle|Mme|Mr|M\.)\s+",
    re.IGNORECASE,
)
_CIVILITIES: Final = {
    **dict.fromkeys(("metmme", "mmeetm", "monsieuretmadame", "madameetmonsieur"), "Madame et Monsieur"),
    **dict.fromkeys(("madame", "mademoiselle", "mlle", "mme"), "Madame"),
    **dict.fromkeys(("monsieur", "mr", "m"), "Monsieur"),
}
_YEAR: Final = re.compile(r"\b(19[0-9]{2}|20[0-9]{2})\b")
_HOUR: Final = re.compile(r"(?<![0-9])([0-9]{1,2}) ?(?:h|H|:) ?([0-9]{2})?(?![0-9])")
_CEDEX: Final = re.compile(r"\bcedex\b.*$|\b[0-9]{1,2}(?:er|e|eme|ème)\b.*$", re.IGNORECASE)

# Pieces of words, looked for in what is written once the exact labels have been tried; the first found wins.
_TENURES: Final = (
    ("propri", Tenure.OWNER), ("accedant", Tenure.OWNER), ("meuble", Tenure.FURNISHED),
    ("hotel", Tenure.FURNISHED), ("heberg", Tenure.HOSTED), ("gratuit", Tenure.HOSTED), ("hlm", Tenure.SOCIAL_TENANT),
    ("social", Tenure.SOCIAL_TENANT), ("parcpublic", Tenure.SOCIAL_TENANT), ("prive", Tenure.PRIVATE_TENANT),
    ("autre", Tenure.OTHER), ("caravane", Tenure.OTHER), ("mobilhome", Tenure.OTHER),
)  # fmt: skip
_MOTIVES: Final = (
    ("impaye", Motive.ARREARS), ("dette", Motive.ARREARS), ("coupure", Motive.CUT_ANNOUNCED), ("froid", Motive.COLD),
    ("facture", Motive.HIGH_BILL), ("humid", Motive.DAMP), ("moisi", Motive.DAMP), ("panne", Motive.HEATING_BROKEN),
    ("absencedechauffage", Motive.HEATING_BROKEN), ("privation", Motive.RESTRICTION),
    ("restriction", Motive.RESTRICTION), ("appoint", Motive.AUXILIARY_HEATING), ("canicule", Motive.HEAT),
    ("chaleur", Motive.HEAT), ("degrad", Motive.DEGRADED), ("insalub", Motive.DEGRADED), ("indecen", Motive.DEGRADED),
)  # fmt: skip
_URGENCIES: Final = (
    ("danger", Urgency.DANGER), ("monoxyde", Urgency.DANGER), ("coupure", Urgency.CUT_ANNOUNCED),
    ("chauffage", Urgency.HEATING_OUT), ("panne", Urgency.HEATING_OUT), ("pasdurgence", Urgency.NONE),
    ("aucune", Urgency.NONE), ("normal", Urgency.NONE), ("faible", Urgency.NONE),
)  # fmt: skip
_THEMES: Final = (
    ("mediation", Theme.LANDLORD_MEDIATION), ("bailleur", Theme.LANDLORD_MEDIATION), ("fsl", Theme.FSL),
    ("cheque", Theme.ENERGY_CHEQUE), ("fournisseur", Theme.SUPPLIER), ("contrat", Theme.CONTRACT),
    ("budget", Theme.BUDGET), ("surendett", Theme.BUDGET), ("juridique", Theme.LEGAL), ("relogement", Theme.REHOUSING),
    ("indigne", Theme.UNFIT_HOUSING), ("insalub", Theme.UNFIT_HOUSING), ("decence", Theme.UNFIT_HOUSING),
    ("autorehab", Theme.SELF_REHABILITATION), ("petitstravaux", Theme.SMALL_WORKS_FUND),
    ("pargeste", Theme.SINGLE_WORKS), ("ampleur", Theme.MAJOR_WORKS), ("conseilrenov", Theme.RENOVATION_ADVICE),
    ("conseilenrenov", Theme.RENOVATION_ADVICE), ("electromenager", Theme.EQUIPMENT), ("equipement", Theme.EQUIPMENT),
    ("sante", Theme.HEALTH), ("droits", Theme.OTHER_RIGHTS), ("social", Theme.SOCIAL_SUPPORT),
)  # fmt: skip
_TIMES: Final = (
    ("apresmidi", BestTime.AFTERNOON), ("matin", BestTime.MORNING), ("midi", BestTime.NOON), ("soir", BestTime.EVENING),
    ("findejournee", BestTime.EVENING),
)  # fmt: skip


def line(text: str) -> str:
    """One line: what a cell breaks over several is joined; other control characters stay, and are refused later."""
    return " ".join(text.split())


def postcode(text: str) -> str:
    """Five digits, or nothing; a spreadsheet takes the leading zero off."""
    digits = re.sub(r"[ .\xa0]", "", text)
    return digits.zfill(5) if digits.isdecimal() and len(digits) in {4, 5} else ""


def department(commune_code: str) -> str:
    """The first two digits of the postcodes of a commune's department; Corsica's are 20."""
    return "20" if commune_code[:2] in {"2A", "2B"} else commune_code[:2]


def commune_key(name: str) -> str:
    """A commune's name for comparison: no CEDEX, no arrondissement, `St` spelt out."""
    plain = _CEDEX.sub("", name)
    plain = re.sub(r"(?i)\bste\b", "sainte", re.sub(r"(?i)\bst\b", "saint", plain))
    return search_key(plain)


def yes(text: str) -> bool | None:
    """Yes, no, or nothing that can be understood."""
    key = search_key(text)
    return True if key in _YES else False if key in _NO else None


def agreed(text: str) -> bool | None:
    """As `yes`, and « oral », « écrit le 3/10/2025 », « oui, par téléphone »."""
    if leading := _LEADING.match(text):
        return leading[1].lower() == "oui"
    if (said := yes(text)) is not None:
        return said
    key = search_key(text)
    if key.startswith(("pas", "refus", "non", "sans")):
        return False
    return True if key.startswith(("oral", "ecrit", "accord")) else None


def agreement_mode(text: str) -> AgreementMode:
    """Written if it says so, else oral: the weaker claim."""
    key = search_key(text)
    return AgreementMode.WRITTEN if "ecrit" in key or "sign" in key or "written" in key else AgreementMode.ORAL


def day(text: str, *, today: date | None = None, ahead: bool = False) -> date | None:
    """A date in a French or ISO writing, wherever it stands in the text; or the bare number of a date's cell.

    « 02/10 » has no year: with `today` it is the last such day, or the nearest one when it may lie `ahead`.
    """
    if found := _ISO.search(text):
        year, month, number = (int(part) for part in found.groups())
    elif found := _DAY.search(text):
        number, month, year = (int(part) for part in found.groups())
        year += 2000 if year < 100 else 0  # noqa: PLR2004 - a year of two digits
    elif found := _SERIAL.fullmatch(text.strip()):
        return _EPOCH + timedelta(days=int(found[1]))
    elif found := _IN_WORDS.search(text) or (_NO_YEAR.search(text) if today else None):
        return _nearest(found, today, ahead=ahead)
    else:
        return None
    return _date(year, month, number)


def _nearest(found: re.Match[str], today: date | None, *, ahead: bool) -> date | None:
    """The day that a text means, its year guessed if it has none."""
    number, month, year = found["day"], found["month"], found["year"]
    which = int(month) if month.isdecimal() else _MONTHS[search_key(month)[:4]]
    if year or today is None:
        return _date(int(year), which, int(number)) if year else None
    near = [_date(today.year + more, which, int(number)) for more in (-1, 0, 1)]
    days = [each for each in near if each and (ahead or each <= today)]
    return min(days, key=lambda each: abs(each - today), default=None)


def _date(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


def is_done(text: str) -> bool:
    """Whether a cell that should hold a date only says that the thing was done."""
    return search_key(text) in _DONE


def person(text: str) -> tuple[str, str, str]:
    """Civility, family name and first name of « Mme LE GOFF Lucette »; what cannot be told apart is the family name."""
    title = _CIVILITY.match(text)
    civility = _CIVILITIES[search_key(title[1])] if title else ""
    rest = text[title.end() :].strip() if title else text
    words = rest.split()
    capitals = list(takewhile(lambda word: word == word.upper(), words))
    first = words[len(capitals) :]
    if not capitals or not any(len(word) > 1 and word.isalpha() for word in capitals):
        return (civility, rest, "")
    return civility, " ".join(capitals), " ".join(first)


def choices(values: Mapping[str, str], refused: list[str]) -> dict[str, Any]:
    """The fields with a list of choices; what a required one does not say is added to `refused`."""
    tenure = tenure_of(values.get("tenure", ""))
    if tenure is None:
        refused.append(
            "Statut d’occupation à préciser (propriétaire, parc privé, parc social, hébergé, meublé ou autre)."
        )
    urgency = urgency_of(values.get("urgency", ""))
    if urgency is None:
        refused.append("Urgence à préciser (coupure annoncée, plus de chauffage, danger, ou rien).")
    motives, unread = _motives(values.get("motives", ""))
    if not motives:
        refused.append("Motif absent.")
    year, people = _YEAR.search(values.get("birth_year", "")), re.match(r"\s*([0-9]{1,2})\b", values.get("people", ""))
    return {
        "tenure": tenure,
        "urgency": urgency,
        "motives": motives,
        "unread": unread,
        "best_time": _code("best_time", values.get("best_time", ""), _TIMES) or BestTime.ANY.value,
        "sms_agreed": yes(values.get("sms_agreed", "")) is True,
        "birth_year": int(year[1]) if year else None,
        "people": int(people[1]) if people else None,
    }


def tenure_of(text: str) -> str | None:
    """The statut d'occupation, if it can be understood."""
    return _code("tenure", text, _TENURES)


def theme_of(text: str) -> str | None:
    """The type de solution, if it can be understood."""
    return _code("theme", text, _THEMES)


def hour(text: str) -> time | None:
    """A time of the day, « 14h30 », « 14 h » or « 14:30 », wherever it stands; midnight is what a date alone gives."""
    found = _HOUR.search(text)
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:  # noqa: PLR2004 - a clock's own limits
        return None
    read = time(int(found[1]), int(found[2] or 0))
    return read if read != time() else None


def urgency_of(text: str) -> str | None:
    """Nothing written, or « non », is no urgency; « oui » does not say which."""
    if not text or yes(text) is False:
        return Urgency.NONE.value
    return _code("urgency", text, _URGENCIES)


def _code(kind: str, text: str, pieces: tuple[tuple[str, Any], ...]) -> str | None:
    key = search_key(text)
    if not key:
        return None
    if code := _exact(kind).get(key):
        return code
    return next((str(code.value) for piece, code in pieces if piece in key), None)


@cache
def _exact(kind: str) -> Mapping[str, str]:
    """Label or code → code."""
    by_label = {search_key(word): code for code, word in labelled(kind)}
    return by_label | {search_key(code): code for code, _ in labelled(kind)}


def _motives(text: str) -> tuple[list[str], str]:
    """The motives recognised; when none is, « autre » and the words themselves, so that nothing is lost."""
    exact = _exact("motive")
    found = [exact[key] for part in (text, *re.split(r"[,;/|+\n]", text)) if (key := search_key(part)) in exact]
    key = search_key(text)
    found += [code.value for piece, code in _MOTIVES if piece in key]
    if found or not key:
        return list(dict.fromkeys(found)), ""
    return [Motive.OTHER.value], f"Motif indiqué\u00a0: {line(text)}"

"""The verdict of each row: valid, doubtful, duplicate, refused, or already taken; with reasons that quote nothing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from services.cases.agreements import wrong_day
from services.forms import AlertForm
from services.foundation.nir import MASK
from services.foundation.phones import PhoneRefused, normalise
from services.imports import words
from services.imports.mapping import LABELS, Row
from services.rules.finding import search_key
from services.rules.likeness import Likeness, Neighbours

SHORT_TEXT: Final = 500
_BETWEEN_NUMBERS: Final = re.compile(r"[/;,|\n]|\b(?:ou|et|puis)\b", re.IGNORECASE)
_FORMULA: Final = ("=", "@", "＝", "＠")
_LINES: Final = ("surname", "first_name", "civility", "street", "complement", "landlord", "giver_name")
_NEEDED: Final = {"surname": "Nom", "street": "Adresse", "giver_name": "Référent", "postcode": "Code postal"}


class Verdict(StrEnum):
    """What becomes of a row."""

    VALID = "valid"
    DOUBTFUL = "doubtful"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    DONE = "done"


@dataclass(frozen=True)
class Commune:
    """A commune as rows are compared with it."""

    code: str
    name_key: str
    postcodes: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A request already there: a case, or an earlier row of the same file (`number` is then the row's)."""

    likeness: Likeness
    number: str
    is_open: bool = True


@dataclass(frozen=True)
class Collected:
    """Who collected the agreement of the households of a whole file, and when."""

    by: str
    on: date


@dataclass(frozen=True)
class Giver:
    """Who signs the alerts of a row that names nobody."""

    name: str
    email: str | None
    phone: str | None


@dataclass(frozen=True)
class Office:
    """What rows are judged against."""

    communes: Sequence[Commune]
    territory: frozenset[str]
    known: Sequence[Known]
    done: frozenset[tuple[int, int]]  # sheet and row
    giver: Giver
    today: date
    collected: Collected | None = None


@dataclass(frozen=True)
class Judged:
    """A row and its verdict. `known` names cases: for the coordination only, never for the alert giver."""

    row: Row
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    form: AlertForm | None = None


@dataclass
class Findings:
    """What is said of a row: `refused` and `doubts` keep it out (a doubt until it is confirmed), `remarks` do not."""

    refused: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    titles: Mapping[str, str] = field(default_factory=dict)

    def called(self, name: str, labels: Mapping[str, str] = LABELS) -> str:
        """A column as the reader's own file heads it, then as the file to correct will, where they differ."""
        label, title = labels.get(name, name), self.titles.get(name, "")
        told = f" ({label})" if title and search_key(title) != search_key(label) else ""
        return f"«\u00a0{title if told else label}\u00a0»{told}"


class Memory:
    """The requests already there, found by number or by commune."""

    def __init__(self, known: Iterable[Known]) -> None:
        """Start from what the database holds."""
        self._by_number: defaultdict[str, list[Known]] = defaultdict(list)
        self._by_commune: defaultdict[str, Neighbours[Known]] = defaultdict(Neighbours)
        for one in known:
            self.add(one)

    def add(self, one: Known) -> None:
        """Remember one more."""
        for number in one.likeness.numbers:
            self._by_number[number].append(one)
        self._by_commune[one.likeness.commune_code].add(one, one.likeness)

    def like(self, own: Likeness) -> list[Known]:
        """Those who have one of its numbers, then those of a like name and street in the same commune."""
        same_number = (one for number in own.numbers for one in self._by_number[number])
        return [*same_number, *self._by_commune[own.commune_code].like(own)]


class Gazetteer:
    """Finds a commune from what a row says of it."""

    def __init__(self, communes: Iterable[Commune]) -> None:
        """From every commune that the installation knows."""
        self._by_code: dict[str, Commune] = {}
        self._by_name: defaultdict[str, list[Commune]] = defaultdict(list)
        self._by_postcode: defaultdict[str, list[Commune]] = defaultdict(list)
        for commune in communes:
            self._by_code[commune.code] = commune
            self._by_name[words.commune_key(commune.name_key)].append(commune)
            for postcode in commune.postcodes:
                self._by_postcode[postcode].append(commune)

    def find(self, values: Mapping[str, str]) -> Commune | str:
        """The commune, or the reason why it is not known."""
        if code := values.get("commune_code", "").upper():
            return self._by_code.get(code.zfill(5), "Code INSEE inconnu.")
        postcode, name = words.postcode(values.get("postcode", "")), words.commune_key(values.get("commune", ""))
        if not name:
            found = self._by_postcode[postcode] if postcode else []
            return found[0] if len(found) == 1 else "Commune absente\u00a0: écrivez son nom."
        named = self._by_name[name]
        exact = [commune for commune in named if postcode in commune.postcodes]
        # A CEDEX postcode belongs to no commune: its department is enough if the name is unique there.
        near = [commune for commune in named if not postcode or words.department(commune.code) == postcode[:2]]
        for found in (exact, near):
            if len(found) == 1:
                return found[0]
        if not named:
            return "Commune inconnue\u00a0: vérifiez son nom."
        return "Commune et code postal ne vont pas ensemble, ou plusieurs communes portent ce nom."


def judge(rows: Iterable[Row], office: Office) -> list[Judged]:
    """The verdict of every row, in their order. Writes nothing."""
    memory, gazetteer = Memory(office.known), Gazetteer(office.communes)
    return [_judge(row, office, memory, gazetteer) for row in rows]


def _judge(row: Row, office: Office, memory: Memory, gazetteer: Gazetteer) -> Judged:
    if (row.sheet, row.number) in office.done:
        return Judged(row, Verdict.DONE)
    found = Findings(titles=row.titles)
    form = _form(row.values, office, gazetteer, found)
    if form is None or found.refused:
        return Judged(row, Verdict.REFUSED, tuple(dict.fromkeys(found.refused)))
    own = likeness_of(form)
    like = memory.like(own)
    doubles = doubles_of(own, like, found)
    known = tuple(dict.fromkeys(one.number for one in like))
    memory.add(Known(own, f"ligne {row.number}"))
    if doubles:
        return Judged(row, Verdict.DUPLICATE, ("Déjà connu\u00a0: même téléphone et même nom.",), doubles)
    if form.commune_code not in office.territory:
        found.doubts.append("Commune hors du territoire du dispositif.")
    if found.doubts and words.yes(row.values.get("confirmed", "")) is not True:
        return Judged(row, Verdict.DOUBTFUL, tuple(dict.fromkeys(found.doubts)), known, form)
    return Judged(row, Verdict.VALID, tuple(dict.fromkeys(found.doubts)), known, form)


def likeness_of(form: AlertForm) -> Likeness:
    """What tells whether this row and another request may come from one household."""
    numbers = frozenset(number for number in (form.phone, form.other_phone) if number)
    return Likeness(numbers, search_key(form.surname, form.first_name), search_key(form.street), form.commune_code)


def doubles_of(own: Likeness, like: Sequence[Known], found: Findings) -> tuple[str, ...]:
    """Among what is like it, the open requests of the same household; whatever else is alike is a doubt."""
    same_number = [one for one in like if own.shares_number(one.likeness)]
    doubles = [one.number for one in same_number if one.is_open and own.has_like_name(one.likeness)]
    if any(not own.has_like_name(one.likeness) for one in same_number):
        found.doubts.append("Une autre demande a ce téléphone, sous un autre nom.")
    if any(not one.is_open and own.has_like_name(one.likeness) for one in same_number):
        found.doubts.append("Une demande close ressemble à celle-ci (même téléphone, même nom).")
    if len(same_number) < len(like):
        found.doubts.append("Une autre demande lui ressemble (nom et adresse).")
    return tuple(dict.fromkeys(doubles))


def _form(values: Mapping[str, str], office: Office, gazetteer: Gazetteer, found: Findings) -> AlertForm | None:
    data = identity(values, found)
    data["giver_name"] = data["giver_name"] or office.giver.name
    data["giver_email"] = values.get("giver_email") or office.giver.email
    data["giver_phone"] = _giver_phone(values, office, found)
    data |= words.choices(values, found.refused) | _agreement(values, office, found)
    data["free_text"] = free_text(values, data.pop("unread", ""), found)
    data |= place(values, gazetteer, found)
    return None if found.refused else validated(data, found)


def identity(values: Mapping[str, str], found: Findings) -> dict[str, Any]:
    """Who the household is, where it is written to and called; what looks like something else is told."""
    data: dict[str, Any] = {name: words.line(values.get(name, "")) for name in _LINES}
    if not data["first_name"]:
        civility, surname, first_name = words.person(data["surname"])
        data |= {"surname": surname, "first_name": first_name, "civility": data["civility"] or civility}
    for name in ("surname", "first_name", "street", "complement", "landlord"):
        if data[name].startswith(_FORMULA):
            found.doubts.append(f"{found.called(name)} commence comme une formule\u00a0: lu comme un texte.")
        if MASK in data[name]:
            found.refused.append(f"{found.called(name)} contenait un numéro de sécurité sociale.")
    number = words.line(values.get("street_number", ""))
    data["street"] = f"{number} {data['street']}".strip() if data["street"] else ""
    data["email"] = values.get("email", "")
    data["phone"], data["other_phone"] = phones_of(values, found)
    return data


def place(values: Mapping[str, str], gazetteer: Gazetteer, found: Findings) -> dict[str, str]:
    """Commune and postcode; nothing when the commune is not known."""
    commune = gazetteer.find(values)
    if isinstance(commune, str):
        found.refused.append(commune)
        return {}
    postcode = words.postcode(values.get("postcode", "")) or next(iter(commune.postcodes), "")
    return {"commune_code": commune.code, "postcode": postcode}


def phones_of(values: Mapping[str, str], found: Findings) -> tuple[str, str | None]:
    """The numbers that can be dialled, in their order; without any, nothing and a refusal."""
    cells = values.get("phone", ""), values.get("phone_2", "")
    written = [part for text in cells if text for part in _parts_of(text)]
    numbers = []
    for text in written:
        with suppress(PhoneRefused):
            numbers.append(normalise(text))
    if not numbers:
        found.refused.append("Téléphone non valable." if written else "Téléphone absent.")
        return "", None
    if len(numbers) < len(written) and all(any(sign.isdigit() for sign in text) for text in written):
        found.doubts.append("Un des deux numéros de téléphone n’est pas valable\u00a0: il serait laissé de côté.")
    first, *others = dict.fromkeys(numbers)
    if len(others) > 1:
        found.doubts.append("Plus de deux numéros de téléphone\u00a0: les deux premiers seraient gardés.")
    return first, next(iter(others), None)


def _parts_of(text: str) -> list[str]:
    """A cell that is no number as it stands may hold those of two people."""
    try:
        normalise(text)
    except PhoneRefused:
        return [part for part in _BETWEEN_NUMBERS.split(text) if part.strip()] or [text]
    return [text]


def _giver_phone(values: Mapping[str, str], office: Office, found: Findings) -> str | None:
    text = values.get("giver_phone", "")
    try:
        return normalise(text) if text else office.giver.phone
    except PhoneRefused:
        found.doubts.append("«\u00a0Téléphone du référent\u00a0» n’est pas valable\u00a0: il serait laissé de côté.")
        return None


def _agreement(values: Mapping[str, str], office: Office, found: Findings) -> dict[str, Any]:
    """The household's agreement, from the row or, if the row says nothing, from who collected it for the file."""
    text = values.get("agreement", "")
    said = words.agreed(text)
    mode = words.agreement_mode(f"{values.get('agreement_mode', '')} {text}")
    if said is False:
        found.refused.append("La personne n’a pas donné son accord.")
    elif text and said is None:
        found.refused.append("Accord du ménage à préciser\u00a0: écrivez oui ou non.")
    elif said is None and office.collected is None:
        found.refused.append("Accord du ménage absent.")
    elif said is None and office.collected is not None:
        by_file = {"agreement_on": office.collected.on, "agreement_by": office.collected.by}
        return {"agreement": True, "agreement_mode": mode, **by_file}
    written = values.get("agreement_on", "")
    on = words.day(written) or (words.day(text) if not written else None)
    if written and on is None:
        found.refused.append(f"{found.called('agreement_on')} n’est pas une date\u00a0: écrivez jour/mois/année.")
    elif said_wrong := wrong_day(on, office.today):
        found.refused.append(said_wrong)
    return {"agreement": said is True, "agreement_mode": mode, "agreement_on": on}


def free_text(values: Mapping[str, str], unread: str, found: Findings) -> str:
    """What a row adds in words, short enough for an alert."""
    text = "\n".join(part for part in (values.get("free_text", ""), unread) if part).replace("\0", "")
    if len(text) > SHORT_TEXT:
        found.doubts.append(f"Précisions trop longues\u00a0: elles seraient coupées à {SHORT_TEXT} caractères.")
    return text[:SHORT_TEXT]


def validated(data: dict[str, Any], found: Findings) -> AlertForm | None:
    """The form; what it does not need and cannot be read is left aside with a doubt, the rest refuses the row."""
    try:
        return AlertForm.model_validate(data)
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors(include_input=False)}
    for name in sorted(wrong & set(_NEEDED)):
        state = "absent" if not data[name] else "trop long ou illisible"
        found.refused.append(f"{found.called(name, _NEEDED)} est {state}.")
    for name in sorted(wrong - set(_NEEDED)):
        found.doubts.append(f"{found.called(name)} n’est pas valable\u00a0: il serait laissé de côté.")
        del data[name]
    return None if found.refused else AlertForm.model_validate(data)

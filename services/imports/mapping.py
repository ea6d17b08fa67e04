"""Which column says what: French headers by their synonyms, or a mapping file; what must not be kept is dropped."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from services.foundation import yaml_files
from services.imports.reading import FileRefused, Sheet
from services.rules.finding import search_key

SEARCHED_ROWS: Final = 20
"""How far down the header may stand: titles and merged cells often come first."""
RECOGNISED: Final = 3
SAMPLES, SAMPLE = 2, 40
"""How many values of a column are shown to whoever says what it is, and how much of each."""
ROW_HEADER: Final = "Ligne (Relais)"
REASON_HEADER: Final = "Motif (Relais)"
CONFIRM_HEADER: Final = "Confirmer (Relais)"

LABELS: Final[Mapping[str, str]] = {
    "surname": "Nom",
    "first_name": "Prénom",
    "civility": "Civilité",
    "phone": "Téléphone",
    "phone_2": "Téléphone 2",
    "email": "Adresse électronique",
    "street_number": "Numéro de rue",
    "street": "Adresse",
    "complement": "Complément d’adresse",
    "postcode": "Code postal",
    "commune": "Commune",
    "commune_code": "Code INSEE",
    "tenure": "Statut d’occupation",
    "landlord": "Bailleur",
    "motives": "Motifs de l’alerte",
    "urgency": "Urgence",
    "best_time": "Meilleur moment",
    "agreement": "Accord du ménage",
    "agreement_on": "Date de l’accord",
    "agreement_mode": "Forme de l’accord",
    "sms_agreed": "Accord SMS",
    "birth_year": "Année de naissance",
    "people": "Nombre de personnes",
    "giver_name": "Référent",
    "giver_email": "Courriel du référent",
    "giver_phone": "Téléphone du référent",
    "free_text": "Précisions",
    "confirmed": CONFIRM_HEADER,
}
"""Every field that a column of alerts may feed, with the header that the file to correct gives it."""

REQUIRED: Final = ("surname", "phone", "street", "tenure", "motives")

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "surname": ("nom du ménage", "nom de famille", "nom allocataire", "nom du bénéficiaire", "nom usuel", "nom prénom",
                "nom et prénom", "bénéficiaire", "allocataire", "demandeur", "nom du demandeur"),
    "first_name": ("prénoms", "prénom allocataire", "prénom du bénéficiaire", "prénom du demandeur"),
    "civility": ("titre", "qualité"),
    "phone": ("tél", "tel.", "téléphone 1", "tél 1", "portable", "mobile", "téléphone portable", "tél portable",
              "numéro de téléphone", "n° de téléphone", "n° tél", "téléphone mobile"),
    "phone_2": ("tél 2", "téléphone fixe", "tél fixe", "fixe", "autre téléphone"),
    "email": ("email", "e-mail", "courriel", "mail", "adresse mail", "adresse e-mail", "adresse courriel"),
    "street_number": ("n° de rue", "n° de voie", "numéro de voie", "n° voie", "numéro"),
    "street": ("adresse postale", "adresse du logement", "numéro et rue", "n° et rue", "rue", "voie", "adresse 1",
               "libellé voie", "nom de la voie"),
    "complement": ("complément", "complément adresse", "adresse 2", "étage", "bâtiment", "appartement"),
    "postcode": ("cp", "code post", "codepostal"),
    "commune": ("ville", "localité", "commune de résidence"),
    "commune_code": ("insee", "code commune", "code insee commune"),
    "tenure": ("statut", "occupation", "statut occupation", "statut du logement", "statut d'occupation du logement"),
    "landlord": ("nom du bailleur", "propriétaire", "nom du propriétaire"),
    "motives": ("motif", "motifs", "motif de l'alerte", "motif du signalement", "motifs du signalement", "problème",
                "problématique", "motif de la demande", "nature de la demande"),
    "urgency": ("degré d'urgence", "niveau d'urgence", "urgent"),
    "best_time": ("disponibilité", "disponibilités", "créneau", "moment d'appel", "meilleur moment pour appeler"),
    "agreement": ("accord", "consentement", "accord de la personne", "accord du bénéficiaire", "accord recueilli",
                  "autorisation", "consentement du ménage", "accord oui/non"),
    "agreement_on": ("date accord", "accord le", "date du consentement", "date du recueil de l'accord"),
    "agreement_mode": ("mode d'accord", "type d'accord", "mode de recueil"),
    "sms_agreed": ("sms", "accord sms", "accepte les sms"),
    "birth_year": ("date de naissance", "né le", "né(e) le", "naissance", "ddn"),
    "people": ("nb personnes", "nombre de personnes au foyer", "nb de personnes", "composition du foyer", "nb pers"),
    "giver_name": ("travailleur social", "donneur d'alerte", "nom du référent", "instructeur", "prescripteur",
                   "agent", "nom du travailleur social"),
    "giver_email": ("mail du référent", "email du référent", "mail référent", "courriel du travailleur social"),
    "giver_phone": ("tél du référent", "tél référent", "téléphone du travailleur social"),
    "free_text": ("commentaire", "commentaires", "observation", "observations", "remarque", "remarques", "notes"),
}  # fmt: skip

# Source: decree 2019-341 lists who may use the NIR; visits against fuel poverty are not among them.
_NIR_HEADERS: Final = ("nir", "numéro de sécurité sociale", "n° sécurité sociale", "n° de sécurité sociale", "n° sécu",
                       "numéro de sécu", "sécurité sociale", "nss", "n° ss", "numéro ss", "no ss",
                       "numéro insee", "n° insee", "immatriculation")  # fmt: skip
_CAF_HEADERS: Final = ("numéro allocataire", "n° allocataire", "numéro d'allocataire", "n° d'allocataire", "n° caf",
                       "numéro caf", "matricule caf", "matricule", "num alloc", "n° alloc", "no allocataire",
                       "matricule allocataire", "numéro d'allocataire caf")  # fmt: skip

_CAF_NUMBER: Final = re.compile(r"(?i)\b(?:allocataire|caf|matricule)\b[^0-9\n]{0,15}[0-9]{6,7} ?[a-z]?\b")


@dataclass(frozen=True)
class Columns:
    """What the columns of one kind of file may feed: each field's header, its other names, those that are needed."""

    labels: Mapping[str, str]
    synonyms: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    mark: str = ""  # before the key of a header, wherever what was said of it is kept


ALERT_COLUMNS: Final = Columns(LABELS, SYNONYMS, REQUIRED, "alerts:")


class MappingFile(BaseModel):
    """What a mapping file may say: field → header, field → value when empty, field → {text of the file: code}.

    An empty header: no column is that field.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    columns: dict[str, str] = Field(default_factory=dict)
    defaults: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)

    @field_validator("columns", "defaults", "values")
    @classmethod
    def _known(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        columns: Columns = (info.context or {}).get("columns", ALERT_COLUMNS)
        if unknown := sorted(set(value) - set(columns.labels)):
            raise ValueError(f"champs inconnus\u00a0: {', '.join(unknown)}")
        return value


_NOTHING: Final[Mapping[str, MappingFile]] = MappingProxyType({})
NOT_KEPT: Final = frozenset({"nir", "caf"})


class ColumnsRefused(FileRefused):
    """Its rows may be good: somebody has to say which column is what."""

    code = "columns-refused"


@dataclass(frozen=True)
class Row:
    """One row by field; `number` is the one that the spreadsheet shows, `titles` how it heads each field."""

    sheet: int
    number: int
    values: Mapping[str, str]
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapped:
    """The rows of a file by field, and what became of its columns (headers, never values)."""

    rows: list[Row]
    kept: tuple[str, ...]
    nir_dropped: tuple[str, ...] = field(default=())
    caf_dropped: tuple[str, ...] = field(default=())
    ignored: tuple[str, ...] = field(default=())
    headers: str = ""  # what `header_key` makes of the header
    remembered: bool = False  # read as somebody once said of such a header


@dataclass(frozen=True)
class Column:
    """One column as its title says: the field that it would feed, one of `NOT_KEPT`, or nothing; two of its values."""

    title: str
    field: str
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """How the columns of a file are read before anybody corrects it; `said` is what holds for them."""

    columns: tuple[Column, ...]
    said: MappingFile
    headers: str
    remembered: bool


def read_mapping(path: Path, columns: Columns = ALERT_COLUMNS) -> MappingFile:
    """Read a mapping file (YAML). Raises `FileRefused`."""
    try:
        said = yaml_files.read(path.read_text(encoding="utf-8")) or {}
        return MappingFile.model_validate(said, context={"columns": columns})
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise FileRefused(f"Le fichier de correspondance «\u00a0{path.name}\u00a0» ne peut pas être lu.") from None
    except ValidationError as error:
        cause = "\u00a0; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise FileRefused(f"Le fichier de correspondance ne va pas\u00a0: {cause}.") from None


def apply(
    sheets: Sequence[Sheet],
    chosen: MappingFile,
    *,
    columns: Columns = ALERT_COLUMNS,
    remembered: Mapping[str, MappingFile] = _NOTHING,
) -> Mapped:
    """Find the header of the first sheet that has one, and name its columns. Raises `FileRefused`.

    `remembered` holds, by `header_key`, what was said of other files; what is said of this one wins.
    """
    place = _recognised(sheets, chosen, columns, remembered)
    if place is None:
        raise ColumnsRefused(
            "Aucune ligne d’en-têtes n’a été reconnue\u00a0: dites quelle colonne est quoi "
            "(Nom, Téléphone, Adresse, Code postal, Commune…)."
        )
    return _mapped(place, columns)


def layout(
    sheets: Sequence[Sheet],
    chosen: MappingFile,
    *,
    columns: Columns = ALERT_COLUMNS,
    remembered: Mapping[str, MappingFile] = _NOTHING,
) -> Layout:
    """The columns of a file, to be corrected. Refuses nothing: without a header its fullest row at the top is one."""
    place = _recognised(sheets, chosen, columns, remembered) or _fullest(sheets, chosen)
    titles, below = _titles(place.sheet.rows[place.row]), place.sheet.rows[place.row + 1 :]
    fields = _fields(place, columns)
    found = tuple(
        Column(title, fields[at], () if fields[at] in NOT_KEPT else _samples(below, at))
        for at, title in enumerate(titles)
        if title
    )
    return Layout(found, place.said, header_key(place.sheet.rows[place.row]), place.remembered)


def _samples(rows: Sequence[Sequence[str]], at: int) -> tuple[str, ...]:
    texts = (" ".join(row[at].split())[:SAMPLE] for row in rows if at < len(row))
    return tuple(islice(dict.fromkeys(text for text in texts if text), SAMPLES))


@dataclass(frozen=True)
class _Place:
    """Where the header stands, and what is said of its columns."""

    sheet: Sheet
    row: int
    said: MappingFile
    remembered: bool = False


def _recognised(
    sheets: Sequence[Sheet], chosen: MappingFile, columns: Columns, remembered: Mapping[str, MappingFile]
) -> _Place | None:
    if chosen == MappingFile():
        for sheet in sheets:
            for number, row in enumerate(sheet.rows[:SEARCHED_ROWS]):
                if (known := remembered.get(header_key(row))) is not None:
                    return _Place(sheet, number, known, remembered=True)
    names = _names(columns, chosen)
    for sheet in sheets:
        scores = [_score(row, names) for row in sheet.rows[:SEARCHED_ROWS]]
        if max(scores, default=0) >= RECOGNISED:
            return _Place(sheet, scores.index(max(scores)), chosen)
    return None


def _fullest(sheets: Sequence[Sheet], chosen: MappingFile) -> _Place:
    """The row with the most titles of the sheet with the most rows."""
    sheet = max(sheets, key=lambda each: len(each.rows))
    fill = [len({_key(cell) for cell in row if _key(cell)}) for row in sheet.rows[:SEARCHED_ROWS]]
    return _Place(sheet, fill.index(max(fill)), chosen)


def header_key(row: Sequence[str]) -> str:
    """The same for the same titles, in whatever order."""
    titles = sorted({key for cell in row if (key := _key(cell))})
    return hashlib.sha256("|".join(titles).encode()).hexdigest()


def _names(columns: Columns, chosen: MappingFile) -> dict[str, str]:
    """Normalised header → field; what a mapping file says wins."""
    names = {_key(label): name for name, label in columns.labels.items()}
    names |= {_key(word): name for name, words in columns.synonyms.items() for word in words}
    names |= dict.fromkeys(map(_key, _NIR_HEADERS), "nir") | dict.fromkeys(map(_key, _CAF_HEADERS), "caf")
    if not chosen.columns:
        return names
    replaced = set(chosen.columns)
    kept = {key: name for key, name in names.items() if name not in replaced}
    return kept | {_key(header): name for name, header in chosen.columns.items() if _key(header)}


def _titles(row: Sequence[str]) -> list[str]:
    """The titles of a header; the second of two that are alike gets a number, so that each can be told."""
    seen: Counter[str] = Counter()
    titles = []
    for cell in row:
        title = " ".join(cell.split())
        seen[_key(title)] += 1
        titles.append(f"{title} {seen[_key(title)]}" if title and seen[_key(title)] > 1 else title)
    return titles


def _key(header: str) -> str:
    return search_key(header.replace("°", "o").replace("N o", "No"))


def _score(row: Sequence[str], names: Mapping[str, str]) -> int:
    return len({names[_key(cell)] for cell in row if _key(cell) in names})


def _fields(place: _Place, known: Columns) -> list[str]:
    """What each column feeds: a field, one of `NOT_KEPT`, or nothing."""
    names, row = _names(known, place.said), place.sheet.rows[place.row]
    fields = [names.get(_key(title), "") for title in _titles(row)]
    if not place.said.columns:  # nobody chose between two columns of one title
        fields = [name or names.get(_key(cell), "") for name, cell in zip(fields, row, strict=True)]
    return ["nir" if at in place.sheet.nir_columns else name for at, name in enumerate(fields)]


def _mapped(place: _Place, known: Columns) -> Mapped:
    sheet, header, chosen = place.sheet, place.row, place.said
    fields, titles = _fields(place, known), _titles(sheet.rows[header])
    columns: dict[str, int] = {}
    dropped: dict[str, list[str]] = {"nir": [], "caf": [], "": []}
    for index, title in enumerate(titles):
        name = fields[index]
        if name in dropped:
            dropped[name].append(title or f"colonne {index + 1}")
        elif name in columns:
            raise ColumnsRefused(
                f"Deux colonnes peuvent être «\u00a0{known.labels[name]}\u00a0» "
                f"(«\u00a0{titles[columns[name]]}\u00a0» et «\u00a0{title}\u00a0»)\u00a0: dites laquelle."
            )
        else:
            columns[name] = index
    _require(known, columns, chosen)
    heads = {name: " ".join(titles[index].split())[:SAMPLE] for name, index in columns.items()}
    rows = [
        Row(sheet.number, number, _values(cells, columns, chosen), heads)
        for number, cells in enumerate(sheet.rows[header + 1 :], start=header + 2)
        if any(cell.strip() for cell in cells)
    ]
    ours = {ROW_HEADER, REASON_HEADER}
    ignored = tuple(title for title in dropped[""] if title not in ours and not title.startswith("colonne "))
    key = header_key(sheet.rows[header])
    return Mapped(
        rows, tuple(columns), tuple(dropped["nir"]), tuple(dropped["caf"]), ignored, key, remembered=place.remembered
    )


def _require(known: Columns, columns: Mapping[str, int], chosen: MappingFile) -> None:
    missing = [known.labels[name] for name in known.required if name not in columns and name not in chosen.defaults]
    if not {"commune", "commune_code", "postcode"} & {*columns, *chosen.defaults}:
        missing.append(known.labels["commune"])
    if missing:
        raise ColumnsRefused(
            f"Il manque des colonnes\u00a0: {', '.join(missing)}. Ajoutez-les, ou dites lesquelles en tiennent lieu."
        )


def _values(cells: Sequence[str], columns: Mapping[str, int], chosen: MappingFile) -> dict[str, str]:
    values = {name: cells[index].strip() if index < len(cells) else "" for name, index in columns.items()}
    values |= {name: _CAF_NUMBER.sub("[numéro d’allocataire masqué]", text) for name, text in values.items()}
    for name, code in chosen.defaults.items():
        values[name] = values.get(name) or code
    for name, codes in chosen.values.items():
        known = {search_key(text): code for text, code in codes.items()}
        values[name] = known.get(search_key(values.get(name, "")), values.get(name, ""))
    return values

"""Which column says what: French headers by their synonyms, or a mapping file; what must not be kept is dropped."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from services.alerts import search_key
from services.imports.reading import FileRefused, Sheet

SEARCHED_ROWS: Final = 20
"""How far down the header may stand: titles and merged cells often come first."""
RECOGNISED: Final = 3
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


ALERT_COLUMNS: Final = Columns(LABELS, SYNONYMS, REQUIRED)


class MappingFile(BaseModel):
    """What a mapping file may say: field → header, field → value when empty, field → {text of the file: code}."""

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


@dataclass(frozen=True)
class Row:
    """One row by field; `number` is the one that the spreadsheet shows."""

    sheet: int
    number: int
    values: Mapping[str, str]


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


def read_mapping(path: Path, columns: Columns = ALERT_COLUMNS) -> MappingFile:
    """Read a mapping file (YAML). Raises `FileRefused`."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
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
    if not chosen.columns and not chosen.defaults and not chosen.values:
        for sheet in sheets:
            for number, row in enumerate(sheet.rows[:SEARCHED_ROWS]):
                if (known := remembered.get(header_key(row))) is not None:
                    return replace(_mapped(sheet, number, columns, known), remembered=True)
    names = _names(columns, chosen)
    for sheet in sheets:
        scores = [_score(row, names) for row in sheet.rows[:SEARCHED_ROWS]]
        if max(scores, default=0) >= RECOGNISED:
            return _mapped(sheet, scores.index(max(scores)), columns, chosen)
    raise FileRefused(
        "Aucune ligne d’en-têtes n’a été reconnue\u00a0: la première doit nommer les colonnes "
        "(Nom, Téléphone, Adresse, Code postal, Commune…), ou donnez un fichier de correspondance avec --mapping."
    )


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
    return kept | {_key(header): name for name, header in chosen.columns.items()}


def _key(header: str) -> str:
    return search_key(header.replace("°", "o").replace("N o", "No"))


def _score(row: Sequence[str], names: Mapping[str, str]) -> int:
    return len({names[_key(cell)] for cell in row if _key(cell) in names})


def _mapped(sheet: Sheet, header: int, known: Columns, chosen: MappingFile) -> Mapped:
    names = _names(known, chosen)
    headers = [" ".join(cell.split()) for cell in sheet.rows[header]]
    columns: dict[str, int] = {}
    dropped: dict[str, list[str]] = {"nir": [], "caf": [], "": []}
    for index, title in enumerate(headers):
        name = "nir" if index in sheet.nir_columns else names.get(_key(title), "")
        if name in dropped:
            dropped[name].append(title or f"colonne {index + 1}")
        elif name in columns:
            raise FileRefused(
                f"Deux colonnes peuvent être «\u00a0{known.labels[name]}\u00a0» "
                f"(«\u00a0{headers[columns[name]]}\u00a0» et «\u00a0{title}\u00a0»)\u00a0: choisissez avec --mapping."
            )
        else:
            columns[name] = index
    _require(known, columns, chosen)
    rows = [
        Row(sheet.number, number, _values(cells, columns, chosen))
        for number, cells in enumerate(sheet.rows[header + 1 :], start=header + 2)
        if any(cell.strip() for cell in cells)
    ]
    ours = {ROW_HEADER, REASON_HEADER}
    ignored = tuple(title for title in dropped[""] if title not in ours and not title.startswith("colonne "))
    key = header_key(sheet.rows[header])
    return Mapped(rows, tuple(columns), tuple(dropped["nir"]), tuple(dropped["caf"]), ignored, key)


def _require(known: Columns, columns: Mapping[str, int], chosen: MappingFile) -> None:
    missing = [known.labels[name] for name in known.required if name not in columns and name not in chosen.defaults]
    if not {"commune", "commune_code", "postcode"} & {*columns, *chosen.defaults}:
        missing.append(known.labels["commune"])
    if missing:
        raise FileRefused(
            f"Il manque des colonnes\u00a0: {', '.join(missing)}. Ajoutez-les, ou dites avec --mapping "
            "quelle colonne ou quelle valeur en tient lieu."
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

"""What the API answers of files to take in: counts, titles and reasons, no name of a household."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from models.vocabulary import ImportKind, ImportState
from services.forms import Form
from services.imports.verdicts import Verdict
from services.web.api.answers import Answer


class ImportAnswer(Answer):
    """Un fichier à reprendre, par ses comptes."""

    id: UUID = Field(description="Fichier")
    kind: ImportKind
    state: ImportState
    filename: str = Field(
        description="Nom du fichier ; vide une fois ses lignes effacées", examples=["Suivi 2025.xlsx"]
    )
    dropped_at: datetime = Field(description="Déposé le")
    done_at: datetime | None = Field(description="Repris le")
    wanted: int = Field(description="Lignes à reprendre, une fois la reprise commencée", examples=[42])
    taken: int = Field(description="Lignes reprises", examples=[42])
    counts: dict[str, int] = Field(description="Lignes par verdict", examples=[{"valid": 42, "refused": 8}])
    refusal: str = Field(description="Pourquoi la reprise s’est arrêtée", examples=[""])


class Imports(Answer):
    """Les derniers fichiers, du plus récent au plus ancien."""

    items: list[ImportAnswer]


class ImportColumn(Answer):
    """Une colonne, et ce qu’elle est."""

    title: str = Field(description="Titre dans le fichier", examples=["Où en est-on ?"])
    field: str = Field(
        description="Champ de Relais ; `nir` et `caf` sont écartés ; vide : la colonne n’est pas lue",
        examples=["stage"],
    )


class ImportValue(Answer):
    """Une valeur qui n’a pas été comprise."""

    field: str = Field(description="Champ", examples=["operator"])
    text: str = Field(description="Ce qui est écrit", examples=["Karim"])
    rows: int = Field(description="Dans combien de lignes", examples=[12])


class ImportRow(Answer):
    """Une ligne et son verdict."""

    number: int = Field(description="Numéro de la ligne, celui du tableur", examples=[7])
    verdict: Verdict = Field(description="Ce qu’il en est", examples=["refused"])
    reasons: list[str] = Field(description="Pourquoi")
    known: list[str] = Field(description="Situations ou lignes qui lui ressemblent")


class ImportPreview(Answer):
    """Ce qu’un fichier donnerait."""

    refusal: str = Field(description="Ce qu’il faut d’abord dire de ses colonnes", examples=[""])
    columns: list[ImportColumn]
    unread: list[ImportValue]
    counts: dict[str, int] = Field(description="Lignes par verdict", examples=[{"valid": 42, "refused": 8}])
    total: int = Field(description="Lignes de ce verdict", examples=[50])
    rows: list[ImportRow]


class ImportColumns(Form):
    """What somebody says of the columns of a file: as a mapping file does."""

    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Champ → titre de la colonne ; un titre vide : aucune colonne",
        examples=[{"stage": "Où en est-on ?", "tenure": "Statut"}],
    )
    defaults: dict[str, str] = Field(
        default_factory=dict, description="Champ → valeur des cases vides", examples=[{"tenure": "social_tenant"}]
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Champ → ce qui est écrit → ce que cela veut dire",
        examples=[{"stage": {"V1 ok": "to_report"}}],
    )

"""What the API answers of a programme's settings: its pathway, what changes would do, its texts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from models.vocabulary import Channel, Party, Stage
from services.web.api.answers import Answer


class SettingLine(Answer):
    """Ce qui se change dans le parcours."""

    name: str = Field(description="Nom du réglage, à rendre dans « changes »", examples=["tasks.triage.due.delay"])
    words: str = Field(description="Ce que c’est, en clair", examples=["Examiner la demande de visite, délai"])
    value: str = Field(description="Valeur : nombre, délai (5wd, 15d, 4h, 1mo), on ou off", examples=["3wd"])


class PublicationLine(Answer):
    """Une version mise en vigueur."""

    version: int = Field(description="Numéro de version", examples=[7])
    at: datetime = Field(description="Mise en vigueur")
    by: str = Field(description="Qui l’a publiée ; vide : une commande", examples=["Maud Lenoir"])
    replaced: int | None = Field(description="Version qu’elle remplace", examples=[6])


class PathwayAnswer(Answer):
    """Le parcours que suivent les nouvelles situations."""

    name: str = Field(description="Nom du parcours", examples=["slime"])
    version: int = Field(description="Numéro de version", examples=[7])
    hash: str = Field(description="Empreinte, à rendre dans « started_from »", examples=["3fc9a1d0"])
    behind: int = Field(description="Situations ouvertes qui suivent une autre version", examples=[40])
    is_moving: bool = Field(description="Relais les déplace vers celle-ci en ce moment", examples=[False])
    settings: list[SettingLine] = Field(description="Ce qui se change ici")
    history: list[PublicationLine] = Field(description="Versions publiées, la plus récente d’abord")
    definition: dict[str, Any] = Field(description="La définition entière", examples=[{"name": "slime"}])


class DateMove(Answer):
    """Une tâche ouverte et sa date, avant et après."""

    task: str = Field(description="Nature de la tâche", examples=["first_call"])
    before: datetime = Field(description="Échéance actuelle")
    after: datetime = Field(description="Échéance sous la nouvelle version")


class CaseMoveLine(Answer):
    """Ce que deviendrait une situation ouverte."""

    case_id: UUID = Field(description="Situation")
    number: str = Field(description="Référence de la situation", examples=["2026-00042"])
    tasks: list[DateMove] = Field(description="Dates qui changent")
    stays: str = Field(description="Pourquoi elle garderait sa version ; vide : elle changerait", examples=[""])


class PathwayPreview(Answer):
    """Ce que changeraient de nouvelles valeurs."""

    version: int = Field(description="Numéro que prendrait la version", examples=[8])
    hash: str = Field(description="Empreinte du parcours en vigueur", examples=["3fc9a1d0"])
    told: list[str] = Field(description="Ce qui change, en clair")
    following: int = Field(description="Situations ouvertes qui suivent une autre version", examples=[41])
    redated: int = Field(description="Dont celles qui ont une tâche au délai changé", examples=[12])
    reminded: int = Field(description="Dont celles qui ont une tâche aux relances changées", examples=[9])
    moves: list[CaseMoveLine] = Field(description="Les 25 premières, avec leurs dates")


class Published(Answer):
    """Le parcours mis en vigueur."""

    name: str = Field(description="Nom du parcours", examples=["slime"])
    version: int = Field(description="Numéro de version", examples=[8])
    hash: str = Field(description="Empreinte", examples=["3fc9a1d0"])


class OpenMoving(Answer):
    """Les situations ouvertes que Relais déplace en arrière-plan."""

    left: int = Field(description="Situations qui suivent une autre version que celle en vigueur", examples=[40])


class TextWords(Answer):
    """Un texte, les champs entre crochets."""

    subject: str = Field(description="Objet ; vide pour un SMS", examples=["Demande acceptée – situation [référence]"])
    body: str = Field(description="Texte", examples=["Bonjour,\n\nMerci.\n\n[signature]"])


class TextListLine(Answer):
    """Un texte que le parcours envoie."""

    text: str = Field(description="Nom du texte", examples=["referral_request"])
    party: Party = Field(description="Qui le lit")
    channel: Channel = Field(description="Par quelle voie")
    title: str = Field(description="Comment on l’appelle", examples=["Demande acceptée"])
    stage: Stage | None = Field(description="Étape ; vide : à tout moment")
    version: int = Field(description="Version en vigueur ; 0 : jamais changé", examples=[0])
    is_own: bool = Field(description="Dit dans les mots du dispositif", examples=[False])
    words: TextWords = Field(description="Ce qui est envoyé")


class TextList(Answer):
    """Les textes du dispositif."""

    items: list[TextListLine] = Field(description="Les textes")


class TextVersionLine(Answer):
    """Une version d’un texte."""

    version: int = Field(description="Numéro de version", examples=[2])
    at: datetime = Field(description="Enregistrement")
    by: str = Field(description="Qui l’a écrite ; vide : une commande", examples=["Maud Lenoir"])
    words: TextWords | None = Field(description="Ses mots ; vide : retour au texte d’origine")


class TextAnswer(Answer):
    """Un texte, ce qu’il peut dire, ses versions."""

    line: TextListLine = Field(description="Le texte en vigueur")
    shipped: TextWords = Field(description="Le texte d’origine")
    fields: list[str] = Field(description="Champs qu’il connaît")
    subject_fields: list[str] = Field(description="Champs permis dans l’objet")
    needs_link: bool = Field(description="Doit porter « [lien] », seul sur sa ligne", examples=[True])
    versions: list[TextVersionLine] = Field(description="Versions, la plus récente d’abord")


class TextTried(Answer):
    """Un texte sur des valeurs inventées."""

    subject: str = Field(description="Objet", examples=["Demande acceptée – situation 2026-00231"])
    body: str = Field(description="Texte", examples=["Bonjour,\n\nMerci.\n"])
    faults: dict[str, str] = Field(description="Ce qui empêche de l’enregistrer, par champ", examples=[{}])
    sms: int = Field(description="Nombre de SMS ; 0 pour un e-mail ou une lettre", examples=[0])

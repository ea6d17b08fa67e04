"""What the API answers of many cases at once: the day, who owes what, the stages, the figures, the story of a case."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from models.vocabulary import Party, Role, Stage
from services.web.api.answers import Answer


class DayLine(Answer):
    """La tâche la plus pressée d’une situation, et pourquoi elle vient à ce rang."""

    case_id: UUID
    number: str
    stage: Stage
    commune: str
    task_id: UUID
    kind: str
    title: str
    due_at: datetime
    waiting_for: str = Field(description="Qui a la main, en clair")
    phone: str = Field(description="Où l’appeler ; vide : aucun numéro")
    reasons: list[str] = Field(description="Ce qui la fait monter, du plus lourd au plus léger")
    doubt_id: UUID | None = Field(description="Message dont il faut dire s’il est arrivé")


class ReturnedLine(Answer):
    """Un e-mail revenu : l’adresse est à vérifier."""

    message_id: UUID
    case_id: UUID
    number: str
    party: Party
    organisation_id: UUID | None


class Day(Answer):
    """Ce qui demande une main, du plus pressé au moins pressé."""

    items: list[DayLine]
    page: int
    total: int = Field(description="Nombre de situations, toutes pages comprises")
    alone: int = Field(description="Situations qui avancent seules")
    letters: int = Field(description="Courriers à imprimer ou à poster")
    came_back: list[ReturnedLine] = Field(description="E-mails revenus ces derniers jours ; pour la coordination")


class OwedLine(Answer):
    """Une chose attendue."""

    task_id: UUID
    case_id: UUID
    number: str
    kind: str
    title: str
    due_at: datetime
    next_reminder_at: datetime | None = Field(description="Prochaine relance ; vide : aucune")


class DebtorLine(Answer):
    """Qui est attendu, avec tout ce qu’il doit sur cette page."""

    party: Party
    organisation_id: UUID | None
    person_id: UUID | None = Field(description="De votre équipe, si c’est elle qui est attendue")
    name: str
    phone: str
    due: int = Field(description="Nombre de choses attendues, toutes pages comprises")
    late: int = Field(description="Dont en retard")
    oldest: datetime = Field(description="La plus ancienne échéance")
    last_mail_at: datetime | None = Field(description="Dernier courriel remis")
    next_mail_at: datetime | None = Field(description="Prochain courriel")
    items: list[OwedLine]


class Owing(Answer):
    """Qui doit quoi, du plus ancien retard au plus récent."""

    debtors: list[DebtorLine]
    page: int
    total: int = Field(description="Nombre de choses attendues, toutes pages comprises")


class WaitingLine(Answer):
    """De qui des situations d’une étape attendent quelque chose."""

    party: Party
    organisation_id: UUID | None
    name: str
    cases: int = Field(description="Nombre de situations")
    late: int = Field(description="Dont en retard")
    since: datetime | None = Field(description="Depuis quand la plus ancienne en retard attend")


class StageLine(Answer):
    """Une étape."""

    stage: Stage
    count: int = Field(description="Nombre de situations")
    late: int = Field(description="Dont en retard")
    soon: int = Field(description="Dont une échéance tombe sous quatorze jours")
    age_days: int | None = Field(description="Âge médian, en jours depuis l’ouverture")
    waiting: list[WaitingLine] = Field(description="Qui est attendu, le plus souvent d’abord")


class Stages(Answer):
    """Les cinq étapes des situations ouvertes."""

    items: list[StageLine]
    total: int = Field(description="Nombre de situations ouvertes")


class FigureLine(Answer):
    """Un nombre ; vide quand il parlerait de moins de cinq ménages."""

    code: str
    count: int | None = Field(description="Nombre de situations ; vide : moins de cinq")


class DelayLine(Answer):
    """Le temps d’un pas du parcours, en jours ; vide quand trop peu de situations l’ont fait."""

    code: str
    median: float | None = Field(description="Délai médian, en jours")
    ninth: float | None = Field(description="Neuf situations sur dix vont au moins aussi vite, en jours")


class FiguresAnswer(Answer):
    """Les chiffres des situations ouvertes dans une période ; rien sur moins de cinq ménages."""

    opened_from: date | None
    opened_to: date | None
    total: int | None = Field(description="Nombre de situations ouvertes dans la période ; vide : moins de cinq")
    open_cases: int | None = Field(description="Dont encore ouvertes")
    received: list[FigureLine] = Field(description="Demandes, ménages, conditions non réunies")
    gaps: list[FigureLine] = Field(description="Besoins restés sans solution, par type")
    funnel: list[FigureLine] = Field(description="Jusqu’où elles vont")
    delays: list[DelayLine] = Field(description="En combien de temps")
    ages: list[FigureLine] = Field(description="Depuis combien de jours les ouvertes le sont")
    seasons: list[FigureLine] = Field(description="Le mois où elles arrivent")


class StoryLine(Answer):
    """Une ligne de l’histoire d’une situation, dite en français."""

    at: datetime
    kind: str
    text: str
    by: str = Field(description="Qui l’a fait, ou dit")
    state: str = Field(description="Ce que le message est devenu ; vide : ce n’est pas un message")
    why: str = Field(description="Pourquoi ce message est parti, ou ne partira pas")
    quote: str = Field(description="Les mots d’une note")
    message_id: UUID | None


class Story(Answer):
    """L’histoire d’une situation, du plus récent au plus ancien."""

    items: list[StoryLine]


class RoleLine(Answer):
    """Un rôle tenu dans le dispositif."""

    id: UUID
    role: Role
    organisation_id: UUID | None


class PersonLine(Answer):
    """Une personne du dispositif."""

    id: UUID
    name: str
    email: str
    roles: list[RoleLine] = Field(description="Ses rôles dans ce dispositif")
    signed_in: int = Field(description="Nombre de navigateurs connectés en ce moment")
    guarded: bool = Field(description="Un second facteur lui est demandé")
    closed_at: datetime | None = Field(description="Compte fermé depuis")


class PeopleAnswer(Answer):
    """Les personnes du dispositif, par nom ; celles qui sont parties à la fin."""

    items: list[PersonLine]


class LetterLine(Answer):
    """Un courrier."""

    message_id: UUID
    case_id: UUID
    number: str
    text: str = Field(description="Code du texte")
    due_at: datetime
    error: str | None = Field(description="Pourquoi il n’a pas pu être écrit")


class LetterBatchLine(Answer):
    """Des courriers imprimés ensemble, et qui ne sont pas tous postés."""

    id: UUID
    printed_on: date = Field(description="Jour de l’impression")
    ordinal: int
    letters: list[LetterLine] = Field(description="Ceux qui restent à poster")


class Letters(Answer):
    """Les courriers qui attendent l’imprimante, et ceux qui attendent la poste."""

    to_print: list[LetterLine] = Field(description="Une page de ceux à imprimer, le plus ancien d’abord")
    page: int = Field(description="Cette page, à partir de 1")
    total: int = Field(description="Nombre de courriers à imprimer, toutes pages comprises")
    to_post: list[LetterBatchLine] = Field(description="Une page de ceux à poster, le plus ancien d’abord")
    post_page: int = Field(description="Cette page, à partir de 1")
    post_total: int = Field(description="Nombre de courriers à poster, toutes pages comprises")


class AccessLine(Answer):
    """Une ligne du journal des accès."""

    at: datetime
    who: str = Field(description="Personne, structure, ou nature de qui est venu")
    action: str = Field(description="Code de ce qui a été fait")
    number: str = Field(description="Référence de la situation ; vide : aucune")
    about: str = Field(description="Compte concerné ; vide : aucun")
    allowed: bool = Field(description="Accordé, ou refusé")
    reason: str


class AccessLines(Answer):
    """Le journal des accès, du plus récent au plus ancien ; gardé douze mois."""

    items: list[AccessLine]
    page: int
    total: int = Field(description="Nombre de lignes, toutes pages comprises")


class Printed(Answer):
    """Ce que l’impression a donné."""

    batch_id: UUID | None = Field(description="Le fichier à imprimer ; vide : plus aucun courrier n’avait de raison")


class Posted(Answer):
    """Ce qui a été noté."""

    count: int = Field(description="Nombre de courriers postés")

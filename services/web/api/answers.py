"""What the API answers: codes, dates and ids, and no more of a household than its reader needs."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.vocabulary import (
    AgreementMode,
    BestTime,
    CaseState,
    Channel,
    Danger,
    Loop,
    MessageState,
    OrganisationKind,
    Party,
    PermissionKind,
    ReferralKind,
    ReferralState,
    Stage,
    TaskState,
    Tenure,
    Theme,
    Urgency,
    VisitState,
)


class Answer(BaseModel):
    """Base: what is not written here is not answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Receipt(Answer):
    """Accusé d’un acte."""

    case_id: UUID = Field(description="Situation")
    number: str = Field(description="Référence de la situation", examples=["2026-00042"])
    state: CaseState | None = Field(None, description="État après l’acte ; absent pour un donneur d’alerte")
    stage: Stage | None = Field(None, description="Étape après l’acte ; absente pour un donneur d’alerte")
    version: int | None = Field(None, description="Version, celle de l’ETag")
    made_id: UUID | None = Field(None, description="Ce que l’acte a créé : visite, orientation, fichier, rapport")


class Waiting(Answer):
    """Qui a la main, et jusqu’à quand."""

    party: Party | None = Field(description="Qui est attendu ; vide : Relais traite la situation")
    organisation: str | None = Field(None, description="Structure attendue")
    until: datetime | None = Field(None, description="Échéance")
    task: str | None = Field(None, description="Ce qui est attendu", examples=["answer_referral"])


class CaseLine(Answer):
    """Une situation dans une liste, sans le nom du ménage."""

    id: UUID
    number: str
    state: CaseState
    stage: Stage
    urgency: Urgency
    danger: Danger | None
    commune: str
    operator: str | None
    opened_at: datetime
    version: int
    waiting_for: Waiting | None = Field(description="Vide : rien n’est attendu")


class Cases(Answer):
    """Une page de situations, de la plus récente à la plus ancienne."""

    items: list[CaseLine]
    next: UUID | None = Field(description="À donner en « after » pour la page suivante ; vide : c’est la dernière")


class PhoneLine(Answer):
    """Un numéro du ménage."""

    id: UUID
    number: str
    blocked: bool = Field(description="Faux numéro : plus aucun canal ne l’utilise")


class HouseholdBlock(Answer):
    """Le ménage et son logement."""

    name: str
    email: str | None
    phones: list[PhoneLine]
    best_time: BestTime
    people: int | None
    birth_year: int | None
    street: str
    complement: str
    postcode: str
    commune: str
    tenure: Tenure
    landlord: str


class AlertLine(Answer):
    """Une demande reçue pour cette situation."""

    id: UUID
    organisation: str | None
    giver_name: str
    motives: list[str]
    free_text: str
    received_at: datetime


class TaskLine(Answer):
    """Une tâche : une chose, un responsable, une date."""

    id: UUID
    case_id: UUID
    number: str
    kind: str
    party: Party
    organisation: str | None
    state: TaskState
    opened_at: datetime
    due_at: datetime
    provisional: bool = Field(description="Échéance provisoire, tant que l’envoi n’est pas remis")
    closed_at: datetime | None
    title: str = Field(description="Ce qui est à faire, en clair", examples=["Fixer la date de la visite"])
    taken_by: str | None = Field(description="Qui s’en occupe")
    paused_at: datetime | None = Field(description="En pause depuis : personne ne la doit en ce moment")
    snoozed_until: date | None = Field(description="Pas de relance avant ce jour")
    outcomes: list[str] = Field(description="Issues d’une tâche propre au parcours, à donner pour la terminer")
    referral_id: UUID | None
    loan_id: UUID | None


class Tasks(Answer):
    """Une page de tâches, de la plus pressée à la moins pressée."""

    items: list[TaskLine]
    next: UUID | None = Field(description="À donner en « after » pour la page suivante ; vide : c’est la dernière")


class VisitLine(Answer):
    """Une visite."""

    id: UUID
    ordinal: int
    state: VisitState
    starts_at: datetime
    ends_at: datetime
    officer: str | None


class ReferralLine(Answer):
    """Une orientation vers un partenaire."""

    id: UUID
    partner: str
    theme: Theme
    state: ReferralState
    fhir_status: str = Field(description="Code « Task.status » de HL7 FHIR R4", examples=["requested"])
    fhir_status_reason: str | None = Field(description="Ce qui distingue les états annulés", examples=["no-response"])
    kind: ReferralKind
    check_on: date | None = Field(description="Jour où sa réponse est cherchée, ou l’aide en pause revue")
    reason: str | None
    outcome: str | None
    loop: Loop
    brief: str
    file_number: str
    amount_cents: int | None
    replaces_id: UUID | None
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


class LoanLine(Answer):
    """Un appareil prêté au ménage."""

    id: UUID
    item: str
    lent_on: date
    due_on: date
    returned_on: date | None


class PermissionLine(Answer):
    """Un accord du ménage."""

    id: UUID
    kind: PermissionKind
    organisation: str | None = Field(description="Avec quel partenaire")
    mode: AgreementMode
    collected_by: str
    given_on: date
    revoked_at: datetime | None


class MessageLine(Answer):
    """La vie d’un envoi ; ni son adresse ni son texte."""

    id: UUID
    text: str = Field(description="Texte du catalogue")
    party: Party
    organisation: str | None
    channel: Channel
    state: MessageState
    due_at: datetime
    done_at: datetime | None
    attempts: int


class NoteLine(Answer):
    """Une note de l’équipe, ou un échange avec un partenaire."""

    author: str
    audience: str
    text: str
    at: datetime


class DocumentLine(Answer):
    """Un fichier de la situation."""

    id: UUID
    filename: str
    media_type: str
    size: int
    added_at: datetime


class Checks(Answer):
    """Ce que Relais a vérifié à l’arrivée ; pour la coordination seulement."""

    in_territory: bool
    possible_duplicates: list[str]


class CaseAnswer(CaseLine):
    """Une situation, telle que son lecteur peut la voir."""

    closed_at: datetime | None
    outcome: str | None
    suspended_until: date | None = Field(description="En pause : jour où la situation est revue")
    merged_into: str | None = Field(description="Référence de la situation à laquelle elle est réunie")
    household: HouseholdBlock
    checks: Checks | None = Field(description="Pour la coordination seulement")
    alerts: list[AlertLine]
    tasks: list[TaskLine]
    visits: list[VisitLine]
    referrals: list[ReferralLine]
    loans: list[LoanLine]
    permissions: list[PermissionLine]
    messages: list[MessageLine]
    notes: list[NoteLine]
    documents: list[DocumentLine]


class OrganisationLine(Answer):
    """Une structure du dispositif."""

    id: UUID
    slug: str
    kind: OrganisationKind
    name: str
    themes: list[Theme]
    full_until: date | None = Field(description="Partenaire complet jusqu’à cette date")


class Organisations(Answer):
    """L’annuaire du dispositif."""

    items: list[OrganisationLine]


class AlertLink(Answer):
    """Le lien secret d’un service : qui l’a peut demander une visite."""

    organisation_id: UUID
    name: str
    url: str


class AlertLinks(Answer):
    """Les liens secrets du dispositif."""

    items: list[AlertLink]


class CheckLine(Answer):
    """Une vérification."""

    name: str
    ok: bool
    found: str


class Readiness(Answer):
    """Si l’installation peut travailler, et sinon quelle ligne le dit."""

    ready: bool
    lines: list[CheckLine]


class Alive(Answer):
    """Le processus répond."""

    status: str = "ok"

"""What the API answers: codes, dates and ids, and no more of a household than its reader needs."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from models.vocabulary import (
    AgreementMode,
    BestTime,
    CaseState,
    Channel,
    Contract,
    CutOutcome,
    Danger,
    Derogation,
    Energy,
    Equipment,
    EquipmentState,
    ExitCriterion,
    FindingKind,
    GapReason,
    Heating,
    IncomeClass,
    IncomingKind,
    Known,
    Loop,
    LossReason,
    MessageState,
    Method,
    Obstacle,
    OrganisationKind,
    Party,
    PermissionKind,
    ReferralKind,
    ReferralState,
    Stage,
    Suggestion,
    TaskState,
    Tenure,
    Theme,
    Urgency,
    VisitState,
    Vulnerability,
    WebhookState,
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


class Matches(Answer):
    """Une page des situations trouvées, de la plus récente à la plus ancienne."""

    items: list[CaseLine]
    page: int
    total: int = Field(description="Nombre de situations trouvées, toutes pages comprises")


class PhoneLine(Answer):
    """Un numéro du ménage."""

    id: UUID
    number: str
    blocked: bool = Field(description="Faux numéro : plus aucun canal ne l’utilise")


class HouseholdBlock(Answer):
    """Le ménage et son logement."""

    name: str
    email: str | None
    email_refuses: bool = Field(description="Un message en est revenu : plus rien n’y part avant correction")
    phones: list[PhoneLine]
    best_time: BestTime
    people: int | None
    reference_income: int | None = Field(description="Revenu fiscal de référence, en euros")
    income_class: IncomeClass | None = Field(description="Par les plafonds de l’Anah du jour où il a été dit")
    ceilings_on: date | None = Field(description="Jour depuis lequel ces plafonds s’appliquent")
    breathing: bool | None = Field(description="Quelqu’un a des troubles respiratoires liés au logement")
    birth_year: int | None
    children: int | None
    language: str
    companion: str
    guardian: str
    guardian_phone: str | None
    vulnerabilities: list[Vulnerability]
    heating: Heating | None
    safety: str
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
    origin: str = Field(description="`form`, `self` (le ménage), `import`, `transfer`, ou comment l’équipe l’a reçue")
    notice_said: bool = Field(description="Le ménage sait ce qui est gardé de lui : dit, ou notice remise")
    giver_name: str | None = Field(description="Vide : le lecteur ne sait pas qui est le ménage")
    motives: list[str]
    free_text: str | None = Field(description="Vide de même")
    received_at: datetime
    cut_energy: Energy | None = Field(description="Ce qui serait coupé, si une coupure est annoncée")
    income_class: IncomeClass | None = Field(description="Niveau de revenus, à la connaissance du donneur d’alerte")
    followed_by: str
    cut_on: date | None = Field(description="Jour de coupure annoncé")


class TaskLine(Answer):
    """Une tâche : une chose, un responsable, une date."""

    id: UUID
    case_id: UUID
    number: str
    version: int = Field(description="Version de sa situation, à rendre en If-Match")
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
    cut_id: UUID | None


class Tasks(Answer):
    """Une page de tâches, de la plus pressée à la moins pressée."""

    items: list[TaskLine]
    next: UUID | None = Field(description="À donner en « after » pour la page suivante ; vide : c’est la dernière")


class DepartureLine(Answer):
    """Un envoi à venir, ou ce qu’une échéance fera d’elle-même."""

    at: datetime
    case_id: UUID
    task_id: UUID | None
    party: Party = Field(description="Pour qui")
    organisation_id: UUID | None
    channel: Channel | None = Field(description="Vide : pas un message, mais ce que l’échéance fait d’elle-même")
    text: str | None = Field(description="Code du texte")
    why: str | None = Field(description="Pourquoi ce jour-là")
    closed_until: date | None = Field(description="Le destinataire est fermé ce jour-là : rien ne partira")
    message_id: UUID | None = Field(description="Un message déjà écrit, qui attend son heure")
    clock_id: UUID | None = Field(description="Pour ne pas l’envoyer, ou l’envoyer sans attendre")
    generation: int | None
    step: int | None


class Departures(Answer):
    """Les envois à venir, du plus proche au plus lointain."""

    items: list[DepartureLine]


class VisitLine(Answer):
    """Une visite."""

    id: UUID
    ordinal: int
    state: VisitState
    starts_at: datetime
    ends_at: datetime
    officer: str | None
    second_officer: str | None
    with_whom: str
    loss_reason: LossReason | None


class FindingLine(Answer):
    """Un chiffre du ménage, et comment il a été obtenu."""

    kind: FindingKind
    value: float = Field(description="Euros par an ; taux d’effort : en %")
    method: Method
    method_version: str
    at: datetime


class SurveyAnswerLine(Answer):
    """Une réponse du relevé de la visite."""

    section: str = Field(description="Partie du relevé")
    field: str = Field(description="Question")
    about: str = Field(description="Pièce, énergie, ressource ou difficulté dont il s’agit, s’il y en a plusieurs")
    value: str = Field(description="Code, nombre, date ou texte ; plusieurs codes sont séparés par une espace")
    words: str = Field(description="La même réponse, en mots")
    at: datetime


class KitItemLine(Answer):
    """Un équipement du ménage."""

    item: Equipment
    quantity: int
    unit_price_cents: int
    state: EquipmentState


class Kit(Answer):
    """Les petits équipements, tels qu’ils sont."""

    items: list[KitItemLine]
    total_cents: int = Field(description="Coût de ce qui a été remis, en centimes")


class ExitLineAnswer(Answer):
    """Un critère du bilan de sortie."""

    criterion: ExitCriterion
    met: Known
    method: Method


class ScorecardAnswer(Answer):
    """Le bilan de sortie, rempli à la clôture."""

    met: int = Field(description="Critères réunis")
    of: int = Field(description="Sur combien")
    lines: list[ExitLineAnswer]


class GapLine(Answer):
    """Un besoin sans solution."""

    theme: Theme
    reason: GapReason
    at: datetime


class MatchLine(Answer):
    """Ce qui ressemble à une autre situation."""

    number: str
    score: int = Field(description="Ressemblance, de 0 à 100")


class ReferralLine(Answer):
    """Une orientation vers un partenaire."""

    id: UUID
    partner: str
    theme: Theme
    state: ReferralState
    fhir_status: str = Field(description="Code « Task.status » de HL7 FHIR R4", examples=["requested"])
    fhir_status_reason: str | None = Field(description="Ce qui distingue les états annulés", examples=["no-response"])
    kind: ReferralKind
    urgent: bool = Field(description="Suit l’échelle urgente")
    check_on: date | None = Field(description="Jour où sa réponse est cherchée, ou l’aide en pause revue")
    reason: str | None
    outcome: str | None
    loop: Loop
    brief: str | None = Field(description="Vide : le lecteur ne sait pas qui est le ménage")
    brief_is_open: bool = Field(description="Ce texte ne nomme personne : le partenaire le lit avant de répondre")
    file_number: str | None = Field(description="Vide de même")
    amount_cents: int | None
    replaces_id: UUID | None
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


class CutLine(Answer):
    """Une coupure annoncée par un fournisseur."""

    id: UUID
    energy: Energy
    cut_on: date = Field(description="Jour annoncé")
    allowed_on: date = Field(description="Premier jour où la loi permet de couper")
    told_on: date
    supplier_called_on: date | None
    aid_filed_on: date | None
    outcome: CutOutcome | None = Field(description="Vide : elle menace encore")
    ended_on: date | None = Field(description="Jour où elle a été évitée, ou faite")
    restored_on: date | None


class LoanLine(Answer):
    """Un appareil prêté au ménage."""

    id: UUID
    item: str
    lent_on: date
    due_on: date
    returned_on: date | None
    lost_on: date | None


class PermissionLine(Answer):
    """Un accord du ménage."""

    id: UUID
    kind: PermissionKind
    organisation: str | None = Field(description="Avec quel partenaire")
    mode: AgreementMode
    collected_by: str | None = Field(description="Vide : le lecteur ne sait pas qui est le ménage")
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


class OpeningLine(Answer):
    """Quelqu’un a ouvert la situation, ou a essayé."""

    name: str = Field(description="Personne, ou structure derrière un lien")
    what: str = Field(description="Ce qu’il a ouvert, ou « refused »")
    at: datetime


class Openings(Answer):
    """Qui a ouvert une situation, du plus récent au plus ancien."""

    items: list[OpeningLine]


class ReplyLine(Answer):
    """Une réponse à l’un de nos messages."""

    mail_id: UUID = Field(description="Message reçu")
    sender: str = Field(description="Adresse de qui l’a envoyée")
    subject: str = Field(description="Objet du message")
    author: str = Field(description="Qui l’a écrite, si on le sait")
    text: str
    suggestion: Suggestion | None = Field(description="Ce que semblent dire ses premiers mots")
    received_at: datetime


class ReplyLines(Answer):
    """Les réponses qu’une tâche demande de lire, de la plus récente à la plus ancienne."""

    items: list[ReplyLine]


class Checks(Answer):
    """Ce que Relais a vérifié à l’arrivée ; pour la coordination seulement."""

    in_territory: bool
    possible_duplicates: list[str]
    recent_visits: dict[str, date] = Field(description="Doubles déjà visités depuis peu : référence, jour de la visite")


class CaseAnswer(CaseLine):
    """Une situation, telle que son lecteur peut la voir."""

    closed_at: datetime | None
    outcome: str | None
    suspended_until: date | None = Field(description="En pause : jour où la situation est revue")
    merged_into: str | None = Field(description="Référence de la situation à laquelle elle est réunie")
    absorbed: list[str] = Field(description="Références des doubles réunis à elle")
    household: HouseholdBlock | None = Field(
        description="Vide : l’opérateur accompagne ce ménage avec une subvention, et le ménage n’a pas donné son accord"
    )
    checks: Checks | None = Field(description="Pour la coordination seulement")
    alerts: list[AlertLine]
    tasks: list[TaskLine]
    visits: list[VisitLine]
    referrals: list[ReferralLine]
    loans: list[LoanLine]
    cuts: list[CutLine]
    permissions: list[PermissionLine]
    derogation: Derogation | None = Field(description="Dérogation aux plafonds de revenus")
    findings: list[FindingLine] = Field(description="Chiffres du ménage, le dernier de chaque nature")
    survey: list[SurveyAnswerLine] = Field(description="Relevé de la visite, la dernière réponse à chaque question")
    kit: Kit | None = Field(description="Petits équipements ; vide : rien n’est noté")
    scorecard: ScorecardAnswer | None = Field(description="Bilan de sortie")
    gaps: list[GapLine] = Field(description="Besoins sans solution")
    matches: list[MatchLine] = Field(description="Pour la coordination seulement")
    messages: list[MessageLine]
    notes: list[NoteLine]
    documents: list[DocumentLine]


class OrganisationLine(Answer):
    """Une structure du dispositif."""

    id: UUID
    slug: str
    kind: OrganisationKind
    name: str
    themes: list[Theme] = Field(description="Partenaire : types de solution de ses services")
    contract: Contract | None = Field(description="Opérateur : ce qui le lie au dispositif")
    ended_on: date | None = Field(description="Ne travaille plus avec le dispositif depuis ce jour")


class ColleagueLine(Answer):
    """Un collègue chez un partenaire."""

    id: UUID
    name: str
    email: str


class PartnerAbsenceLine(Answer):
    """Des jours où personne ne lit à une adresse d’un partenaire."""

    id: UUID
    colleague_id: UUID | None = Field(description="Qui est absent ; vide : la personne de l’adresse commune")
    first_on: date
    last_on: date
    delegate_id: UUID | None = Field(description="Qui lit pendant ce temps ; vide : l’adresse commune")


class PartnerTeamAnswer(Answer):
    """Les personnes et les habitudes d’un partenaire."""

    colleagues: list[ColleagueLine] = Field(description="Qui peut suivre une demande")
    absences: list[PartnerAbsenceLine] = Field(description="Absences, d’aujourd’hui et après")
    gathered: bool = Field(description="Un seul envoi à dix heures, plutôt que le premier du jour aussitôt")
    weekdays: list[int] = Field(description="Ses jours, 0 pour lundi ; vide : tous les jours ouverts")


class Organisations(Answer):
    """Les structures du dispositif."""

    items: list[OrganisationLine]


class ServiceLine(Answer):
    """Ce qu’un partenaire propose, où, à qui, et s’il a de la place. Une liste vide ne pose aucune condition."""

    id: UUID
    organisation_id: UUID
    organisation: str
    name: str
    themes: list[Theme]
    area: str = Field(description="Zone, par son nom ; vide : tout le territoire du dispositif")
    communes: list[str] = Field(description="Codes INSEE de la zone aujourd’hui ; vide sans zone")
    income_classes: list[IncomeClass]
    tenures: list[Tenure]
    conditions: str
    places: int | None = Field(description="Places disponibles ; absent : non dit")
    full_until: date | None = Field(description="Complet jusqu’à ce jour compris")
    capacity_on: date | None = Field(description="Jour où la capacité a été dite")
    professional_contact: str
    professional_email: str | None
    professional_phone: str | None
    household_contact: str
    household_email: str | None
    household_phone: str | None
    verified_on: date | None = Field(description="Dernière vérification de la fiche")
    stale: bool = Field(description="À vérifier : personne ne l’a fait depuis longtemps (six mois, sauf réglage)")
    closed_until: date | None = Field(description="Le partenaire est fermé, jusqu’à ce jour compris")


class Services(Answer):
    """L’annuaire : ce que les partenaires proposent."""

    items: list[ServiceLine]


class AreaLine(Answer):
    """Une zone : un nom et ses communes, à partir d’un jour."""

    id: UUID
    name: str
    communes: list[str] = Field(description="Codes INSEE")


class Areas(Answer):
    """Les zones du dispositif, par nom."""

    items: list[AreaLine]


class Destination(Answer):
    """Un autre dispositif de cette installation."""

    programme_id: UUID = Field(description="À donner en « to_programme_id » pour transmettre")
    name: str


class Destinations(Answer):
    """Les autres dispositifs de cette installation, par nom."""

    items: list[Destination]


class MailLine(Answer):
    """Un e-mail à une structure, au sujet d’une situation."""

    message_id: UUID
    case_id: UUID
    number: str
    text: str = Field(description="Code du texte")
    state: MessageState
    at: datetime = Field(description="Quand il est parti ; sinon quand il a été prévu")


class Mails(Answer):
    """Les derniers e-mails à une structure, du plus récent au plus ancien."""

    items: list[MailLine]


class PickLine(Answer):
    """Un partenaire pour un besoin ; sans obstacle, il est proposé."""

    partner_id: UUID
    partner: str
    service_id: UUID
    service: str
    obstacles: list[Obstacle] = Field(description="Pourquoi l’annuaire l’écarte ; le choisir demande « despite »")
    reasons: list[str] = Field(description="Les mêmes, en clair")
    income_unknown: bool = Field(description="Ses conditions de revenus restent à vérifier")
    places: int | None
    capacity_on: date | None
    load: int = Field(description="Demandes qu’il a en cours")


class Picks(Answer):
    """Les partenaires d’un type de solution pour ce ménage : proposés dans l’ordre, puis écartés avec leur raison."""

    theme: Theme
    proposed: list[PickLine]
    set_aside: list[PickLine]


class PicksByTheme(Answer):
    """À qui demander, type de solution par type de solution."""

    items: list[Picks]


class SheetLink(Answer):
    """Le lien par lequel un partenaire vérifie ou corrige sa fiche, sans compte."""

    service_id: UUID
    url: str


class SheetChange(Answer):
    """Une ligne d’une correction, en clair."""

    field: str = Field(description="Ce qui change")
    before: str = Field(description="Ce que dit l’annuaire")
    after: str = Field(description="Ce que le partenaire propose")


class SheetProposalLine(Answer):
    """Une correction de fiche qui attend la coordination."""

    id: UUID
    service_id: UUID
    said_by: str = Field(description="Qui le dit, chez le partenaire")
    note: str = Field(description="Autre chose à changer")
    at: datetime
    changes: list[SheetChange] = Field(description="Avant et après, ligne par ligne")


class SheetProposals(Answer):
    """Les corrections de fiches qui attendent."""

    items: list[SheetProposalLine]


class PlaceLine(Answer):
    """Une commune du territoire."""

    code: str = Field(description="Code INSEE")
    name: str
    from_on: date = Field(description="Premier jour")
    to_on: date | None = Field(description="Dernier jour ; vide : aucune fin n’est dite")


class TerritoryAnswer(Answer):
    """Le territoire d’aujourd’hui et à venir."""

    items: list[PlaceLine]


class TerritoryEffect(Answer):
    """Ce qu’un changement de territoire veut dire. Rien n’est déplacé."""

    entering: list[str] = Field(description="Codes INSEE des communes qui entrent")
    leaving: list[str] = Field(description="Codes INSEE des communes qui sortent")
    open_cases: list[str] = Field(description="Situations ouvertes dans les communes qui sortent, par référence")
    requests: list[str] = Field(
        description="Demandes à examiner, arrivées hors du territoire, qui s’y trouveraient, par référence"
    )


class AlertLink(Answer):
    """Le lien secret d’un service : qui l’a peut demander une visite."""

    organisation_id: UUID
    name: str
    url: str | None = Field(description="Vide : ce service n’a pas de lien, jusqu’à ce qu’il soit renouvelé")


class AlertLinks(Answer):
    """Les liens secrets du dispositif."""

    items: list[AlertLink]


class Made(Answer):
    """Accusé d’un acte qui ne concerne aucune situation."""

    made_id: UUID | None = Field(None, description="Ce que l’acte a créé")


class AbsenceLine(Answer):
    """Des jours d’absence, bornes comprises."""

    id: UUID
    person_id: UUID
    first_on: date
    last_on: date
    delegate_id: UUID | None = Field(description="Qui reçoit les messages pendant ce temps")


class WorkDaysLine(Answer):
    """Les jours de la semaine où quelqu’un travaille, 0 pour lundi."""

    person_id: UUID
    weekdays: list[int]


class DutyLine(Answer):
    """Un temps d’astreinte, fin exclue."""

    id: UUID
    person_id: UUID
    from_at: datetime
    to_at: datetime


class ClosureLine(Answer):
    """Des jours fermés, bornes comprises."""

    id: UUID
    organisation_id: UUID | None = Field(description="Partenaire ou opérateur fermé ; vide : le dispositif")
    first_on: date
    last_on: date
    label: str


class PlanningAnswer(Answer):
    """Qui est là et quels jours sont fermés, à partir d’aujourd’hui."""

    absences: list[AbsenceLine]
    work_days: list[WorkDaysLine]
    duties: list[DutyLine]
    closures: list[ClosureLine]


class Webhook(Answer):
    """Un logiciel prévenu de ce qui arrive."""

    id: UUID
    label: str = Field(description="Nom")
    url: str
    types: list[str] = Field(description="Événements demandés : des types, ou des familles (« referral.* »)")
    created_at: datetime = Field(description="Début")
    ended_at: datetime | None
    rests_until: datetime | None = Field(description="Son serveur ne répond pas : rien n’est essayé avant")
    counts: dict[str, int] = Field(description="Envois, par état")


class Webhooks(Answer):
    """Les logiciels prévenus."""

    items: list[Webhook]


class WebhookMade(Answer):
    """Un abonnement et son secret."""

    id: UUID
    secret: str | None = Field(None, description="« whsec_… », pour qui reçoit ; absent d’une réponse rendue à nouveau")


class WebhookLine(Answer):
    """Un événement envoyé à un logiciel."""

    id: UUID
    event_id: UUID = Field(description="Événement, et valeur de « webhook-id »")
    type: str = Field(description="Type de l’événement")
    case_id: UUID
    state: WebhookState
    queued_at: datetime = Field(description="Depuis quand il est à envoyer ; abandonné quatre jours plus tard")
    due_at: datetime = Field(description="Prochain essai")
    done_at: datetime | None
    attempts: int
    status: int | None = Field(description="Dernière réponse, code HTTP")
    error: str | None = Field(description="Pourquoi rien n’a répondu")


class WebhookLines(Answer):
    """Des envois."""

    items: list[WebhookLine]


class Replayed(Answer):
    """Ce qui repart."""

    count: int = Field(description="Nombre d’événements")


class Done(Answer):
    """C’est fait."""

    done: bool = Field(True, description="Toujours vrai : un refus a un autre code")


class ParkedLine(Answer):
    """Un événement mis de côté après ses essais ; il retient sa situation seule."""

    id: int
    type: str = Field(description="Type de l’événement")
    number: str
    since: datetime = Field(description="Depuis")
    attempts: int
    error: str = Field(description="Classe et endroit, sans donnée personnelle")


class TroubledLine(Answer):
    """Un message refusé, ou dont personne ne sait s’il est parti."""

    id: UUID
    number: str | None = Field(description="Référence de la situation ; absente pour le message d’un compte")
    text: str = Field(description="Texte du catalogue")
    party: Party
    channel: Channel
    state: MessageState
    attempts: int
    reply_code: int | None = Field(description="Réponse du serveur de courrier")
    error: str | None = Field(description="Pourquoi")


class ClockLine(Answer):
    """Un rappel qui ne peut pas se faire ; essayé de nouveau chaque jour."""

    number: str
    task_id: UUID = Field(description="Tâche")
    failed_at: datetime | None = Field(description="Premier échec")
    error: str | None = Field(description="Classe et endroit, sans donnée personnelle")


class RemedyLine(Answer):
    """Ce qui a été remis en route."""

    action: str = Field(description="Quoi")
    actor: str = Field(description="Par qui : nature et identifiant")
    at: datetime
    reason: str = Field(description="Pourquoi")


class Troubles(Answer):
    """Ce que Relais n’a pas pu faire seul."""

    events: list[ParkedLine] = Field(description="Événements mis de côté")
    messages: list[TroubledLine] = Field(description="Messages refusés ou à vérifier")
    clocks: list[ClockLine] = Field(description="Rappels en échec")
    remedies: list[RemedyLine] = Field(description="Ce qui a été remis en route")


class IncomingLine(Answer):
    """Un e-mail reçu qu’aucune tâche ne demande de lire."""

    id: UUID
    kind: IncomingKind
    sender: str = Field(description="Expéditeur")
    subject: str = Field(description="Objet")
    text: str
    received_at: datetime
    case_id: UUID | None = Field(
        description="Situation, si elle est connue ; expéditeur et mots sont vides si son opérateur seul les lit"
    )


class Incoming(Answer):
    """Les e-mails reçus qui attendent quelqu’un."""

    items: list[IncomingLine]


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

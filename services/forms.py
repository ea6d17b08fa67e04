"""What people fill in, validated once for the screens, the API, the imports and the stories."""

from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from models.vocabulary import (
    AgreementMode,
    AlertChannel,
    BestTime,
    CallResult,
    ClosureOutcome,
    ContactBy,
    Danger,
    DeclineReason,
    Energy,
    Equipment,
    EquipmentState,
    ExitCriterion,
    FailureReason,
    FollowUpAnswer,
    GapReason,
    Heating,
    HoldReason,
    IncomeClass,
    KeyScope,
    Known,
    Loop,
    LossReason,
    Motive,
    PermissionKind,
    ReferralKind,
    ReferralOutcome,
    RejectionReason,
    ReturnReason,
    Role,
    SkipReason,
    SnoozeReason,
    SuspensionReason,
    Tenure,
    Theme,
    Urgency,
    VisitState,
    VoidReason,
    Vulnerability,
    WithdrawReason,
)
from services.foundation.nir import mask_nir
from services.foundation.phones import normalise


def _without_nir(text: str) -> str:
    """Social-security numbers have no place here: they are masked wherever they are typed."""
    return mask_nir(text)[0]


def as_number(value: object) -> object:
    """`11 900,50 €`, as it is typed here, whatever its blanks; nothing at all is no number."""
    if not isinstance(value, str):
        return value
    return "".join(value.replace("€", "").split()).replace(",", ".") or None


def _on_one_line(text: object) -> object:
    """What is pasted brings odd blanks: each run of them is one space, and those without a width go."""
    return " ".join(text.translate(WITHOUT_WIDTH).split()) if isinstance(text, str) else text


WITHOUT_WIDTH: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
PRINTED: Final = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(max_length=120, pattern=PRINTED), BeforeValidator(_on_one_line)]
RequiredLine = Annotated[
    str, StringConstraints(min_length=1, max_length=120, pattern=PRINTED), BeforeValidator(_on_one_line)
]
FreeText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_without_nir)]
TeamNote = Annotated[FreeText, Field(description="Note pour l’équipe")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_without_nir)]
Number = Annotated[int | None, BeforeValidator(as_number)]
PhoneNumber = Annotated[str, AfterValidator(normalise)]
Aware = Annotated[AwareDatetime, Field(description="Instant avec fuseau horaire")]


class Form(BaseModel):
    """Base: nothing unexpected is accepted, and what a page sends empty is absent wherever it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=4000)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object, info: ValidationInfo) -> object:
        may_be_absent = info.field_name is not None and cls.model_fields[info.field_name].default is None
        return None if value == "" and may_be_absent else value


class AlertForm(Form):
    """A request for a visit. Nine fields are essential; the others are "si vous savez"."""

    surname: RequiredLine = Field(description="Nom du ménage")
    phone: PhoneNumber = Field(description="Téléphone où la personne répond")
    street: RequiredLine = Field(description="Numéro et rue")
    commune_code: str = Field(pattern=r"^[0-9AB]{5}$", description="Code INSEE de la commune")
    postcode: str = Field(pattern=r"^[0-9]{5}$", description="Code postal")
    tenure: Tenure = Field(description="Statut d’occupation")
    motives: list[Motive] = Field(min_length=1, description="Que se passe-t-il ?")
    urgency: Urgency = Field(description="Urgence")
    cut_energy: Energy | None = Field(None, description="Ce qui serait coupé, si une coupure est annoncée")
    cut_on: date | None = Field(None, description="Jour de coupure annoncé")
    best_time: BestTime = Field(description="Meilleur moment pour appeler")
    agreement: bool = Field(description="La personne est d’accord pour être appelée et visitée")
    agreement_mode: AgreementMode = Field(AgreementMode.ORAL, description="Comment l’accord a été donné")
    agreement_on: date | None = Field(None, description="Date de l’accord ; vide : aujourd’hui")
    agreement_by: Line = Field("", description="Qui a recueilli l’accord ; vide : vous")
    giver_name: RequiredLine = Field(description="Votre nom")
    giver_email: EmailStr | None = Field(None, description="Votre adresse électronique")
    giver_phone: PhoneNumber | None = Field(None, description="Votre téléphone")
    civility: Line = Field("", description="Civilité")
    first_name: Line = Field("", description="Prénom")
    email: EmailStr | None = Field(None, description="Adresse électronique du ménage")
    sms_agreed: bool = Field(False, description="La personne accepte de recevoir des SMS")
    complement: Line = Field("", description="Étage, porte, code")
    birth_year: Number = Field(None, ge=1900, le=2020, description="Année de naissance")
    people: Number = Field(None, ge=1, le=20, description="Nombre de personnes")
    reference_income: Number = Field(None, ge=0, le=999_999, description="Revenu fiscal de référence, en euros")
    landlord: Line = Field("", description="Bailleur")
    free_text: ShortText = Field("", description="Précisions : des faits seulement")
    other_phone: PhoneNumber | None = Field(None, description="Autre téléphone")
    children: Number = Field(None, ge=0, le=19, description="Dont enfants de moins de 14 ans")
    language: Line = Field("", description="Langue parlée, s’il faut un interprète")
    companion: Line = Field("", description="Qui doit être là aussi")
    guardian: Line = Field("", description="Tuteur ou curateur, à joindre d’abord")
    guardian_phone: PhoneNumber | None = Field(None, description="Téléphone du tuteur ou du curateur")
    vulnerabilities: list[Vulnerability] = Field([], description="Fragilités, sans autre détail")
    health_agreed: bool = Field(False, description="Grossesse, handicap, maladie : d’accord pour que ce soit noté")
    heating: Heating | None = Field(None, description="Énergie de chauffage")
    income_class: IncomeClass | None = Field(None, description="Niveau de revenus, à votre connaissance")
    followed_by: Line = Field("", description="Déjà accompagné par")
    safety: Line = Field("", description="À savoir avant de venir : un chien, un escalier")
    derogation: ShortText = Field("", description="Pourquoi une dérogation, si les revenus dépassent le plafond")
    notice_said: bool = Field(False, description="Elle sait ce que le service garde d’elle : dit, ou notice remise")
    came_by: AlertChannel | None = Field(None, description="Comment elle est arrivée, si l’équipe la note")


class DerogationForm(Form):
    """Why a household above the ceilings should be taken up all the same."""

    reason: FreeText = Field(min_length=1, description="Pourquoi")


class DerogationDecision(Form):
    """What the coordination says of it; refused, the request ends as above the ceilings."""

    granted: bool = Field(description="Accordée ; faux : refusée, et la demande s’arrête là")
    note: TeamNote = ""


class Acceptance(Form):
    """Take a case up and give it to an operator."""

    operator_id: UUID = Field(description="Opérateur chargé de la visite")


class Rejection(Form):
    """Refuse a case."""

    reason: RejectionReason = Field(description="Motif")
    note: FreeText = Field("", description="Précision pour l’équipe")


class CallForm(Form):
    """One call to the household."""

    result: CallResult = Field(description="Résultat de l’appel")
    phone_id: UUID | None = Field(None, description="Numéro appelé ; vide : le premier encore bon")
    call_back_on: date | None = Field(None, description="Jour convenu, si le ménage demande à être rappelé")
    note: TeamNote = ""


class NumberForm(Form):
    """The right number of a household."""

    phone: PhoneNumber = Field(description="Nouveau numéro")


class VisitForm(Form):
    """When the visit takes place."""

    starts_at: Aware = Field(description="Début")
    minutes: int = Field(120, ge=15, le=480, description="Durée en minutes")
    officer_id: UUID | None = Field(None, description="Chargé de visite")
    second_officer_id: UUID | None = Field(None, description="Second chargé de visite, pour une visite à deux")
    with_whom: Line = Field("", description="Qui d’autre vient : travailleur social, interprète…")
    on_closed_day: bool = Field(False, description="Le jour est fermé, et le ménage veut bien celui-là")


class LostVisit(Form):
    """Why a visit did not take place."""

    state: VisitState = Field(description="Ce qui s’est passé")
    reason: LossReason | None = Field(None, description="Pourquoi, si ce n’est pas dit plus haut")
    note: TeamNote = ""


class HeldVisit(Form):
    """A visit that took place."""

    danger: Danger | None = Field(None, description="Danger constaté")
    note: TeamNote = ""


class PastVisit(VisitForm, HeldVisit):
    """A visit that had not been planned here and took place."""


class DangerForm(Form):
    """A danger met."""

    danger: Danger = Field(description="Danger constaté")


class ReportForm(Form):
    """The visit's report, given to the household."""

    document_id: UUID = Field(description="Fichier du rapport")
    summary: FreeText = Field(min_length=1, description="Résumé")
    to_alert_giver: bool = Field(
        False,
        description="Le ménage veut bien que le donneur d’alerte le lise : il l’apprend, à l’équipe de le remettre",
    )
    to_landlord: bool = Field(False, description="Le ménage veut bien que le bailleur soit contacté")
    to_referent: bool = Field(
        False, description="Le ménage veut bien que son travailleur social référent le lise : à l’équipe de le remettre"
    )
    to_committee: bool = Field(
        False, description="Le ménage veut bien que la commission d’orientation le lise : à l’équipe de le remettre"
    )
    to_partner_ids: list[UUID] = Field(
        [], max_length=10, description="Partenaires à qui le ménage veut bien le montrer"
    )


class ReplacementForm(Form):
    """The right report, in the place of a wrong one."""

    document_id: UUID = Field(description="Fichier du rapport")
    summary: FreeText = Field(min_length=1, description="Résumé")


class ReferralForm(Form):
    """Ask a partner to help with one need."""

    partner_id: UUID = Field(description="Partenaire")
    theme: Theme = Field(description="Type de solution")
    brief: FreeText = Field(min_length=1, description="Ce que le partenaire a besoin de savoir")
    brief_is_open: bool = Field(
        False, description="Ce texte ne nomme personne : le partenaire le lit avant de répondre"
    )
    permission: bool = Field(description="Le ménage est d’accord pour que ce partenaire soit contacté")
    permission_mode: AgreementMode = Field(AgreementMode.ORAL, description="Comment l’accord a été donné")
    replaces_id: UUID | None = Field(None, description="Orientation que celle-ci remplace")
    also_ids: list[UUID] = Field([], max_length=5, description="Autres partenaires : le premier d’accord l’emporte")
    kind: ReferralKind = Field(ReferralKind.MAIL, description="Par notre message, ou par le portail du partenaire")
    urgent: bool = Field(False, description="Réponse attendue en urgence")
    check_on: date | None = Field(None, description="Par son portail : jour où sa réponse est cherchée")
    file_number: Line = Field("", description="Par son portail : numéro de dossier")
    despite: ShortText = Field("", description="Pourquoi ce partenaire, si l’annuaire l’écarte")


class _MailAddress(Form):
    """An address to which we shall write."""

    email: EmailStr

    @field_validator("email")
    @classmethod
    def _carried_by_every_server(cls, address: str) -> str:
        if not address.isascii():  # the mail that we write has ASCII addresses: another would be refused again
            raise PydanticCustomError("string_pattern_mismatch", "an address has no accent")
        return address


class AddressForm(_MailAddress):
    """Where a partner reads his mail."""

    email: EmailStr = Field(description="Adresse électronique du partenaire")


class HouseholdAddressForm(_MailAddress):
    """Where a household reads its mail."""

    email: EmailStr = Field(description="Adresse électronique du ménage")


class OnBehalf(Form):
    """Who said it and how, when a partner's answer is recorded by somebody else."""

    said_by: RequiredLine = Field(description="Qui l’a dit")
    how: RequiredLine = Field(description="Comment (téléphone, courrier, portail…)")
    file_number: Line = Field("", description="Numéro de dossier chez le partenaire")


class Answer(Form):
    """A partner's yes, or news; `on_behalf` when somebody records it for him."""

    note: FreeText = Field("", description="Message")
    file_number: Line = Field("", description="Votre numéro de dossier")
    on_behalf: OnBehalf | None = None


class Meeting(Answer):
    """When a partner would meet the household."""

    meets_at: Aware = Field(description="Rendez-vous proposé au ménage")


class PassOn(Answer):
    """A request goes on with somebody else of the partner."""

    colleague_id: UUID | None = Field(None, description="Qui s’en occupe ; vide : votre adresse commune")


class Decline(Answer):
    """A partner's no."""

    reason: DeclineReason = Field(description="Motif")


class Question(Answer):
    """A partner's question, or its answer."""

    note: FreeText = Field(min_length=1, description="La question, ou sa réponse")


class Completion(Answer):
    """What the help came to."""

    outcome: ReferralOutcome = Field(description="Résultat")
    amount_cents: int | None = Field(None, ge=0, description="Montant obtenu, en centimes")


class Failure(Answer):
    """Why it came to nothing."""

    reason: FailureReason = Field(description="Motif")


SaidOfHelp = Literal[Loop.CONFIRMED, Loop.DISPUTED, Loop.UNVERIFIABLE]


class FollowUpForm(Form):
    """A call of the follow-up."""

    result: CallResult = Field(description="Résultat de l’appel")
    phone_id: UUID | None = Field(None, description="Numéro appelé ; vide : le premier encore bon")
    still_cold: bool | None = Field(None, description="A encore froid")
    still_in_arrears: bool | None = Field(None, description="A encore des factures impayées")
    helps: dict[UUID, SaidOfHelp] = Field({}, description="Par orientation terminée : ce que le ménage dit de l’aide")
    note: TeamNote = ""


class FollowUpWord(Form):
    """What a household answers by itself."""

    answer: FollowUpAnswer = Field(description="Comment ça va depuis la visite")


class ContactForm(Form):
    """How a household likes to be asked for news."""

    contact_by: ContactBy = Field(description="Comment demander des nouvelles au ménage")


class ClosureForm(Form):
    """How the case ends, and the exit scorecard; a criterion that is not said is not known."""

    outcome: ClosureOutcome = Field(description="Issue")
    criteria: dict[ExitCriterion, Known] = Field({}, description="Bilan de sortie, critère par critère")
    note: TeamNote = ""


class KitLine(Form):
    """One equipment of the kit."""

    item: Equipment = Field(description="Équipement")
    quantity: int = Field(1, ge=1, le=99, description="Nombre")
    unit_price_cents: int = Field(0, ge=0, le=100_000, description="Prix d’une pièce, en centimes")
    state: EquipmentState = Field(EquipmentState.INSTALLED, description="Ce qu’il en est")


class KitForm(Form):
    """The whole kit as it stands: what is not said any more is there no more."""

    items: list[KitLine] = Field(max_length=len(Equipment), description="Chaque équipement, une fois")


class GapForm(Form):
    """That nothing can be done here for a need."""

    theme: Theme = Field(description="Type de solution qui manque")
    reason: GapReason = Field(description="Pourquoi il n’y a pas de solution")
    note: TeamNote = ""


class ComplaintForm(Form):
    """A complaint of the service."""

    said_by: RequiredLine = Field(description="Qui se plaint")
    text: FreeText = Field(min_length=1, description="Ce qui est reproché, dans ses mots")


class NoteForm(Form):
    """A note for the team."""

    text: FreeText = Field(min_length=1, description="Note")


class Settlement(Form):
    """What the reader of a message says, when nobody else can tell."""

    delivered: bool = Field(description="Le destinataire dit l’avoir reçu")


class Posting(Form):
    """Letters that somebody took to the post."""

    letter_ids: list[UUID] = Field(min_length=1, max_length=500, description="Courriers postés")
    posted_on: date = Field(description="Jour où ils ont été postés")


class Disqualification(Form):
    """Stop with a household that does not meet the conditions."""

    reason: RejectionReason = Field(description="Motif")
    note: FreeText = Field("", description="Précision pour l’équipe")


class Suspension(Form):
    """Let a case wait."""

    reason: SuspensionReason = Field(description="Motif")
    until: date = Field(description="Jour où la situation est relue")
    note: TeamNote = ""


class Withdrawal(Form):
    """The household asks to stop."""

    said_by: RequiredLine = Field(description="Qui l’a dit")
    note: TeamNote = ""


class CaseReopening(Form):
    """A case that had ended goes on."""

    given_back: bool = Field(False, description="Transmise : l’autre dispositif a dit qu’il ne suit pas ce ménage")


class HandedOver(Form):
    """The other service has what it needs."""

    said_to: Line = Field("", description="À qui la fiche a été remise")
    note: TeamNote = ""


class Transfer(Form):
    """Give a household to another Slime."""

    to_programme_id: UUID | None = Field(None, description="Dispositif tenu sur ce Relais ; vide : ailleurs")
    to_name: Line = Field("", description="Nom du dispositif, s’il est tenu ailleurs")
    to_phone: PhoneNumber | None = Field(None, description="Son téléphone, que la lettre au ménage donne")
    agreement: bool = Field(description="Le ménage est d’accord pour que ses coordonnées soient transmises")
    note: TeamNote = ""


class Merge(Form):
    """Say that a case is the double of another one."""

    into_number: RequiredLine = Field(description="Référence de la situation qui continue, ou sa fin (187)")
    note: TeamNote = ""


class Reassignment(Form):
    """Give a case to another operator."""

    operator_id: UUID = Field(description="Opérateur")
    note: TeamNote = ""


class LoanForm(Form):
    """Lend a device."""

    item: RequiredLine = Field(description="Appareil")
    due_on: date = Field(description="Jour du retour")


class PermissionForm(Form):
    """Write down that the household agrees to something."""

    kind: PermissionKind = Field(description="À quoi le ménage est d’accord")
    organisation_id: UUID | None = Field(None, description="Avec qui, s’il s’agit d’un partenaire")
    mode: AgreementMode = Field(AgreementMode.ORAL, description="Comment l’accord a été donné")
    given_on: date | None = Field(None, description="Date de l’accord ; vide : aujourd’hui")


class TaskReturn(Form):
    """Give a task back to the coordination."""

    reason: ReturnReason = Field(description="Motif")
    note: TeamNote = ""


class HandOver(Form):
    """Give a task to a colleague."""

    person_id: UUID = Field(description="Collègue")
    note: TeamNote = ""


class Snooze(Form):
    """Put off the reminders of a task."""

    reason: SnoozeReason = Field(description="Motif")
    until: date = Field(description="Pas de relance avant le")


class NextStep(Form):
    """Which step of a clock was on the screen: the next one, unless the clock has gone on since."""

    generation: int = Field(ge=1, description="Vie de l’échéance, telle que lue")
    step: int = Field(ge=0, le=99, description="Étape de l’échéance, telle que lue")


class Skip(NextStep):
    """Let one reminder not leave."""

    reason: SkipReason = Field(description="Motif")
    note: TeamNote = ""


class TaskDone(Form):
    """A task of the pathway's own is done."""

    outcome: Line = Field("", description="Issue")
    note: TeamNote = ""


class Hold(Answer):
    """A partner's help waits."""

    reason: HoldReason = Field(description="Ce qui est attendu")
    until: date = Field(description="Jour où la situation est relue")


class TakeBack(Form):
    """Take a request back from a partner."""

    reason: WithdrawReason = Field(WithdrawReason.OTHER, description="Motif")


class Confirmation(Form):
    """What the household says of a help that the partner reported."""

    verified: bool = Field(True, description="Le ménage confirme ; faux : il ne peut plus être interrogé")


class Voiding(Form):
    """A referral that should never have existed."""

    reason: VoidReason = Field(description="Motif")
    note: FreeText = Field("", description="Ce qui s’est passé")


class Reopening(Form):
    """Ask again for a need whose referral is over."""

    note: FreeText = Field(min_length=1, description="Pourquoi")


class Remedy(Form):
    """Why an administrator puts something right; never about a household."""

    reason: RequiredLine = Field(description="Pourquoi")


class RoleForm(Form):
    """What somebody does in the programme."""

    role: Role = Field(description="Rôle")
    organisation_id: UUID | None = Field(None, description="Opérateur, pour qui fait des visites")


class Invitation(RoleForm):
    """Somebody to let in: no password is chosen for anybody."""

    name: RequiredLine = Field(description="Prénom et nom")
    email: EmailStr = Field(description="Adresse électronique professionnelle")


class KeyForm(Form):
    """A key of the API."""

    label: RequiredLine = Field(description="À quoi elle sert")
    scope: KeyScope = Field(description="Ce qu’elle permet")
    days: Literal["30", "90", "365"] = Field("90", description="Jusqu’à quand")


class WebhookForm(Form):
    """Another software that is told of events."""

    label: RequiredLine = Field(description="Nom, pour vous y retrouver")
    url: str = Field(min_length=1, max_length=500, description="Adresse, en https")
    types: list[Line] = Field(
        min_length=1, max_length=100, description="Événements : un type, ou une famille (« referral.* »)"
    )


class ReplayForm(Remedy):
    """Tell the events of a period once more."""

    since: Aware = Field(description="Début de la période")
    until: Aware = Field(description="Fin de la période, exclue")


class Filing(Form):
    """Which case a mail is about."""

    number: RequiredLine = Field(description="Référence de la situation")

"""The words of the field as codes: stages, states, roles, channels, reasons, outcomes."""

from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """Where a case stands for its readers; looked up from its state, never chosen."""

    DETECTION = "detection"
    VISIT = "visit"
    DIAGNOSTIC = "diagnostic"
    ORIENTATION = "orientation"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"


class CaseState(StrEnum):
    """The stored state of a case, moved by the transition table only."""

    SUBMITTED = "submitted"
    TRIAGE = "triage"
    TO_CONTACT = "to_contact"
    CONTACTING = "contacting"
    QUALIFIED = "qualified"
    VISIT_PLANNED = "visit_planned"
    VISITED = "visited"
    DIAGNOSED = "diagnosed"
    REPORT_DELIVERED = "report_delivered"
    ORIENTING = "orienting"
    IN_FOLLOW_UP = "in_follow_up"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    NOT_ELIGIBLE = "not_eligible"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    TRANSFERRED = "transferred"
    MERGED = "merged"
    CLOSED = "closed"


STAGE_OF: Final[dict[CaseState, Stage]] = {  # a suspended case keeps the stage in which it was
    CaseState.SUBMITTED: Stage.DETECTION,
    CaseState.TRIAGE: Stage.DETECTION,
    CaseState.TO_CONTACT: Stage.VISIT,
    CaseState.CONTACTING: Stage.VISIT,
    CaseState.QUALIFIED: Stage.VISIT,
    CaseState.VISIT_PLANNED: Stage.VISIT,
    CaseState.VISITED: Stage.DIAGNOSTIC,
    CaseState.DIAGNOSED: Stage.DIAGNOSTIC,
    CaseState.REPORT_DELIVERED: Stage.ORIENTATION,
    CaseState.ORIENTING: Stage.ORIENTATION,
    CaseState.IN_FOLLOW_UP: Stage.FOLLOW_UP,
    CaseState.REJECTED: Stage.CLOSED,
    CaseState.NOT_ELIGIBLE: Stage.CLOSED,
    CaseState.UNREACHABLE: Stage.CLOSED,
    CaseState.REFUSED: Stage.CLOSED,
    CaseState.WITHDRAWN: Stage.CLOSED,
    CaseState.TRANSFERRED: Stage.CLOSED,
    CaseState.MERGED: Stage.CLOSED,
    CaseState.CLOSED: Stage.CLOSED,
}
CLOSED_STATES: Final = frozenset(state for state, stage in STAGE_OF.items() if stage is Stage.CLOSED)
AFTER_REPORT: Final = frozenset({CaseState.REPORT_DELIVERED, CaseState.ORIENTING, CaseState.IN_FOLLOW_UP})
"""Partners are at work: a visit has its own life and moves the case no more."""


class ReferralState(StrEnum):
    """One need × one partner × one attempt. Source: HL7 FHIR Task, in the words of the field."""

    DRAFT = "draft"
    SENT = "sent"
    UNDER_REVIEW = "under_review"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered_in_error"


class ReferralKind(StrEnum):
    """How a partner is asked: by our mail, or through his own portal, form or counter, where no mail clock can run."""

    MAIL = "mail"
    OUTSIDE_PORTAL = "outside_portal"


class VisitState(StrEnum):
    """An absence is not a cancellation: each has its own texts."""

    PLANNED = "planned"
    HELD = "held"
    HOUSEHOLD_ABSENT = "household_absent"
    VISITOR_ABSENT = "visitor_absent"
    CANCELLED_BY_HOUSEHOLD = "cancelled_by_household"
    CANCELLED_BY_SERVICE = "cancelled_by_service"


class TaskState(StrEnum):
    """A task is never deleted."""

    OPEN = "open"
    COMPLETED = "completed"
    RETURNED = "returned"
    HANDED_OVER = "handed_over"
    SUPERSEDED = "superseded"


class Role(StrEnum):
    """What a membership lets a person do in a programme."""

    COORDINATOR = "coordinator"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class KeyScope(StrEnum):
    """What a key of the API may do of all that its owner may."""

    ALL = "all"
    READ = "read"
    ALERTS = "alerts"


class Contract(StrEnum):
    """What ties an operator to the carrier, and so who knows whom it visits. Source: domain 6.5."""

    IN_HOUSE = "in_house"
    PUBLIC_CONTRACT = "public_contract"
    SUBSIDY = "subsidy"
    AGREEMENT = "agreement"


class Party(StrEnum):
    """Who can be waited for, told or written to about a case."""

    COORDINATOR = "coordinator"
    OPERATOR = "operator"
    ALERT_GIVER = "alert_giver"
    PARTNER = "partner"
    HOUSEHOLD = "household"


class OrganisationKind(StrEnum):
    """What an organisation is in the programme; its rights come from assignments on cases, never from this."""

    CARRIER = "carrier"
    ALERT_GIVER = "alert_giver"
    OPERATOR = "operator"
    PARTNER = "partner"


class Channel(StrEnum):
    """How a message leaves."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"


class Source(StrEnum):
    """How an act reached Relais."""

    WEB = "web"
    API = "api"
    LINK = "link"
    IMPORT = "import"
    TIMER = "timer"
    ENGINE = "engine"
    STORY = "story"
    MAIL = "mail"
    SMS = "sms"


class IncomingKind(StrEnum):
    """What a mail that came to us is. Only a reply is somebody's words; the others are written by machines.

    `bounce`: our mail will not arrive; `delay`: not yet; `notice`: it arrived, or was opened; `loop`: our own mail.
    """

    REPLY = "reply"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    DELAY = "delay"
    NOTICE = "notice"
    LOOP = "loop"
    UNREADABLE = "unreadable"


class Suggestion(StrEnum):
    """What the first words of a reply seem to say; a person decides."""

    ACCEPT = "accept"
    DECLINE = "decline"
    FULL = "full"
    APPOINTMENT = "appointment"
    DONE = "done"


class MessageState(StrEnum):
    """The life of one message to one recipient.

    Letters go queued → printed → posted; e-mail and SMS go queued → leased → data_started → accepted.
    `unknown` means that nobody can tell whether it left: it waits for proof or a person.
    """

    QUEUED = "queued"
    LEASED = "leased"
    DATA_STARTED = "data_started"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    PRINTED = "printed"
    POSTED = "posted"


class WorkState(StrEnum):
    """The relay's queue."""

    READY = "ready"
    LEASED = "leased"
    PARKED = "parked"


class WebhookState(StrEnum):
    """One event on its way to another software."""

    QUEUED = "queued"
    LEASED = "leased"
    DELIVERED = "delivered"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


class ImportKind(StrEnum):
    """What the rows of a dropped file are."""

    CASES = "cases"
    ALERTS = "alerts"


class ImportState(StrEnum):
    """A dropped file, until nothing but its counts is left."""

    READY = "ready"
    QUEUED = "queued"
    DONE = "done"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"


class OccurrenceState(StrEnum):
    """What became of one step of an obligation."""

    FIRED = "fired"
    SUPPRESSED = "suppressed"


class CallResult(StrEnum):
    """What a call to the household gave."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"
    CALL_BACK = "call_back"


class PermissionKind(StrEnum):
    """What the household agreed to, each dated and revocable. Not the legal basis of the processing."""

    CONTACT = "contact"
    SMS = "sms"
    REPORT_TO_ALERT_GIVER = "report_to_alert_giver"
    LANDLORD = "landlord"
    SHARE_WITH_PARTNER = "share_with_partner"
    NAME_TO_CARRIER = "name_to_carrier"  # the authority may know who it is, though a subsidised association helps
    HOME_VISIT = "home_visit"
    PHOTOS = "photos"
    CONSUMPTION = "consumption"
    HEALTH = "health"
    REPORT_TO_REFERENT = "report_to_referent"
    REPORT_TO_PARTNER = "report_to_partner"
    REPORT_TO_COMMITTEE = "report_to_committee"


class AgreementMode(StrEnum):
    """How the household's agreement was given."""

    ORAL = "oral"
    WRITTEN = "written"


class Tenure(StrEnum):
    """Occupation of the dwelling."""

    OWNER = "owner"
    PRIVATE_TENANT = "private_tenant"
    SOCIAL_TENANT = "social_tenant"
    HOSTED = "hosted"
    FURNISHED = "furnished"
    OTHER = "other"


class IncomeClass(StrEnum):
    """Where a household stands against the Anah's ceilings, the lowest first."""

    VERY_MODEST = "very_modest"
    MODEST = "modest"
    INTERMEDIATE = "intermediate"
    HIGHER = "higher"


class Obstacle(StrEnum):
    """Why a partner does not suit a household, as the directory says; somebody may know better, and say why."""

    AREA = "area"
    TENURE = "tenure"
    INCOME = "income"
    FULL = "full"
    CLOSED = "closed"


class Motive(StrEnum):
    """Why a visit is asked for."""

    COLD = "cold"
    ARREARS = "arrears"
    HIGH_BILL = "high_bill"
    DAMP = "damp"
    HEATING_BROKEN = "heating_broken"
    CUT_ANNOUNCED = "cut_announced"
    RESTRICTION = "restriction"
    HEAT = "heat"
    AUXILIARY_HEATING = "auxiliary_heating"
    DEGRADED = "degraded"
    DANGEROUS_APPLIANCE = "dangerous_appliance"
    HEALTH = "health"
    RECURRENT_FSL = "recurrent_fsl"
    OTHER = "other"


class Vulnerability(StrEnum):
    """What makes a household fragile: yes or no, never more."""

    INFANT = "infant"
    OVER_75 = "over_75"
    PREGNANT = "pregnant"
    DISABILITY_OR_ILLNESS = "disability_or_illness"
    ISOLATED = "isolated"
    PROTECTED_ADULT = "protected_adult"


OF_HEALTH: Final = frozenset({Vulnerability.PREGNANT, Vulnerability.DISABILITY_OR_ILLNESS})


class Heating(StrEnum):
    """What a dwelling is heated with."""

    ELECTRIC = "electric"
    GAS = "gas"
    OIL = "oil"
    WOOD = "wood"
    LPG = "lpg"
    COLLECTIVE = "collective"
    NONE = "none"
    UNKNOWN = "unknown"


class Urgency(StrEnum):
    """`danger` never queues: the coordinator is told at once."""

    NONE = "none"
    CUT_ANNOUNCED = "cut_announced"
    HEATING_OUT = "heating_out"
    DANGER = "danger"


class BestTime(StrEnum):
    """When the household is best called."""

    ANY = "any"
    MORNING = "morning"
    NOON = "noon"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class AlertChannel(StrEnum):
    """How a request reached the team that wrote it down."""

    PHONE = "phone"
    MAIL = "mail"
    EVENT = "event"
    LIST = "list"


class RejectionReason(StrEnum):
    """Why a request for a visit is not taken up."""

    OUT_OF_TERRITORY = "out_of_territory"
    OVER_INCOME = "over_income"
    DUPLICATE = "duplicate"
    NO_AGREEMENT = "no_agreement"
    ALREADY_ACCOMPANIED = "already_accompanied"
    NOT_ENERGY = "not_energy"
    INCOMPLETE = "incomplete"


class Derogation(StrEnum):
    """What becomes of a household above the ceilings for whom an exception is asked."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


class LossReason(StrEnum):
    """Why a visit did not take place, where its state alone does not say it."""

    REFUSED_AT_DOOR = "refused_at_door"
    CHILD_ALONE = "child_alone"
    NO_ACCESS = "no_access"
    UNSAFE = "unsafe"
    ILLNESS = "illness"
    WEATHER = "weather"
    OTHER = "other"


class DeclineReason(StrEnum):
    """Why a partner declines; `capacity` is news for the directory."""

    CAPACITY = "capacity"
    OUT_OF_AREA = "out_of_area"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_ELIGIBLE = "not_eligible"
    ALREADY_KNOWN = "already_known"
    OTHER = "other"


class ReferralOutcome(StrEnum):
    """What the partner's help came to; required at completion."""

    HELPED_FULLY = "helped_fully"
    HELPED_PARTLY = "helped_partly"
    INFORMATION_ONLY = "information_only"
    NO_HELP_POSSIBLE = "no_help_possible"
    HOUSEHOLD_SOLVED = "household_solved"
    UNREACHABLE = "unreachable"


class FailureReason(StrEnum):
    """Why an accepted referral came to nothing."""

    HOUSEHOLD_UNREACHABLE = "household_unreachable"
    HOUSEHOLD_REFUSED = "household_refused"
    LANDLORD_REFUSED = "landlord_refused"
    REMAINING_COST = "remaining_cost"
    FEAR_OF_WORKS = "fear_of_works"
    FEAR_OF_DEBT = "fear_of_debt"
    LACK_OF_TIME = "lack_of_time"
    PERSONAL_DIFFICULTY = "personal_difficulty"
    NOT_ELIGIBLE = "not_eligible"
    OTHER = "other"


class Loop(StrEnum):
    """Whether the help was confirmed; the only thing that may still change on a final referral."""

    OPEN = "open"
    REPORTED = "reported"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    UNVERIFIABLE = "unverifiable"


class Danger(StrEnum):
    """Dangers met in a dwelling, told to the coordinator at once. An alert tells of one without saying which."""

    ELECTRICAL = "electrical"
    GAS = "gas"
    CARBON_MONOXIDE = "carbon_monoxide"
    STRUCTURE = "structure"
    PERSON = "person"
    UNSPECIFIED = "unspecified"


class ContactBy(StrEnum):
    """How a household likes to be asked for news."""

    CALL = "call"
    SMS = "sms"
    EMAIL = "email"


class FollowUpAnswer(StrEnum):
    """What a household answers by itself to the question of the follow-up."""

    BETTER = "better"
    SAME = "same"
    CALL_ME = "call_me"


class AnsweredBy(StrEnum):
    """By which way a household answers by itself."""

    SMS = "sms"
    EMAIL = "email"
    PAGE = "page"


class HouseholdAnswer(StrEnum):
    """What a household says on the page that its letter opens."""

    HELPED = "helped"
    NOT_HELPED = "not_helped"
    CALL_ME = "call_me"


class Energy(StrEnum):
    """What may be cut."""

    ELECTRICITY = "electricity"
    GAS = "gas"


class LoanEnd(StrEnum):
    """What became of a device that was lent."""

    RETURNED = "returned"
    LOST = "lost"


class CutOutcome(StrEnum):
    """How an announced cut ended."""

    AVERTED = "averted"
    HAPPENED = "happened"


class HoldReason(StrEnum):
    """Why a partner's help waits; only a wait of the partner's own keeps his clock running."""

    HOUSEHOLD = "household"
    THIRD_PARTY = "third_party"
    PARTNER = "partner"


class WithdrawReason(StrEnum):
    """Why a request to a partner is taken back."""

    HOUSEHOLD_REFUSED = "household_refused"
    FEAR_OF_DEBT = "fear_of_debt"
    PERMISSION_REVOKED = "permission_revoked"
    NEED_GONE = "need_gone"
    ANOTHER_PARTNER = "another_partner"
    CASE_ENDED = "case_ended"
    OTHER = "other"


class VoidReason(StrEnum):
    """Why a referral should never have existed."""

    WRONG_HOUSEHOLD = "wrong_household"
    WRONG_PARTNER = "wrong_partner"
    SENT_TWICE = "sent_twice"
    OTHER = "other"


class SuspensionReason(StrEnum):
    """Why a case waits, every clock with it."""

    HOSPITAL = "hospital"
    ABSENCE = "absence"
    MOVE_PLANNED = "move_planned"
    WORKS_UNDER_WAY = "works_under_way"
    HOUSEHOLD_ASKS = "household_asks"
    LEGAL_ACTION = "legal_action"
    SEASON = "season"
    OTHER = "other"


class SnoozeReason(StrEnum):
    """Why a task is put off; its date stays, its reminders wait."""

    WAITING_HOUSEHOLD = "waiting_household"
    WAITING_DOCUMENT = "waiting_document"
    WAITING_THIRD_PARTY = "waiting_third_party"
    WORKLOAD = "workload"
    OTHER = "other"


class SkipReason(StrEnum):
    """Why one reminder does not leave; the task and its date stay."""

    TOLD = "told"
    USELESS = "useless"
    WRONG_MOMENT = "wrong_moment"
    OTHER = "other"


class ReturnReason(StrEnum):
    """Why a task is given back to the coordination."""

    NOT_MINE = "not_mine"
    NO_CAPACITY = "no_capacity"
    CONFLICT = "conflict"
    MISSING_INFORMATION = "missing_information"
    OTHER = "other"


class ClosureOutcome(StrEnum):
    """How a case ends."""

    SOLVED = "solved"
    PARTLY_SOLVED = "partly_solved"
    AUTONOMOUS = "autonomous"
    STOPPED_ANSWERING = "stopped_answering"
    UNREACHABLE = "unreachable"
    REFUSED_VISIT = "refused_visit"
    REFUSED_WORKS = "refused_works"
    STOPPED_BY_HOUSEHOLD = "stopped_by_household"
    MOVED = "moved"
    REHOUSED = "rehoused"
    SOLD = "sold"
    DECEASED = "deceased"
    OUT_OF_SCOPE = "out_of_scope"
    DUPLICATE = "duplicate"
    HANDLED_ELSEWHERE = "handled_elsewhere"
    LANDLORD_COMPLIED = "landlord_complied"
    NO_SOLUTION = "no_solution"


class Theme(StrEnum):
    """Families of solutions (type de solution). Source: domain catalogue of orientations.

    That nothing exists for a need is no family: see `GapReason`.
    """

    ENERGY_ADVICE = "energy_advice"
    CONTRACT = "contract"
    ENERGY_CHEQUE = "energy_cheque"
    OTHER_RIGHTS = "other_rights"
    FSL = "fsl"
    SUPPLIER = "supplier"
    BUDGET = "budget"
    SOCIAL_SUPPORT = "social_support"
    LANDLORD_MEDIATION = "landlord_mediation"
    LEGAL = "legal"
    UNFIT_HOUSING = "unfit_housing"
    REHOUSING = "rehousing"
    RENOVATION_ADVICE = "renovation_advice"
    MAJOR_WORKS = "major_works"
    SINGLE_WORKS = "single_works"
    ADVANCE_FUND = "advance_fund"
    SMALL_WORKS_FUND = "small_works_fund"
    SELF_REHABILITATION = "self_rehabilitation"
    EQUIPMENT = "equipment"
    SOLIDARITY_ASSEMBLER = "solidarity_assembler"
    BAIL_RENOV = "bail_renov"
    CO_OWNERSHIP = "co_ownership"
    HEALTH = "health"
    DIGITAL_HELP = "digital_help"
    EMERGENCY = "emergency"
    OTHER = "other"


class GapReason(StrEnum):
    """Why nothing can be done for a need: the evidence of what lacks locally."""

    NO_PARTNER = "no_partner"
    NO_PLACE = "no_place"
    NOT_ELIGIBLE = "not_eligible"
    REMAINING_COST = "remaining_cost"
    TOO_LONG = "too_long"
    OTHER = "other"


class FindingKind(StrEnum):
    """A figure of one household. The unit of each is that of `services.cases.findings.UNITS`.

    The burden is that of disposable income; `reference_burden` is of the reference tax income and says so wherever it
    is shown. A saving keeps its label: deemed, declared, measured, never one for another.
    """

    ENERGY_COST = "energy_cost"
    BURDEN = "burden"
    REFERENCE_BURDEN = "reference_burden"
    SAVING_DEEMED = "saving_deemed"
    SAVING_DECLARED = "saving_declared"
    SAVING_MEASURED = "saving_measured"
    MATCH = "match"


class Method(StrEnum):
    """How a figure was come by."""

    GIVEN = "given"


class Equipment(StrEnum):
    """Small equipment of the kit."""

    LED_BULB = "led_bulb"
    TAP_AERATOR = "tap_aerator"
    SHOWER_HEAD = "shower_head"
    STANDBY_CUTTER = "standby_cutter"
    DRAUGHT_STOP = "draught_stop"
    THERMAL_CURTAIN = "thermal_curtain"
    WINDOW_SEAL = "window_seal"
    RADIATOR_REFLECTOR = "radiator_reflector"
    GLAZING_FILM = "glazing_film"
    THERMO_HYGROMETER = "thermo_hygrometer"
    HOT_WATER_TIMER = "hot_water_timer"
    PIPE_WRAP = "pipe_wrap"


class EquipmentState(StrEnum):
    """What became of an equipment of the kit; what is installed or left with the household counts in its cost."""

    PROPOSED = "proposed"
    INSTALLED = "installed"
    LEFT = "left"
    REFUSED = "refused"
    NOT_FITTING = "not_fitting"
    REMOVED = "removed"


class ExitCriterion(StrEnum):
    """What must be true for a household to be out of fuel poverty."""

    UNDER_THRESHOLD = "under_threshold"
    WARM = "warm"
    NO_ARREARS = "no_arrears"


class Known(StrEnum):
    """Yes, no, or nobody can say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

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


class PermissionKind(StrEnum):
    """What the household agreed to, each dated and revocable. Not the legal basis of the processing."""

    CONTACT = "contact"
    SMS = "sms"
    REPORT_TO_ALERT_GIVER = "report_to_alert_giver"
    LANDLORD = "landlord"
    SHARE_WITH_PARTNER = "share_with_partner"


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
    OTHER = "other"


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


class RejectionReason(StrEnum):
    """Why a request for a visit is not taken up."""

    OUT_OF_TERRITORY = "out_of_territory"
    OVER_INCOME = "over_income"
    DUPLICATE = "duplicate"
    NO_AGREEMENT = "no_agreement"
    ALREADY_ACCOMPANIED = "already_accompanied"
    NOT_ENERGY = "not_energy"
    INCOMPLETE = "incomplete"


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
    """Dangers met in a dwelling, told to the coordinator at once."""

    ELECTRICAL = "electrical"
    GAS = "gas"
    CARBON_MONOXIDE = "carbon_monoxide"
    STRUCTURE = "structure"
    PERSON = "person"


class HoldReason(StrEnum):
    """Why a partner's help waits; only a wait of the partner's own keeps his clock running."""

    HOUSEHOLD = "household"
    THIRD_PARTY = "third_party"
    PARTNER = "partner"


class WithdrawReason(StrEnum):
    """Why a request to a partner is taken back."""

    HOUSEHOLD_REFUSED = "household_refused"
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
    OTHER = "other"


class SnoozeReason(StrEnum):
    """Why a task is put off; its date stays, its reminders wait."""

    WAITING_HOUSEHOLD = "waiting_household"
    WAITING_DOCUMENT = "waiting_document"
    WAITING_THIRD_PARTY = "waiting_third_party"
    WORKLOAD = "workload"
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
    MOVED = "moved"
    DECEASED = "deceased"
    OUT_OF_SCOPE = "out_of_scope"
    HANDLED_ELSEWHERE = "handled_elsewhere"
    NO_SOLUTION = "no_solution"


class Theme(StrEnum):
    """Families of solutions (type de solution). Source: domain catalogue of orientations."""

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
    SMALL_WORKS_FUND = "small_works_fund"
    SELF_REHABILITATION = "self_rehabilitation"
    EQUIPMENT = "equipment"
    HEALTH = "health"
    EMERGENCY = "emergency"
    OTHER = "other"

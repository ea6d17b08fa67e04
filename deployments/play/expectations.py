"""What a story expects of one case, and what it finds instead.

| word | meaning |
|---|---|
| stage, state, outcome, danger, urgency, derogation, suspended_until | of the case; `none` for what it has not |
| operator | the organisation that has it; `none` |
| merged_into | the case that goes on in its place |
| alerts | how many requests it holds |
| waiting_for | everybody who has an open task: a party, or the organisation's name in the setting |
| tasks | all open tasks: kind, and any of owner (a party, an organisation, or the person who has it), due (day, \
or day and hour), provisional, about (the partner, the energy, the device that it is about), snoozed_until |
| messages | each is there exactly once, or `count` times: text (left out: any), to, by, state, on (when it ended, or \
is due), says (words that it holds, once it is written), lacks (words that it does not hold), subject (words of its \
subject), why (it was refused or did not leave); one that was cancelled, or waits in \
vain, is there only for `state: cancelled` |
| no_messages | none is there |
| other_messages | the same of what is about no case: a sheet to look at, an account |
| coming, not_coming | what will leave, or happen, if nobody does anything, as the page of coming sends says: text, \
task, to, on; texts that are not to come |
| file | the latest sheet that was given: state, and how many rows were taken, known before, to_correct |
| mails | for each reader, how many mails about the case he got; those that left together are one |
| most_a_day | for each reader, how many mails he got on the day on which he got most, whatever the case |
| handlings | for each of the team, how many acts of the case are his |
| monthly | for each alert giver, the days on which he got his letter of the month |
| sees, cannot_see | for each reader `case` (may open it) or texts that he may read, wherever they are written to him; \
`voicemail` is what may be left on the household's answering machine |
| on_screen, not_on_screen | for an alert giver, a partner, the household: texts on pages that open to him now, \
without an account; for the team, texts on its lists (à faire, qui doit quoi, parcours, situations, envois à venir, \
annuaire, courriers, messages reçus) |
| requests | for an alert giver, his own request as the page of his requests says it: stage, state, closed, news (the \
last event told), may_read_report (the household agrees that he have it), asked (types of solution, each with the \
state of the request) |
| doubles | other cases, by their name, that the coordination is shown beside this one |
| passed_on | which fields of an alert another Slime is given of the household, all of them |
| letters_to_print | how many letters wait for the printer |
| income | the household's class by the Anah's ceilings; `none` when something lacks |
| household | civility, first_name, surname, email, birth_year, people, children, best_time, language, companion, \
guardian, guardian_phone, vulnerabilities, breathing, reference_income, income_year, contact_by; and of its dwelling \
street, complement, postcode, commune_code, tenure, landlord, heating, safety |
| territory | in or out, as the engine saw it |
| findings | each figure as it was said (`burden: 21.7`); `none` for one that nobody gave |
| survey | answers as `record_survey` says them; an empty one (`dwelling: {area: }`) is not given |
| kit | total in euros, pieces in place, items: each with its quantity, or its state |
| scorecard | met, of, and each criterion: yes, no or unknown; `none` for no scorecard |
| gaps | types of solution that nothing answers, each with its reason |
| matches | how alike other cases are, by their name |
| requested, phones, calls, visits, reports, documents, referrals, loans, agreements, cuts, held_back | each is there, \
described by any of its facts |
| counts | how many of these there are: `{visits: 1, loans: 0}` |
| happened, not_happened | types of events that did, or did not (`case.merged`; `danger.reported: 2` for how many) |
| statistics | of the programme: alerts, households, not_eligible, and unmet needs by type |
| read_by | all who read the case, as the coordination sees them |
| proposes | for a type of solution, the partners that the directory proposes, in order; and those set aside, why |

`to` is a name of the setting, `household`, or an address; `officer`, `giver`, `collected_by` and `read_by` know these
names, and whole ones too. What a partner or an alert giver reads is every mail that
he received, and for a partner the household and the report that his browser may show him now; what a household reads
is its mails, its SMS and the letters that were printed; what somebody with an account reads is his mails and the pages
of the case: who the household is, the words of the alerts, the figures, the story.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from sqlalchemy import ColumnElement, func, or_, select

from deployments.play.facts import NONE, ExpectedFacts, Word, missing
from deployments.play.mistakes import typed
from deployments.play.story import HOUSEHOLD, Setting
from models.cases import Alert, Case, Loan, Referral, SupplyCut
from models.engine import Event, FileImport, Message, Task
from models.programmes import Organisation, PartnerSession, Person
from models.vocabulary import (
    CaseState,
    Channel,
    ClosureOutcome,
    Danger,
    Derogation,
    Equipment,
    FindingKind,
    GapReason,
    ImportState,
    IncomeClass,
    Known,
    MessageState,
    Obstacle,
    Party,
    ReferralState,
    RejectionReason,
    Role,
    Stage,
    TaskState,
    Theme,
    Urgency,
)
from services.accounts import partner_access
from services.cases import calls, circumstances, endings, findings, kits, needs, picking, scorecards, surveys
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.imports.corrections import NOT_TAKEN
from services.listing import EVERYTHING
from services.overview import coming, desk, doubles, figures, requests_made, timeline
from services.programme import programmes
from services.rules import relevance
from services.rules.news import MONTHLY
from services.rules.policy import Actor, knows_household, may_know_household, may_read_report, readable

CASE: Final = "case"
VOICEMAIL: Final = "voicemail"
DAY: Final = 10
"""Letters of a written day."""
WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?")
LINK: Final = re.compile(r"https?://\S+")
"""Left out of what is read: its signs are chance, and may spell anything."""
_OF_CASE: Final = ("stage", "state", "outcome", "danger", "urgency", "derogation")
_TALLIED: Final = ("alerts", "households", "not_eligible")


def _several(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


def _counted(value: object) -> object:
    """A list of names: each at least once, which is said by nought."""
    return dict.fromkeys(value, 0) if isinstance(value, list) else {value: 0} if isinstance(value, str) else value


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        text = ""
    if not WRITTEN.fullmatch(text):
        raise ValueError("un jour se dit 2025-10-09, un jour et une heure 2025-10-09 18:00")
    return text


Nothing = Literal["none"]
Moment = Annotated[str, AfterValidator(_moment)]
"""A local day, or a local day and hour: `2025-10-09`, `2025-10-09 18:00`."""
Texts = Annotated[list[str], BeforeValidator(_several)]
Obstacles = Annotated[list[Obstacle], BeforeValidator(_several)]
Moments = Annotated[list[Moment], BeforeValidator(_several)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedTask(_Strict):
    """An open task."""

    kind: str
    owner: str | None = None
    due: Moment | None = None
    provisional: bool | None = None
    about: str | None = None
    snoozed_until: Moment | None = None


class ExpectedMessage(_Strict):
    """A message, or several alike; without a text, whatever it says."""

    text: str | None = None
    to: str | None = None
    by: Channel | None = None
    state: MessageState | None = None
    on: Moment | None = None
    count: int = 1
    says: Texts = []
    lacks: Texts = []
    subject: Texts = []
    why: str | None = None


class ExpectedDeparture(_Strict):
    """What will leave if nobody does anything; `text` is empty for what a timer does by itself."""

    text: str | None = None
    task: str | None = None
    to: str | None = None
    on: Moment | None = None


class ExpectedFile(_Strict):
    """What became of the latest sheet that was given."""

    state: ImportState | None = None
    taken: int | None = None
    known: int | None = None
    to_correct: int | None = None


class ExpectedRequest(_Strict):
    """What an alert giver's own page says of his request."""

    stage: Word = None
    state: Word = None
    closed: Word = None
    news: Word = None
    may_read_report: Word = None
    asked: dict[Theme, ReferralState] | None = None


class ExpectedPicks(_Strict):
    """Whom the directory proposes for a type of solution, the best first; whom it sets aside, and why."""

    theme: Theme
    partners: Texts = []
    set_aside: dict[str, Obstacles] = {}


class ExpectedHousehold(_Strict):
    """What is known of the people and of their dwelling."""

    civility: Word = None
    first_name: Word = None
    surname: Word = None
    email: Word = None
    birth_year: Word = None
    reference_income: Word = None
    income_year: Word = None
    contact_by: Word = None
    street: Word = None
    complement: Word = None
    postcode: Word = None
    commune_code: Word = None
    tenure: Word = None
    landlord: Word = None
    people: Word = None
    children: Word = None
    best_time: Word = None
    language: Word = None
    companion: Word = None
    guardian: Word = None
    guardian_phone: Word = None
    vulnerabilities: Texts | None = None
    heating: Word = None
    safety: Word = None
    breathing: Word = None


class ExpectedFindings(_Strict):
    """Figures, as they are said."""

    energy_cost: Word = None
    burden: Word = None
    reference_burden: Word = None
    saving_deemed: Word = None
    saving_declared: Word = None
    saving_measured: Word = None


class ExpectedKit(_Strict):
    """The small equipment as it stands."""

    total: float | None = None
    pieces: int | None = None
    items: dict[Equipment, Word] = {}


class ExpectedScorecard(_Strict):
    """The exit scorecard."""

    met: int | None = None
    of: int | None = None
    under_threshold: Known | None = None
    warm: Known | None = None
    no_arrears: Known | None = None


class ExpectedStatistics(_Strict):
    """The programme's figures before the small ones are kept back."""

    alerts: int | None = None
    households: int | None = None
    not_eligible: int | None = None
    unmet: dict[Theme, int] = {}


class Expected(ExpectedFacts, _Strict):
    """All that may be expected at one instant; what is left out is not looked at."""

    stage: Stage | None = None
    state: CaseState | None = None
    outcome: ClosureOutcome | RejectionReason | Nothing | None = None
    danger: Danger | Nothing | None = None
    urgency: Urgency | None = None
    derogation: Derogation | Nothing | None = None
    suspended_until: str | None = None
    operator: str | None = None
    merged_into: str | None = None
    alerts: int | None = None
    household: ExpectedHousehold | None = None
    findings: ExpectedFindings | None = None
    survey: dict[str, dict[str, Any]] = {}
    kit: ExpectedKit | None = None
    scorecard: ExpectedScorecard | Literal["none"] | None = None
    gaps: dict[Theme, GapReason] | None = None
    matches: dict[str, int] = {}
    happened: Annotated[dict[str, int], BeforeValidator(_counted)] = {}
    not_happened: Texts = []
    statistics: ExpectedStatistics | None = None
    waiting_for: Texts | None = None
    tasks: list[ExpectedTask] | None = None
    messages: list[ExpectedMessage] = []
    no_messages: list[ExpectedMessage] = []
    other_messages: list[ExpectedMessage] = []
    coming: list[ExpectedDeparture] = []
    not_coming: Texts = []
    file: ExpectedFile | None = None
    mails: dict[str, int] = {}
    most_a_day: dict[str, int] = {}
    handlings: dict[str, int] = {}
    monthly: dict[str, Moments] = {}
    sees: dict[str, Texts] = {}
    cannot_see: dict[str, Texts] = {}
    on_screen: dict[str, Texts] = {}
    not_on_screen: dict[str, Texts] = {}
    requests: dict[str, ExpectedRequest] = {}
    doubles: Texts | None = None
    passed_on: Texts | None = None
    letters_to_print: int | None = None
    income: IncomeClass | Nothing | None = None
    territory: Literal["in", "out"] | None = None
    read_by: Texts | None = None
    proposes: ExpectedPicks | None = None

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, given: Any) -> Any:
        """What is empty would be looked at by nobody, and the story would seem to hold."""
        if isinstance(given, Mapping):
            if not given:
                raise ValueError("rien n’est attendu ici")
            if empty := [name for name, said in given.items() if said is None]:
                raise ValueError(f"« {empty[0]} » est vide (none\u00a0: ce qui n’y est pas)")
        return given


def surprises(
    unit: UnitOfWork, setting: Setting, case: Case, expected: Expected, *, cases: Mapping[str, UUID]
) -> list[str]:
    """A line for everything that is not as expected; none if all is well. `cases`: those of the story by name."""
    look = _Look(unit, setting, case, cases)
    return [
        *look.case_itself(expected),
        *look.income(expected),
        *look.household(expected),
        *look.figures(expected),
        *look.survey(expected),
        *look.kit(expected),
        *look.scorecard(expected),
        *look.likenesses(expected),
        *look.events(expected),
        *look.statistics(expected),
        *missing(unit, case, setting, expected),
        *look.tasks(expected),
        *look.messages(expected),
        *look.to_come(expected),
        *look.file(expected),
        *look.mails(expected),
        *look.most_a_day(expected),
        *look.handlings(expected),
        *look.readers(expected),
        *look.requests(expected),
        *look.passed_on(expected),
        *look.letters(expected),
        *look.picks(expected),
        *look.audit(expected),
    ]


class _Look:
    """One case looked at from all sides."""

    def __init__(self, unit: UnitOfWork, setting: Setting, case: Case, cases: Mapping[str, UUID]) -> None:
        self.unit, self.setting, self.case, self.cases = unit, setting, case, cases
        self.names = {address: name for name, address in _addresses(setting)}
        self._read: dict[str, list[str]] = {}
        self._in_vain: set[UUID] = set()

    def case_itself(self, expected: Expected) -> Iterator[str]:
        names = {case_id: name for name, case_id in self.cases.items()}
        kept = self.case.merged_into_id
        found = {name: getattr(self.case, name) for name in _OF_CASE} | {
            "suspended_until": self.case.suspended_until and self.case.suspended_until.isoformat(),
            "operator": self.case.operator and self.case.operator.slug,
            "merged_into": names.get(kept) if kept else None,
            "alerts": len(self.case.alerts),
        }
        yield from self._compared(expected, found)
        inside = (self.case.checks or {}).get("in_territory")
        territory = NONE if inside is None else "in" if inside else "out"
        if expected.territory not in {None, territory}:
            yield f"territoire\u00a0: {expected.territory} attendu, {territory} trouvé"

    def income(self, expected: Expected) -> Iterator[str]:
        if expected.income is None:
            return
        means = circumstances.means_of(self.unit, self.case)
        income = means.income_class if means else NONE
        if income != expected.income:
            yield f"revenus\u00a0: {expected.income} attendu, {income} trouvé"

    def household(self, expected: Expected) -> Iterator[str]:
        if expected.household is None:
            return
        home, place = self.case.household, self.case.dwelling
        found = {name: _of_any((home, place, self.case), name) for name in ExpectedHousehold.model_fields}
        found |= {"vulnerabilities": sorted(home.vulnerabilities)}
        wanted = expected.household
        if wanted.vulnerabilities is not None:
            wanted = wanted.model_copy(update={"vulnerabilities": sorted(wanted.vulnerabilities)})
        yield from self._compared(wanted, found)

    def figures(self, expected: Expected) -> Iterator[str]:
        if expected.findings is None:
            return
        known = {each.kind: each.finding.value / findings.UNITS[each.kind] for each in self._findings()}
        for name, wanted in expected.findings.model_dump(exclude_none=True).items():
            found = known.get(FindingKind(name), NONE)
            if found != (wanted if wanted == NONE else float(wanted)):
                yield f"{name}\u00a0: {wanted} attendu, {found} trouvé"

    def _findings(self) -> Sequence[findings.Figure]:
        return findings.of_household(self.unit, self.case)

    def survey(self, expected: Expected) -> Iterator[str]:
        if not expected.survey:
            return
        known = {each.place: each.value for each in surveys.of_case(self.unit, self.case)}
        for place, wanted in surveys.places_in(expected.survey).items():
            if (found := known.get(place)) != wanted:
                told = ".".join(part for part in (place.section, place.about, place.field) if part)
                yield f"{told}\u00a0: {wanted or NONE} attendu, {found or NONE} trouvé"

    def kit(self, expected: Expected) -> Iterator[str]:
        if expected.kit is None:
            return
        items = kits.of_case(self.unit, self.case)
        pieces = sum(each.quantity for each in kits.in_place(items))
        yield from self._compared(expected.kit, {"total": kits.total_cents(items) / 100, "pieces": pieces})
        there = {each.item: (str(each.quantity), each.state) for each in items}
        for item, wanted in expected.kit.items.items():
            found = there.get(item, (NONE,))
            if str(wanted) not in found:
                yield f"équipement {item}\u00a0: {wanted} attendu, {', '.join(found)} trouvé"

    def scorecard(self, expected: Expected) -> Iterator[str]:
        if expected.scorecard is None:
            return
        found = scorecards.of_case(self.unit, self.case)
        if isinstance(expected.scorecard, str) or found is None:
            if (found is None) != (expected.scorecard == NONE):
                yield f"bilan de sortie\u00a0: {expected.scorecard} attendu, {found and found.met} trouvé"
            return
        lines = {line.criterion: line.met for line in found.lines}
        yield from self._compared(expected.scorecard, {"met": found.met, "of": found.of, **lines})

    def likenesses(self, expected: Expected) -> Iterator[str]:
        if expected.gaps is not None:
            gaps = {each.theme: each.reason for each in needs.unmet(self.unit, self.case)}
            if gaps != expected.gaps:
                yield f"sans solution\u00a0: {_codes(expected.gaps)} attendu, {_codes(gaps)} trouvé"
        scores = findings.matches(self.unit, self.case) if expected.matches else {}
        for name, wanted in expected.matches.items():
            if (found := scores.get(self.cases[name])) != wanted:
                yield f"ressemblance avec {name}\u00a0: {wanted} attendu, {found or NONE} trouvé"
        if expected.doubles is not None:
            names = {case_id: name for name, case_id in self.cases.items()}
            shown = sorted(names[each.case.id] for each in doubles.alike(self.unit, self._coordinator(), self.case))
            if shown != sorted(expected.doubles):
                yield f"doubles montrés\u00a0: {expected.doubles} attendus, {shown} trouvés"

    def events(self, expected: Expected) -> Iterator[str]:
        if not expected.happened and not expected.not_happened:
            return
        count = Counter(self.unit.session.scalars(select(Event.type).where(Event.case_id == self.case.id)))
        for name, times in expected.happened.items():
            if count[name] < 1 or (times and count[name] != times):
                yield f"{name}\u00a0: attendu {times or 'au moins une'} fois, arrivé {count[name]} fois"
        yield from (f"{name} est arrivé {count[name]} fois" for name in expected.not_happened if count[name])

    def statistics(self, expected: Expected) -> Iterator[str]:
        if expected.statistics is None:
            return
        coordinator = self._coordinator()
        tally = figures.tally(self.unit, coordinator, EVERYTHING)
        yield from self._compared(expected.statistics, {name: getattr(tally, name) for name in _TALLIED})
        for theme, wanted in expected.statistics.unmet.items():
            if tally.unmet.get(theme, 0) != wanted:
                yield f"besoins sans solution, {theme}\u00a0: {wanted} attendu, {tally.unmet.get(theme, 0)} trouvé"

    def _coordinator(self) -> Actor:
        emails = (each.email for each in self.setting.staff.values() if each.role is Role.COORDINATOR)
        return programmes.member(self.unit, self.case.programme_id, next(emails))

    @staticmethod
    def _compared(wanted: BaseModel, found: Mapping[str, Any]) -> Iterator[str]:
        for name, there in found.items():
            asked, known = getattr(wanted, name), there if there or there == 0 else NONE
            if asked is not None and asked != known:
                yield f"{name}\u00a0: {asked} attendu, {known} trouvé"

    def tasks(self, expected: Expected) -> Iterator[str]:
        if expected.waiting_for is None and expected.tasks is None:
            return
        query = select(Task).where(Task.case_id == self.case.id, Task.state == TaskState.OPEN)
        left = list(self.unit.session.scalars(query.order_by(Task.due_at, Task.id)))
        found = ", ".join(self._told_task(task) for task in left) or "aucune"
        if expected.waiting_for is not None:
            waiting = sorted({self._owner(task) for task in left})
            if waiting != sorted(expected.waiting_for):
                yield f"en attente de\u00a0: {expected.waiting_for} attendu, {waiting} trouvé"
        if expected.tasks is None:
            return
        for wanted in expected.tasks:
            match = next((task for task in left if self._is_task(task, wanted)), None)
            if match is None:
                yield f"tâche attendue {_told(wanted)}\u00a0; ouvertes\u00a0: {found}"
            else:
                left.remove(match)
        for task in left:
            yield f"tâche inattendue {self._told_task(task)}"

    def messages(self, expected: Expected) -> Iterator[str]:
        wanted = [*expected.messages, *(none.model_copy(update={"count": 0}) for none in expected.no_messages)]
        yield from self._written(wanted, Message.case_id == self.case.id)
        yield from self._written(expected.other_messages, Message.case_id.is_(None))

    def _written(self, wanted: Sequence[ExpectedMessage], which: ColumnElement[bool]) -> Iterator[str]:
        known = self._ledger(which) if wanted else []
        for each in wanted:
            found = [message for message in known if self._is_message(message, each)]
            count = sum(_says(message, each) for message in found)
            if count != each.count and len(found) == each.count:
                words = {"says": each.says, "lacks": each.lacks, "subject": each.subject}
                asked = {name: said for name, said in words.items() if said}
                yield f"{each.text}, {asked} attendu, mais\u00a0: {[f'{it.subject} | {it.body}' for it in found]}"
            elif count != each.count:
                alike = [self._told_message(message) for message in known if each.text in {None, message.text}]
                yield f"message attendu {_told(each)}, trouvé {count} fois\u00a0; il y a {alike or 'aucun tel texte'}"

    def _state(self, message: Message) -> str:
        """Its state; one that waits in vain is cancelled once its hour comes, and is so for whoever looks."""
        return MessageState.CANCELLED.value if message.id in self._in_vain else message.state

    def _ledger(self, which: ColumnElement[bool]) -> Sequence[Message]:
        waits = select(Message.id).where(which, Message.case_id.is_not(None), Message.state == MessageState.QUEUED)
        waiting = waits.where(~relevance.is_wanted(self.unit.now))
        self._in_vain = set(self.unit.session.scalars(waiting))
        return self.unit.session.scalars(select(Message).where(which).order_by(Message.created_at, Message.id)).all()

    def to_come(self, expected: Expected) -> Iterator[str]:
        if not expected.coming and not expected.not_coming:
            return
        left = coming.of_case(self.unit, self._coordinator(), self.case.id)
        told = ", ".join(f"{it.text or it.kind} {it.party} {self._local(it.at)}" for it in left) or "rien"
        for wanted in expected.coming:
            match = next((each for each in left if self._is_departure(each, wanted)), None)
            if match is None:
                yield f"à venir\u00a0: {_told(wanted)} attendu\u00a0; il y a {told}"
            else:
                left.remove(match)
        yield from (f"à venir\u00a0: {name} ne devrait pas y être" for name in expected.not_coming
                    if any(name in {each.text, each.kind} for each in left))  # fmt: skip

    def _is_departure(self, found: coming.Departure, wanted: ExpectedDeparture) -> bool:
        reader = self._slug(found.organisation_id) if found.organisation_id else found.party
        return (
            wanted.text in {None, found.text}
            and wanted.task in {None, found.kind}
            and wanted.to in {None, reader, found.party}
            and self._is_moment(found.at, wanted.on)
        )

    def file(self, expected: Expected) -> Iterator[str]:
        if expected.file is None:
            return
        latest = select(FileImport).order_by(FileImport.dropped_at.desc(), FileImport.id.desc())
        found = self.unit.session.scalars(latest).first()
        if found is None:
            yield "aucun tableau n’a été donné"
            return
        counts = {name: count for name, count in found.summary.get("counts", {}).items() if name in NOT_TAKEN}
        there = {"state": found.state, "taken": found.taken, "known": found.known, "to_correct": sum(counts.values())}
        yield from self._compared(expected.file, there)

    def mails(self, expected: Expected) -> Iterator[str]:
        for who, wanted in expected.mails.items():
            mails = [each for each in self._received(who) if each.case_id and each.channel == Channel.EMAIL]
            got = {mail.bundle_id or mail.id for mail in mails}
            if len(got) != wanted:
                yield f"e-mails reçus par {who}\u00a0: {wanted} attendus, {len(got)} trouvés"
        for who, days in expected.monthly.items():
            letters = [mail for mail in self._received(who) if mail.case_id is None]
            found = [self._local(mail.done_at or mail.due_at)[:DAY] for mail in letters]
            if found != list(days):
                yield f"lettres du mois reçues par {who}\u00a0: {days} attendues, {found} trouvées"

    def most_a_day(self, expected: Expected) -> Iterator[str]:
        for who, wanted in expected.most_a_day.items():
            query = select(Message.done_at).where(
                Message.address == (self.setting.address(who) or who),
                Message.channel == Channel.EMAIL,
                Message.state == MessageState.ACCEPTED,
                Message.bundle_id.is_(None),
            )
            days = Counter(self._local(at)[:DAY] for at in self.unit.session.scalars(query) if at)
            if max(days.values(), default=0) != wanted:
                yield f"e-mails reçus par {who} en un jour\u00a0: {wanted} au plus attendus, {dict(days)} trouvés"

    def handlings(self, expected: Expected) -> Iterator[str]:
        for who, wanted in expected.handlings.items():
            person = programmes.member(self.unit, self.case.programme_id, self.setting.staff[who].email)
            query = select(Event.type).where(Event.case_id == self.case.id, Event.actor == person.label)
            acts = self.unit.session.scalars(query.order_by(Event.seq)).all()
            if len(acts) != wanted:
                yield f"actes de {who}\u00a0: {wanted} attendus, {list(acts)} trouvés"

    def readers(self, expected: Expected) -> Iterator[str]:
        for who, texts in expected.sees.items():
            yield from (f"{who} devrait voir {text!r}" for text in texts if not self._sees(who, text))
        for who, texts in expected.cannot_see.items():
            yield from (f"{who} ne devrait pas voir {text!r}" for text in texts if self._sees(who, text))

    def requests(self, expected: Expected) -> Iterator[str]:
        for who, wanted in expected.requests.items():
            found = self._request(who)
            if found is None:
                yield f"{who} n’a rien demandé ici"
                continue
            told = {"stage": found.stage, "state": found.state, "closed": found.closed,
                    "news": found.news and found.news.code,
                    "may_read_report": found.may_read_report}  # fmt: skip
            yield from (f"page de {who}, {line}" for line in self._compared(wanted, told))
            if wanted.asked is not None and _codes(wanted.asked) != (asked := dict(found.asked)):
                yield f"page de {who}, asked\u00a0: {_codes(wanted.asked)} attendu, {asked} trouvé"

    def _request(self, who: str) -> requests_made.Request | None:
        """The request that he made here, wherever a merge took it."""
        query = select(Alert).where(
            or_(Alert.received_on_id == self.case.id, Alert.case_id == self.case.id),
            Alert.giver_email == self.setting.address(who),
        )
        alert = self.unit.session.scalars(query.order_by(Alert.received_at)).first()
        if alert is None:
            return None
        number = (alert.received_on or alert.case).number
        return next(each for each in requests_made.of_giver(self.unit, alert) if each.reference == number)

    def passed_on(self, expected: Expected) -> Iterator[str]:
        if expected.passed_on is not None:
            given = sorted(endings.passed_on(self.unit, self.case))
            if given != sorted(expected.passed_on):
                yield f"transmis à l’autre dispositif\u00a0: {sorted(expected.passed_on)} attendu, {given} trouvé"

    def letters(self, expected: Expected) -> Iterator[str]:
        if expected.letters_to_print is None:
            return
        waiting = self.unit.session.scalar(
            select(func.count()).where(
                Message.case_id == self.case.id,
                Message.channel == Channel.LETTER,
                Message.state == MessageState.QUEUED,
                Message.due_at <= self.unit.now,
                relevance.is_wanted(self.unit.now),
            )
        )
        if expected.letters_to_print != waiting:
            yield f"lettres à imprimer\u00a0: {expected.letters_to_print} attendues, {waiting} trouvées"

    def audit(self, expected: Expected) -> Iterator[str]:
        if expected.read_by is None:
            return
        opened = desk.readers(self.unit, self._coordinator(), self.case.id)
        found = sorted({each.name for each in opened if each.what != "refused"})
        partners = {each.slug: f"{each.name} (partenaire)" for each in self.setting.organisations}
        wanted = sorted((self.setting.people | partners).get(who, who) for who in expected.read_by)
        if found != wanted:
            yield f"lecteurs\u00a0: {wanted} attendus, {found} trouvés"

    def picks(self, expected: Expected) -> Iterator[str]:
        if expected.proposes is None:
            return
        found = picking.choice(self.unit, self.case, expected.proposes.theme)
        proposed = [self._slug(pick.offer.partner_id) for pick in found.proposed]
        if proposed != list(expected.proposes.partners):
            yield f"partenaires proposés\u00a0: {expected.proposes.partners} attendus, {proposed} trouvés"
        apart = {self._slug(pick.offer.partner_id): [*pick.obstacles] for pick in found.set_aside}
        if apart != expected.proposes.set_aside:
            said, found_apart = (
                {who: _texts(why) for who, why in each.items()} for each in (expected.proposes.set_aside, apart)
            )
            yield f"partenaires écartés\u00a0: {said} attendus, {found_apart} trouvés"

    def _slug(self, organisation_id: UUID) -> str:
        return self.unit.session.get_one(Organisation, organisation_id).slug

    # -- How things are compared and told

    def _is_task(self, task: Task, wanted: ExpectedTask) -> bool:
        return (
            task.kind == wanted.kind
            and wanted.owner in {None, self._owner(task), task.party, self._person(task)}
            and self._is_moment(task.due_at, wanted.due)
            and wanted.provisional in {None, task.provisional}
            and wanted.about in {None, self._about(task)}
            and wanted.snoozed_until in {None, str(task.snoozed_until)}
        )

    def _about(self, task: Task) -> str | None:
        """What it hangs on, if on anything: a partner, an energy, a device."""
        found = self.unit.session.get(Referral, task.referral_id) if task.referral_id else None
        lent = self.unit.session.get(Loan, task.loan_id) if task.loan_id else None
        cut = self.unit.session.get(SupplyCut, task.cut_id) if task.cut_id else None
        return found.partner.slug if found else lent.item if lent else cut.energy if cut else None

    def _is_message(self, message: Message, wanted: ExpectedMessage) -> bool:
        state = self._state(message)
        return (
            wanted.text in {None, message.text}
            and wanted.to in {None, message.address, message.party, self._reader(message)}
            and wanted.by in {None, message.channel}
            and wanted.why in {None, message.error or NONE}
            and (state == wanted.state if wanted.state else state != MessageState.CANCELLED)
            and self._is_moment(message.done_at or message.due_at, wanted.on)
        )

    def _is_moment(self, found: datetime, wanted: str | None) -> bool:
        return wanted is None or self._local(found).startswith(wanted)

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(self.setting.zone).strftime("%Y-%m-%d %H:%M")

    def _owner(self, task: Task) -> str:
        organisation = self.unit.session.get(Organisation, task.organisation_id) if task.organisation_id else None
        return organisation.slug if organisation and task.party != Party.COORDINATOR else task.party

    def _person(self, task: Task) -> str | None:
        """Who has taken it, or was given it, by his name in the setting."""
        person = self.unit.session.get(Person, task.person_id) if task.person_id else None
        return self.names.get(person.email) if person else None

    def _reader(self, message: Message) -> str:
        owner = message.organisation.slug if message.organisation else message.party
        return self.names.get(message.address, owner)

    def _told_task(self, task: Task) -> str:
        return f"{task.kind} ({self._owner(task)}, {self._local(task.due_at)})"

    def _told_message(self, message: Message) -> str:
        at = self._local(message.done_at or message.due_at)
        return f"{self._reader(message)} par {message.channel}, {self._state(message)} {at}"

    def _sees(self, who: str, text: str) -> bool:
        if who == VOICEMAIL:
            return typed(text) in typed(calls.voicemail(self.unit, self._coordinator(), self.case))
        if text == CASE:
            return who in self.setting.staff and self._opens(who)
        return any(typed(text) in each for each in self._told_to(who))

    def _told_to(self, who: str) -> Sequence[str]:
        """All that he reads of the case, as `typed`; read once for all that he should see, or not."""
        if who not in self._read:
            mails = [f"{mail.subject}\n{LINK.sub('', mail.body or '')}" for mail in self._received(who)]
            pages = self._pages(who) if who in self.setting.staff and self._opens(who) else []
            self._read[who] = [typed(each) for each in (*mails, *self._opened(who), *pages)]
        return self._read[who]

    def _opened(self, who: str) -> Iterator[str]:
        """What the partner's browser shows him of this case."""
        sessions = self.unit.session.execute(
            select(PartnerSession.expires_at, Referral)
            .join(Referral, Referral.id == PartnerSession.referral_id)
            .join(Organisation, Organisation.id == PartnerSession.organisation_id)
            .where(Referral.case_id == self.case.id, Organisation.slug == who)
        )
        for expires_at, referral in sessions:
            if expires_at > self.unit.now and may_know_household(self.unit, referral):
                found = partner_access.details(referral)
                yield "\n".join((found.name, *found.phones, *found.address, found.brief))
            if expires_at > self.unit.now and may_read_report(self.unit, referral):
                yield from (each.summary for each in partner_access.reports(self.unit, referral))

    def _opens(self, who: str) -> bool:
        try:
            readable(self.unit, self._actor(who), self.case.id)
        except NotFound:
            return False
        return True

    def _received(self, who: str) -> Sequence[Message]:
        """What he got about the case, and his letters of the month, which are about several."""
        his = Message.address == (self.setting.address(who) or who)
        query = select(Message).where(
            or_(Message.case_id == self.case.id, Message.text == MONTHLY),
            Message.party == Party.HOUSEHOLD if who == HOUSEHOLD else his,
            Message.state.in_((MessageState.ACCEPTED, MessageState.PRINTED, MessageState.POSTED)),
        )
        return self.unit.session.scalars(query.order_by(Message.done_at)).all()

    def _actor(self, who: str) -> Actor:
        return programmes.member(self.unit, self.case.programme_id, self.setting.staff[who].email)

    def _pages(self, who: str) -> Sequence[str]:
        actor = self._actor(who)
        story = timeline.of_case(self.unit, actor, self.case, self.setting.zone)
        is_known = knows_household(self.unit, actor, self.case)
        found = [each.words for each in self._findings()]
        found += [each.words for each in surveys.of_case(self.unit, self.case)]
        named = [*self._named(), *found] if is_known else []
        return [*named, *(f"{entry.text} {entry.quote}" for entry in story)]

    def _named(self) -> Iterator[str]:
        """What the case's page says of the household itself, and the words of the alerts."""
        home, place = self.case.household, self.case.dwelling
        yield from (home.name, home.companion, home.guardian, home.language)
        yield from (place.street, place.complement, place.landlord, place.safety)
        yield from (phone.number for phone in home.phones)
        yield from (f"{alert.free_text} {alert.followed_by}" for alert in self.case.alerts)


def _addresses(setting: Setting) -> Iterator[tuple[str, str]]:
    for organisation in setting.organisations:
        if organisation.email:
            yield organisation.slug, organisation.email
    yield from ((name, giver.email) for name, giver in setting.alert_givers.items())
    yield from ((name, person.email) for name, person in setting.staff.items())


def _says(message: Message, wanted: ExpectedMessage) -> bool:
    subject, whole = typed(message.subject or ""), typed(f"{message.subject}\n{message.body}")
    return (
        all(typed(each) in whole for each in wanted.says)
        and not any(typed(each) in whole for each in wanted.lacks)
        and all(typed(each) in subject for each in wanted.subject)
    )


def _of_any(rows: Sequence[object], name: str) -> Any:
    return next((getattr(row, name) for row in rows if hasattr(row, name)), None)


def _texts(found: Sequence[object]) -> list[str]:
    return [str(each) for each in found]


def _codes(found: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in found.items()}


def _told(wanted: BaseModel) -> dict[str, Any]:
    return wanted.model_dump(mode="json", exclude_defaults=True)

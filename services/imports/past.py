"""Tells a case in progress to Relais in the order of its dates, through the use cases, so that nothing of it leaves.

All in one transaction, the engine beside it: no relay ever sees an event of the past. What follows each event is
written down as not sent; the tasks that are still to be done get a date that lies ahead.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from models.cases import Case
from models.delays import Delay
from models.engine import Event, Message, Obligation, Task, Work
from models.pathway import Anchor
from models.vocabulary import CallResult, Channel, MessageState, ReferralKind, Role, Source
from services.cases import alerts, calls, referrals, reports, triage, visits
from services.cases.notes import write_note
from services.forms import Acceptance, Answer, CallForm, HeldVisit, OnBehalf, ReferralForm, VisitForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused
from services.imports.case_verdicts import OLDEST, Entry
from services.imports.positions import Position
from services.imports.register import Told
from services.rules import clocks, effects, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Actor
from services.rules.published import calendar_of, pathway_of

NOON: Final = time(12)
LEAD: Final = timedelta(minutes=30)
"""How long before the import the events of the same day are held to have happened."""
A_MINUTE: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(days=365)
ANSWER: Final = "answer_referral"
TELLER: Final = "Reprise du tableur"
BRIEF: Final = "Demande faite avant la reprise dans Relais."
GIVEN_BEFORE: Final = "Rapport remis avant la reprise dans Relais."
FROM_FILE: Final = "date du tableur"
FROM_STEP: Final = "délai habituel, compté depuis la dernière étape"
FROM_NOW: Final = "délai habituel, compté depuis la reprise car il était déjà passé"
KEPT: Final = frozenset({Anchor.VISIT, Anchor.GIVEN})
"""Dates that the row itself gave: they are ahead already."""


def teller(programme_id: UUID) -> Actor:
    """Who tells: the coordination's own file, with the coordination's rights."""
    return Actor("import", None, programme_id=programme_id, role=Role.COORDINATOR, name=TELLER)


def tell(unit: UnitOfWork, entry: Entry, *, programme_id: UUID, key: str) -> Told:
    """Open a case where its row says that it stands. Raises the refusal of the first use case that says no."""
    return _Past(unit, Hand(teller(programme_id), Source.IMPORT), entry).tell(key)


class _Past:
    """One case; `unit.now` is moved to each of its dates, then back."""

    def __init__(self, unit: UnitOfWork, hand: Hand, entry: Entry) -> None:
        self.unit, self.hand, self.entry = unit, hand, entry
        self.told_at, self.recounted, self.why = unit.now, False, FROM_FILE
        programme_id = hand.actor.programme_id
        if programme_id is None:  # pragma: no cover - `teller` gives one
            raise ValueError("an import belongs to a programme")
        self.calendar = calendar_of(unit, programme_id)

    def tell(self, key: str) -> Told:
        """The whole of it."""
        position = self.entry.position
        self.unit.now = _noon(OLDEST, self.calendar.zone)
        self._reach(self.entry.requested_on)
        hand = replace(self.hand, key=key)
        case = alerts.submit(self.unit, hand, self.entry.form, origin="import", silent=True)
        alerts.examine(self.unit, self._events(case)[0])
        for step, act in _STEPS:
            if position.reaches(step):
                act(self, case.id)
        self.unit.now = self.told_at
        self._handle(case)
        self._say(case, self._date(case))
        return Told(case.number, self.recounted, self.entry.informed)

    # -- The past

    def _reach(self, day: date | None) -> None:
        """Move to that day, after what came before and before the import; a day that nobody wrote is the last one."""
        earliest = self.unit.now + A_MINUTE
        wanted = earliest if day is None else _noon(day, self.calendar.zone)
        self.unit.now = max(earliest, min(wanted, self.told_at - LEAD))

    def accept(self, case_id: UUID) -> None:
        """The operator has it."""
        if self.entry.operator_id is None:
            raise GuardRefused("Il faut d’abord choisir un opérateur.")
        self._reach(None)
        triage.accept(self.unit, self.hand, case_id, Acceptance(operator_id=self.entry.operator_id))

    def attempt(self, case_id: UUID) -> None:
        """A call that reached nobody: the case is still to be called."""
        if self.entry.position is Position.TO_CALL and self.entry.called_on is not None:
            self._reach(self.entry.called_on)
            calls.record_call(self.unit, self.hand, case_id, CallForm(result=CallResult.NO_ANSWER))

    def reach_household(self, case_id: UUID) -> None:
        """Somebody answered."""
        self._reach(self.entry.called_on)
        calls.record_call(self.unit, self.hand, case_id, CallForm(result=CallResult.REACHED))

    def plan_visit(self, case_id: UUID) -> None:
        """A visit was agreed upon; one that is past began before the import."""
        wanted = self.entry.visit_at
        if wanted is None:
            raise GuardRefused("La date de la visite manque.")
        starts_at = wanted
        if self.entry.position is not Position.PLANNED:
            starts_at = max(self.unit.now + 2 * A_MINUTE, min(wanted, self.told_at - LEAD))
        self.unit.now = max(self.unit.now + A_MINUTE, starts_at - LONGEST_WAIT)
        visits.plan_visit(self.unit, self.hand, case_id, VisitForm(starts_at=starts_at, on_closed_day=True))

    def hold_visit(self, case_id: UUID) -> None:
        """It took place."""
        case = self.unit.session.get_one(Case, case_id)
        self.unit.now = visits.planned_visit(self.unit, case).starts_at
        visits.hold_visit(self.unit, self.hand, case_id, HeldVisit())

    def report(self, case_id: UUID) -> None:
        """The household had its report."""
        self._reach(self.entry.reported_on)
        reports.note_delivery(self.unit, self.hand, case_id, GIVEN_BEFORE)

    def refer(self, case_id: UUID) -> None:
        """A partner was asked, by another road than our mail: no link of ours leads him here, no clock of ours runs."""
        if self.entry.partner_id is None or self.entry.theme is None:
            return
        self._reach(self.entry.sent_on)
        form = ReferralForm(
            partner_id=self.entry.partner_id,
            theme=self.entry.theme,
            brief=BRIEF,
            permission=True,
            kind=ReferralKind.OUTSIDE_PORTAL,
            check_on=self._answer_day(case_id),
            despite=BRIEF,
        )
        sent = referrals.send(self.unit, self.hand, case_id, form)
        if self.entry.position is Position.FOLLOWED:
            self._reach(None)
            said = OnBehalf(said_by=sent.partner.name, how="tableur repris")
            referrals.accept(self.unit, self.hand, sent.id, Answer(on_behalf=said))

    def follow(self, case_id: UUID) -> None:
        """Nothing is left to orient."""
        self._reach(None)
        if self.entry.partner_id is None:
            referrals.drop_need(self.unit, self.hand, case_id)
        else:
            referrals.settle(self.unit, case_id)

    def _answer_day(self, case_id: UUID) -> date:
        """When the partner's answer is looked for: the row's own date, else the usual delay of an answer."""
        today = self.calendar.local_day(self.told_at)
        if self.entry.next_on is not None and self.entry.next_on > today:
            return self.entry.next_on
        case = self.unit.session.get_one(Case, case_id)
        rule = pathway_of(self.unit, case.pathway_hash).tasks.get(ANSWER)
        delay = (rule.due.delay if rule else None) or Delay.parse("15wd")
        usual = self.calendar.local_day(self.calendar.apply(delay, self.unit.now))
        if usual > today:
            self.why = FROM_STEP
            return usual
        self.recounted, self.why = True, FROM_NOW
        return max(
            self.calendar.local_day(self.calendar.apply(delay, self.told_at)),
            self.calendar.next_open(today + timedelta(days=1)),
        )

    # -- What follows from it

    def _events(self, case: Case) -> list[Event]:
        query = select(Event).where(Event.case_id == case.id).order_by(Event.seq)
        return list(self.unit.session.scalars(query))

    def _handle(self, case: Case) -> None:
        """The engine's part, at once: tasks for what is left to do, messages written down as not sent."""
        events = self._events(case)
        for event in events:
            event.recorded_at = self.told_at
        self.unit.session.flush()
        effects.apply(self.unit, events)
        self.unit.session.execute(delete(Work).where(Work.case_id == case.id))
        if not self.entry.informed:
            self._keep_notice(case, events[0])

    def _keep_notice(self, case: Case, submitted: Event) -> None:
        """A household that was never told gets the letter that its request plans.

        Source: GDPR art. 14 - who is told of by somebody else is informed within a month.
        """
        letters = select(Message).where(
            Message.case_id == case.id, Message.event_id == submitted.id, Message.channel == Channel.LETTER
        )
        for letter in self.unit.session.scalars(letters).all():
            letter.state, letter.error, letter.done_at = MessageState.QUEUED.value, None, None

    def _date(self, case: Case) -> str:
        """Give what is next a date that lies ahead; say where it comes from. Refuses a case that nobody would own."""
        tasks = open_tasks.of_case(self.unit, case.id)
        if not tasks:
            raise GuardRefused("Le parcours du dispositif ne prévoit rien à faire à cette étape.")
        first, *others = tasks
        why = self._date_task(case, first, self.entry.next_on)
        for task in others:
            self._date_task(case, task, None)
        return why

    def _date_task(self, case: Case, task: Task, wanted: date | None) -> str:
        due = pathway_of(self.unit, case.pathway_hash).tasks[task.kind].due
        if due.since in KEPT:
            return self.why
        told = None if wanted is None else self.calendar.due_in_days(_noon(wanted, self.calendar.zone), days=0)
        if told is not None and told > self.told_at:
            self._set(case, task, told)
            return FROM_FILE
        if task.due_at > self.told_at:
            return FROM_STEP
        usual = self.calendar.apply(due.delay_of(task.ordinal) or Delay.parse("1wd"), self.told_at)
        self._set(case, task, max(usual, self.calendar.due_after(self.told_at, working_days=1)))
        self.recounted = True
        return FROM_NOW

    def _set(self, case: Case, task: Task, due_at: datetime) -> None:
        """The task's new date; its clock starts now, so no step of the past is left to take."""
        task.due_at = due_at
        pathway = pathway_of(self.unit, case.pathway_hash)
        for clock in self.unit.session.scalars(select(Obligation).where(Obligation.task_id == task.id)):
            clock.anchor_at, clock.due_at = self.told_at, due_at
            clocks.first_step(self.unit, clock, pathway, delivered=False)

    def _say(self, case: Case, why: str) -> None:
        entry = self.entry
        origin = f" (référence\u00a0: {entry.reference})" if entry.reference else ""
        day = self.calendar.local_day(self.told_at)
        text = (
            f"Situation reprise d’un tableur le {day:%d/%m/%Y}{origin}. Rien de ce qui précède n’a été envoyé par "
            f"Relais. Échéance\u00a0: {why}."
        )
        write_note(self.unit, case, self.hand, text)
        write_note(self.unit, case, self.hand, entry.note)


_STEPS: Final = (
    (Position.TO_CALL, _Past.accept),
    (Position.TO_CALL, _Past.attempt),
    (Position.TO_PLAN, _Past.reach_household),
    (Position.PLANNED, _Past.plan_visit),
    (Position.TO_REPORT, _Past.hold_visit),
    (Position.TO_ORIENT, _Past.report),
    (Position.REFERRED, _Past.refer),
    (Position.FOLLOWED, _Past.follow),
)
"""What happened before a case stood where it stands, in order."""


def _noon(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, NOON, tzinfo=zone).astimezone(UTC)

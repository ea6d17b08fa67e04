"""Two households followed over months, played to the end from wherever a kill had stopped the last attempt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from flows import relay
from flows.delivery import deliver_due, postman
from flows.reminders import tick
from models.cases import Case, Household, Referral
from models.engine import Event, Message, Obligation, Occurrence, Routine, StoryProgress, Task, Work
from models.programmes import Programme
from models.vocabulary import CallResult, Channel, ClosureOutcome, Danger, MessageState, ReferralOutcome, Theme
from services.cases import calls, closing, documents, referrals, reports, triage, visits
from services.channels.sms import FolderSms
from services.correspondence.delivery import Postman
from services.forms import (
    Acceptance,
    Answer,
    CallForm,
    ClosureForm,
    Completion,
    DangerForm,
    HeldVisit,
    NumberForm,
    OnBehalf,
    ReferralForm,
    ReportForm,
    VisitForm,
)
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.foundation.runtime import Runtime, build, runtime, use
from services.foundation.settings import Settings
from services.rules import obligations
from tests.faults import office
from tests.faults.office import COORDINATOR, OFFICER

HOUR: Final = timedelta(hours=1)
ROUNDS: Final = 20
SAID: Final = OnBehalf(said_by="Dee", how="téléphone")
HELPED: Final = Completion(outcome=ReferralOutcome.HELPED_FULLY, on_behalf=SAID)
IN_HAND: Final = (MessageState.LEASED, MessageState.DATA_STARTED, MessageState.UNKNOWN)

Act = Callable[[UnitOfWork], object]


@dataclass(frozen=True)
class Order:
    """Where to play: everything a child process needs to know."""

    folder: Path
    url: str
    smtp_port: int
    evidence_port: int

    def runtime(self) -> Runtime:
        """An installation whose mail goes to the sink as it would to the local mailbox, proof included."""
        settings = Settings(
            data_folder=self.folder,
            database_url=self.url,
            catcher_smtp_port=self.smtp_port,
            catcher_web_port=self.evidence_port,
        )
        return build(settings, clock=SetClock(STEPS[0][0]))


def play(order: Order) -> None:
    """Found the office if there is none, then take every step that is not taken yet, and all that falls due between."""
    with use(order.runtime()) as built:
        if not _begun(built.database):
            _begin(built.database)
        let_time_pass(built.database)
        asyncio.run(_play())
        built.database.dispose()


def _begun(database: Database) -> bool:
    with database.read() as unit:
        return unit.session.get(StoryProgress, 1) is not None


def _begin(database: Database) -> None:
    with database.read() as unit:
        is_empty = unit.session.get(Programme, office.PROGRAMME) is None
    if is_empty:
        office.found(database)
    with database.write("journey") as unit:
        unit.session.add(StoryProgress(id=1, story="journey", now=STEPS[0][0], next_step=0))


async def _play() -> None:
    async with postman() as carrier:
        while True:
            _set_clock()
            await settle(carrier)
            if not _go_on():
                return


def _set_clock() -> None:
    clock = runtime().clock
    assert isinstance(clock, SetClock)
    with runtime().database.read() as unit:
        clock.at = unit.session.get_one(StoryProgress, 1).now


async def settle(carrier: Postman) -> None:
    """Until nothing is due; what a dead process still holds is waited for, as an hour would."""
    for _ in range(ROUNDS):
        while await relay.drain() + await tick() + await deliver_due(carrier=carrier):
            pass
        if not _held(runtime().database):
            return
        let_time_pass(runtime().database)
    raise AssertionError(f"the queue is never empty: {_held(runtime().database)}")


def _held(database: Database) -> list[tuple[Any, ...]]:
    work = select(Work.type, Work.state, Work.attempts, Work.ready_at, Work.leased_until, Work.error)
    mail = select(Message.text, Message.state, Message.attempts, Message.leased_until, Message.error)
    with database.read() as unit:
        held = [work, mail.where(Message.state.in_(IN_HAND))]
        return [tuple(row) for query in held for row in unit.session.execute(query)]


def _go_on() -> bool:
    """Move the clock to what is due next, and take the step if it is one; False at the end."""
    with runtime().database.write("journey") as unit:
        progress = unit.session.get_one(StoryProgress, 1)
        if progress.next_step == len(STEPS):
            return False
        at, act = STEPS[progress.next_step]
        due = [when for when in (obligations.next_due(unit), _next_mail(unit)) if when is not None and when < at]
        if due:
            progress.now = max(min(due), progress.now)
            return True
        if progress.now < at:
            progress.now = at
            return True
        act(unit)
        progress.next_step += 1
        return True


def _next_mail(unit: UnitOfWork) -> datetime | None:
    carried = Message.channel.in_([Channel.EMAIL, Channel.SMS])
    return unit.session.scalar(select(func.min(Message.due_at)).where(Message.state == MessageState.QUEUED, carried))


def let_time_pass(database: Database) -> None:
    """As if an hour had gone by for leases, retries and doubts; business time stands still."""
    with database.write("journey") as unit:
        for row in unit.session.scalars(select(Work)):
            row.ready_at -= HOUR
            row.leased_until = row.leased_until and row.leased_until - HOUR
        for held in [
            *unit.session.scalars(select(Message).where(Message.leased_until.is_not(None))),
            *unit.session.scalars(select(Routine).where(Routine.leased_until.is_not(None))),
        ]:
            held.leased_until = held.leased_until and held.leased_until - HOUR


# --- What is compared -----------------------------------------------------------------------------------------------


def read_state(order: Order) -> dict[str, list[Any]]:
    """Everything that must not depend on a kill, without the ids.

    A doubt leaves its trace, rightly: the event, the task to check the message, and the reminders of that task.
    """
    built = order.runtime()
    with built.database.read() as unit:
        session = unit.session
        numbers = {case.id: case.number for case in session.scalars(select(Case))}
        kinds = {task.id: task.kind for task in session.scalars(select(Task)) if task.kind != "check_message"}
        clocks = {
            clock.id: (numbers[clock.case_id], kinds[clock.task_id], clock.ladder, clock.due_at)
            for clock in session.scalars(select(Obligation).where(Obligation.task_id.in_(kinds)))
        }
        doubts = {id_ for id_ in session.scalars(select(Task.id)) if id_ not in kinds}
        state: dict[str, list[Any]] = {
            "cases": [(case.number, case.state, case.outcome, case.danger) for case in session.scalars(select(Case))],
            "events": [
                (numbers[event.case_id], event.type, event.source, event.occurred_at)
                for event in session.scalars(select(Event))
                if event.type != "message.failed" and event.payload.get("task_id") not in {str(id_) for id_ in doubts}
            ],
            "tasks": [
                (numbers[task.case_id], task.kind, task.party, task.state, task.due_at, task.closed_at)
                for task in session.scalars(select(Task).where(Task.id.in_(kinds)))
            ],
            "reminders": [
                (*clocks[one.obligation_id], one.generation, one.step, one.recipient, one.state, one.due_at)
                for one in session.scalars(select(Occurrence))
                if one.obligation_id in clocks
            ],
            "messages": [
                (numbers[it.case_id], it.text, it.party, it.channel, it.address, it.state, it.done_at)
                for it in session.scalars(select(Message))
                if it.case_id and it.task_id not in doubts
            ],
        }
    built.database.dispose()
    return {name: sorted(rows, key=repr) for name, rows in state.items()}


def problems(order: Order, sent: list[str]) -> list[str]:
    """What is wrong with a finished journey: a mail twice, lost or invented; a gap in a case's events; a free end."""
    built = order.runtime()
    with built.database.read() as unit:
        accepted = unit.session.execute(
            select(Message.message_id, Message.channel).where(Message.state == MessageState.ACCEPTED)
        )
        by_channel: dict[str, list[str]] = {"email": sent, "sms": [sms.reference for sms in _texts(order)]}
        ledger: dict[str, list[str]] = {"email": [], "sms": []}
        for message_id, channel in accepted:
            ledger[channel].append(message_id)
        found = [
            f"{channel}: {len(left)} left, {len(set(left))} different, {len(ledger[channel])} accepted"
            for channel, left in by_channel.items()
            if sorted(left) != sorted(ledger[channel])
        ]
        for case in unit.session.scalars(select(Case)):
            seqs = sorted(unit.session.scalars(select(Event.seq).where(Event.case_id == case.id)))
            if seqs != list(range(1, case.last_seq + 1)):
                found.append(f"{case.number}: events {seqs}")
        if unit.session.scalar(select(func.count()).select_from(Work)):
            found.append("work is left")
    built.database.dispose()
    return found


def _texts(order: Order) -> list[Any]:
    return list(FolderSms(order.folder, now=lambda: STEPS[0][0]).stored())


# --- The story ------------------------------------------------------------------------------------------------------


def _case(unit: UnitOfWork, surname: str) -> Case:
    return unit.session.scalars(select(Case).join(Household).where(Household.surname == surname)).one()


def _id(unit: UnitOfWork, surname: str) -> Any:
    return _case(unit, surname).id


def _report(unit: UnitOfWork) -> object:
    stored = documents.store(runtime(), [b"%PDF-1.7 report"])
    document = documents.add_document(unit, OFFICER, _id(unit, "Martin"), "rapport.pdf", stored)
    form = ReportForm(document_id=document.id, summary="Des fenêtres qui ferment mal.", to_alert_giver=True)
    return reports.deliver_report(unit, OFFICER, _id(unit, "Martin"), form)


def _refer(partner: Any) -> Act:
    form = ReferralForm(partner_id=partner, theme=Theme.FSL, brief="Deux factures impayées.", permission=True)
    return lambda unit: referrals.send(unit, OFFICER, _id(unit, "Martin"), form)


def _latest_referral(unit: UnitOfWork) -> Any:
    return unit.session.scalars(select(Referral.id).order_by(Referral.sent_at.desc()).limit(1)).one()


def _on(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2025, month, day, hour, minute, tzinfo=UTC)


STEPS: Final[tuple[tuple[datetime, Act], ...]] = (
    (_on(10, 6, 8), lambda u: office.submit(u, "Martin", 1, email="martin@example.org", sms_agreed=True)),
    (_on(10, 6, 8), lambda u: office.submit(u, "Le Gall", 2, urgency="danger")),
    (_on(10, 6), lambda u: visits.acknowledge_danger(u, COORDINATOR, _id(u, "Le Gall"))),
    (_on(10, 6), lambda u: triage.accept(u, COORDINATOR, _id(u, "Martin"), Acceptance(operator_id=office.OPERATOR))),
    (_on(10, 7), lambda u: triage.accept(u, COORDINATOR, _id(u, "Le Gall"), Acceptance(operator_id=office.OPERATOR))),
    (_on(10, 8), lambda u: calls.record_call(u, OFFICER, _id(u, "Martin"), CallForm(result=CallResult.REACHED))),
    (_on(10, 8), lambda u: calls.record_call(u, OFFICER, _id(u, "Le Gall"), CallForm(result=CallResult.WRONG_NUMBER))),
    (_on(10, 8, 10), lambda u: visits.plan_visit(u, OFFICER, _id(u, "Martin"), VisitForm(starts_at=_on(10, 21)))),
    (_on(10, 16), lambda u: calls.correct_number(u, OFFICER, _id(u, "Le Gall"), NumberForm(phone="0639980199"))),
    (_on(10, 17), lambda u: calls.record_call(u, OFFICER, _id(u, "Le Gall"), CallForm(result=CallResult.REFUSED))),
    (_on(10, 21, 11), lambda u: visits.hold_visit(u, OFFICER, _id(u, "Martin"), HeldVisit(danger=Danger.ELECTRICAL))),
    (_on(10, 21, 14), lambda u: visits.acknowledge_danger(u, COORDINATOR, _id(u, "Martin"))),
    (_on(10, 23), _report),
    (_on(10, 24), _refer(office.PARTNER)),  # who never answers
    (_on(11, 20), _refer(office.OTHER_PARTNER)),
    (_on(11, 25), lambda u: referrals.accept(u, OFFICER, _latest_referral(u), Answer(on_behalf=SAID))),
    (
        _on(12, 5),
        lambda u: referrals.complete(
            u, OFFICER, _latest_referral(u), Completion(outcome=ReferralOutcome.HELPED_FULLY, on_behalf=SAID)
        ),
    ),
    (_on(12, 8), lambda u: visits.report_danger(u, OFFICER, _id(u, "Martin"), DangerForm(danger=Danger.GAS))),
    (
        _on(12, 9),
        lambda u: closing.close_case(u, OFFICER, _id(u, "Martin"), ClosureForm(outcome=ClosureOutcome.SOLVED)),
    ),
)

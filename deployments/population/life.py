"""One generated case in memory: its rows, and the one way to act on it, with the rules that the engine itself uses.

What `services.rules.casework` and the relay do with a database is done here with dictionaries, in the same order: the
case moves by the transition table, the fact becomes an event, tasks end and open as the pathway's plan says.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID, SafeUUID

from deployments.population import clocks, post
from deployments.population.office import THE_ENGINE, Hand, Office, Row
from deployments.population.world import Strand, World
from models.events import (
    AlertSubmitted,
    CaseExamined,
    Fact,
    FollowUpCalled,
    FollowUpStarted,
    ReminderDue,
)
from models.lifecycles import UNANSWERED, CaseAction, next_case_state
from models.vocabulary import (
    CLOSED_STATES,
    STAGE_OF,
    CallResult,
    CaseState,
    MessageState,
    ReferralState,
    Stage,
    TaskState,
    VisitState,
)
from services.rules import plan
from services.rules.plan import OpenTask, PlanMessage
from services.rules.situation import About, Situation
from services.rules.view import CONTACT, MISSED, Asked, CaseView, Giver, Number, absences, cancellations

VERSION_7: Final = 0x7 << 76
VARIANT: Final = 0b10 << 62


class Life:
    """One case, from its alert on. `rows` is what will be written, by table."""

    def __init__(self, world: World, office: Office, mail: "post.Post", chance: Random) -> None:
        """Nothing of it has happened yet."""
        self.world, self.office, self.mail, self.chance = world, office, mail, chance
        self.rows: defaultdict[str, list[Row]] = defaultdict(list)
        self.case: Row = {}
        self.tasks: dict[UUID, Row] = {}  # open ones
        self.clocks: dict[UUID, Row] = {}  # by task
        self.waiting = 0  # messages that have not left
        self.when_followed: Callable[[], Strand] | None = None
        self.doubles: list[UUID] = []  # cases that may be of the same household
        self.state = CaseState.SUBMITTED
        self.is_closed = False  # nothing more is expected of it
        self._follow_ups_done = 0
        self._ids = 0

    # -- What it is

    @property
    def now(self) -> datetime:
        """The instant of the world."""
        return self.world.now

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.is_closed and not self.waiting and not self.tasks

    def new_id(self) -> UUID:
        """A UUID version 7 of this instant, the same for the same seed."""
        self._ids = (self._ids + 1) & 0xFFF
        return _uuid(
            self.world.milliseconds << 80 | VERSION_7 | self._ids << 64 | VARIANT | self.chance.getrandbits(62)
        )

    def add(self, table: str, **values: Any) -> Row:
        """A row to write, with an id of its own."""
        row: Row = {"id": self.new_id(), **values}
        self.rows[table].append(row)
        return row

    def open_task(self, kind: str, referral_id: UUID | None = None) -> Row | None:
        """The open task of this kind, of this referral if one is named."""
        return next(
            (
                task
                for task in self.tasks.values()
                if task["kind"] == kind and (referral_id is None or task["referral_id"] == referral_id)
            ),
            None,
        )

    def after(self, delay: timedelta) -> datetime:
        """The first moment at which people work, so long from now."""
        return self.office.open_hours(self.now + delay, self.chance)

    def begin(self, strand: Strand) -> None:
        """Let people do something over time, as long as it is open."""
        self.world.begin(self._while_open(strand))

    def _while_open(self, strand: Strand) -> Strand:
        for instant in strand:
            yield instant
            if self.is_closed:
                return

    # -- What happens to it

    def record(self, fact: Fact, hand: Hand, action: CaseAction | None = None, *, key: str | None = None) -> Row:
        """Move it, append the event, end and open tasks, plan messages; the engine's part follows at once."""
        if action is not None:
            self._move(action)
        self.case["last_seq"] += 1
        self.case["version"] += 1
        event = self.add(
            "event",
            programme_id=self.office.programme_id,
            case_id=self.case["id"],
            seq=self.case["last_seq"],
            type=fact.type,
            payload=fact.model_dump_json(),
            actor=hand.actor,
            on_behalf_of=hand.on_behalf_of,
            source=hand.source.value,
            occurred_at=self.now,
            recorded_at=self.now,
            idempotency_key=key,
        )
        rule = self.office.pathway.rule_of(fact)
        ended = [task for task in self.tasks.values() if task["kind"] in rule.completes and self._ends(fact, task)]
        self._end(ended, TaskState.COMPLETED)
        if self.is_closed and action is not None:
            ended = [task for task in self.tasks.values() if not plan.outlives(task["kind"], task["loan_id"])]
            self._end(ended, TaskState.SUPERSEDED)
        self._follow_ups_done += isinstance(fact, FollowUpCalled)
        if rule.at_once:
            self._write(plan.at_once(self._situation(fact, event)), event)
        if isinstance(fact, AlertSubmitted):
            self._examine(event)
        if rule.then or isinstance(fact, ReminderDue):
            self._write(plan.then(self._situation(fact, event)), event)
        self._settle(fact)
        return event

    def _move(self, action: CaseAction) -> None:
        was_closed = self.is_closed
        self.state = next_case_state(self.state, action)
        self.is_closed = self.state in CLOSED_STATES
        self.case["state"], self.case["stage"] = self.state.value, STAGE_OF[self.state].value
        for task in self.tasks.values():
            task["stage"] = self.case["stage"]
        if self.is_closed:
            self.case["closed_at"] = self.now
        elif was_closed:
            self.case["closed_at"] = self.case["outcome"] = None

    def _ends(self, fact: Fact, task: Row) -> bool:
        of = About(referral_id=task["referral_id"], loan_id=task["loan_id"])
        return plan.concerns(fact, of, lambda own, other: bool(self.referral(own)["replaces_id"] == other))

    def _end(self, tasks: Sequence[Row], state: TaskState) -> None:
        for task in tasks:
            task["state"], task["closed_at"] = state.value, self.now
            task["link_version"] += 1
            del self.tasks[task["id"]]
            clock = self.clocks.pop(task["id"], None)
            if clock is not None:
                clock["ended_at"], clock["next_at"], clock["next_step"] = self.now, None, None

    def _examine(self, event: Row) -> None:
        """The engine compares with the territory and the known households; what it found is put in by the alert."""
        checks = self.case["checks"]
        fact = CaseExamined(in_territory=checks["in_territory"], possible_duplicates=self.doubles)
        self.record(fact, THE_ENGINE, CaseAction.EXAMINE, key=f"{event['id']}:examined")

    def _settle(self, fact: Fact) -> None:
        """Move to the follow-up when no referral is awaited and none waits to be re-oriented."""
        if isinstance(fact, FollowUpStarted) and self.when_followed is not None:
            strand, self.when_followed = self.when_followed, None
            self.begin(strand())
        if fact.stage is not Stage.ORIENTATION or self.state is not CaseState.ORIENTING or self.is_undecided:
            return
        self.record(FollowUpStarted(), THE_ENGINE, CaseAction.FOLLOW_UP)

    @property
    def is_undecided(self) -> bool:
        """Whether a partner's answer is awaited, or something is to be oriented."""
        if any(referral["state"] in UNANSWERED for referral in self.rows["referral"]):
            return True
        return any(task["kind"] in {"orient", "reorient"} for task in self.tasks.values())

    # -- What follows

    def _write(self, effects: Sequence[plan.Effect], event: Row) -> None:
        for effect in effects:
            if isinstance(effect, OpenTask):
                self._open(effect, event)
        for effect in effects:
            if isinstance(effect, PlanMessage):
                self.mail.plan(self, effect)

    def _open(self, effect: OpenTask, event: Row) -> None:
        if (self.is_closed and not plan.outlives(effect.kind, effect.about.loan_id)) or any(
            task["kind"] == effect.kind
            and task["referral_id"] == effect.about.referral_id
            and task["loan_id"] == effect.about.loan_id
            for task in self.tasks.values()
        ):
            return
        task = self.add(
            "task",
            programme_id=self.office.programme_id,
            case_id=self.case["id"],
            kind=effect.kind,
            party=effect.party.value,
            organisation_id=effect.organisation_id,
            alert_id=effect.alert_id,
            referral_id=effect.about.referral_id,
            visit_id=effect.about.visit_id,
            loan_id=effect.about.loan_id,
            ordinal=effect.ordinal,
            state=TaskState.OPEN.value,
            stage=self.case["stage"],
            opened_at=event["occurred_at"],
            due_at=effect.due_at,
            provisional=effect.provisional,
            link_version=1,
            effect_key=effect.key,
        )
        self.tasks[task["id"]] = task
        if effect.ladder:
            clocks.arm(self, task, effect)

    def _situation(self, fact: Fact, event: Row) -> Situation:
        return Situation(
            event_id=event["id"],
            occurred_at=event["occurred_at"],
            fact=fact,
            case=self.view(),
            pathway=self.office.pathway,
            calendar=self.office.calendar,
            about=self._about(fact),
            now=self.now,
        )

    def _about(self, fact: Fact) -> About:
        if isinstance(fact, ReminderDue):
            task = self.tasks[fact.task_id]
            referral = self.referral(task["referral_id"]) if task["referral_id"] else None
            partner_id = referral["partner_id"] if referral else None
            return About(task["referral_id"], partner_id, task["visit_id"], task["id"])
        said = fact.__dict__  # not `getattr`: a model is slow to say that it lacks something
        return About(said.get("referral_id"), said.get("partner_id"), said.get("visit_id"), loan_id=said.get("loan_id"))

    def view(self) -> CaseView:
        """It as its rules see it."""
        visits = self.rows["visit"]
        held = [visit for visit in visits if visit["state"] == VisitState.HELD]
        given = [each for each in self.rows["alert"] if each["giver_email"]]
        ringing = [each for each in self.rows["phone"] if each["blocked_at"] is None]
        return CaseView(
            case_id=self.case["id"],
            programme_id=self.office.programme_id,
            pathway_hash=self.office.pathway_hash,
            state=self.case["state"],
            urgency=self.case["urgency"],
            last_seq=self.case["last_seq"],
            operator_id=self.case["operator_id"],
            email=self.rows["household"][0]["email"],
            numbers=tuple(Number(each["number"], each["reached_at"] is not None) for each in ringing),
            givers=tuple(Giver(each["giver_email"], each["id"], each["organisation_id"]) for each in given),
            attempts=self.attempts(),
            reached_at=self._reached_at(),
            visit_id=visits[-1]["id"] if visits else None,
            visit_starts_at=visits[-1]["starts_at"] if visits else None,
            last_held_at=max((visit["starts_at"] for visit in held), default=None),
            absences=absences([visit["state"] for visit in visits]),
            visits_held=len(held),
            cancellations=cancellations([visit["state"] for visit in visits]),
            follow_ups_done=self._follow_ups_done,
            asked=tuple(map(self._asked, self.tasks.values())),
        )

    def _asked(self, task: Row) -> Asked:
        about = task["referral_id"], task["loan_id"], None
        referral = self.referral(task["referral_id"]) if task["referral_id"] else None
        awaits_contact = referral is not None and referral["state"] == ReferralState.ACCEPTED
        return Asked(task["due_at"], task["id"], task["kind"], *about, awaits_contact=awaits_contact)

    def attempts(self) -> tuple[datetime, ...]:
        """The calls that reached nobody since the last contact."""
        reached = self._reached_at()
        missed = (call["at"] for call in self._calls() if call["result"] in MISSED)
        return tuple(at for at in missed if reached is None or at > reached)

    def _calls(self) -> list[Row]:
        return [call for call in self.rows["call"] if call["purpose"] == CONTACT]

    def _reached_at(self) -> datetime | None:
        return max((call["at"] for call in self._calls() if call["result"] == CallResult.REACHED), default=None)

    def referral(self, referral_id: UUID) -> Row:
        """One of its referrals."""
        return next(row for row in self.rows["referral"] if row["id"] == referral_id)

    def keep_back(self, parties: frozenset[str]) -> None:
        """Messages that did not leave yet never will."""
        for message in self.rows["message"]:
            if message["state"] == MessageState.QUEUED and message["party"] in parties:
                message["state"], message["error"] = MessageState.CANCELLED.value, "case_ended"
                message["done_at"] = self.now

    def forget(self) -> None:
        """Let go of what was written: the cases of years are not kept in memory."""
        self.rows.clear()
        self.tasks.clear()
        self.when_followed = None


def _uuid(value: int) -> UUID:
    """A UUID that needs no checking: they are made by the million."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", value)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made

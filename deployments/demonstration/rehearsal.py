"""Plays one past case in one transaction: the engine beside it, its mail noted as accepted and never sent.

Nothing is committed halfway, so the relay of the same database never sees an event of the past.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, event, select

from deployments.demonstration.lives import Life
from deployments.play.actions import ACTIONS
from deployments.play.scene import Scene
from deployments.play.story import EXPECT, REPORT, Setting, Step
from flows.detection import examine
from flows.orientation import settle
from flows.reminders import ACTS
from models.engine import Event, Message, Obligation, Work
from models.events import FACTS
from models.programmes import Programme
from models.vocabulary import Channel, MessageState, Source, Stage
from services.correspondence import letters
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime
from services.programme import programmes
from services.rules import effects, obligations, work
from services.rules.aftermath import message_accepted
from services.rules.casework import Hand
from services.rules.ledger import CARRIED
from services.rules.relevance import Suppressed
from services.rules.rendering import render_message

FRESH_LETTERS: Final = timedelta(days=3)
"""Letters of the last days are left to print."""
SKIPPED: Final = frozenset({EXPECT, "open_every_link", "post_letters"})


def rehearse(runtime: Runtime, setting: Setting, life: Life, *, until: datetime) -> None:
    """Play a life up to this instant, unless it was played already."""
    with runtime.database.write("demonstration.case") as unit:
        if unit.session.scalar(select(Event.id).where(Event.idempotency_key == life.key)) is not None:
            return
        # A session keeps what it read only while somebody holds it; without this the same rows are read over and over.
        held: list[object] = []
        for moment in ("loaded_as_persistent", "pending_to_persistent"):
            event.listen(unit.session, moment, lambda _session, found: held.append(found))
        _Rehearsal(unit, runtime, setting, life, until).play()


class _Rehearsal:
    """One case; the clock is that of the transaction."""

    def __init__(self, unit: UnitOfWork, runtime: Runtime, setting: Setting, life: Life, until: datetime) -> None:
        self.unit, self.runtime, self.setting, self.life, self.until = unit, runtime, setting, life, until
        self.programme = unit.session.scalars(select(Programme).filter_by(slug=setting.programme.slug)).one()
        self.case_id: UUID | None = None

    def play(self) -> None:
        """Every step that is past, then the time that is left."""
        for step in self.life.steps:
            if step.at <= self.until and step.do not in SKIPPED and step.refused is None:
                self._reach(step.at)
                self._act(step)
                self._settle()
        self._reach(self.until)
        self._send(before=None)

    def _act(self, step: Step) -> None:
        key = self.life.key if step.do == REPORT else None
        scene = Scene(self.unit, self.runtime, self.setting, self.programme, step, self.case_id, {}, key)
        done = ACTIONS[step.do](scene, step.given)
        if step.do == REPORT:
            self.case_id = getattr(done, "id", None)

    def _reach(self, at: datetime) -> None:
        while self.case_id is not None and (due := self._next_due()) is not None and due <= at:
            self.unit.now = max(due, self.unit.now if self.unit.now <= at else due)
            self._settle()
        self.unit.now = at
        self._settle()

    def _next_due(self) -> datetime | None:
        clocks = select(Obligation.next_at).where(Obligation.case_id == self.case_id, Obligation.next_at.is_not(None))
        mails = select(Message.due_at).where(*self._queued())
        found = [*self.unit.session.scalars(clocks), *self.unit.session.scalars(mails)]
        return min(found, default=None)

    def _settle(self) -> None:
        while self.case_id is not None and (self._drain() or self._tick() or self._send(before=self.unit.now)):
            continue
        self._post()

    def _drain(self) -> int:
        """Handle what waits, one event after the other: the first may record the next."""
        rows = self.unit.session.execute(
            select(Work.id, Work.event_id).where(Work.case_id == self.case_id).order_by(Work.id)
        ).all()
        for fact in work.events(self.unit, [row.event_id for row in rows]):
            examine(self.unit, [fact])
            effects.apply(self.unit, [fact])
            if FACTS[fact.type].stage is Stage.ORIENTATION:
                settle(self.unit, [fact])
        self.unit.session.execute(delete(Work).where(Work.id.in_([row.id for row in rows])))
        return len(rows)

    def _tick(self) -> int:
        due = select(Obligation.id).where(Obligation.case_id == self.case_id, Obligation.next_at <= self.unit.now)
        return obligations.tick(self.unit, ACTS) if self.unit.session.scalar(due.limit(1)) else 0

    def _send(self, *, before: datetime | None) -> int:
        """Note as accepted what is due, or all that waits."""
        due = () if before is None else (Message.due_at <= before,)
        found = self.unit.session.scalars(select(Message).where(*self._queued(), *due)).all()
        for message in found:
            self._send_nowhere(message)
        self.unit.session.flush()
        return len(found)

    def _send_nowhere(self, message: Message) -> None:
        message.done_at = self.unit.now
        try:
            message.subject, message.body, *_ = render_message(self.unit, message)
        except Suppressed as suppressed:
            message.state, message.error = MessageState.CANCELLED.value, suppressed.reason
            return
        message.state, message.attempts, message.first_tried_at = MessageState.ACCEPTED.value, 1, self.unit.now
        self.unit.session.flush()
        message_accepted(self.unit, message)

    def _queued(self) -> tuple[Any, ...]:
        return Message.case_id == self.case_id, Message.state == MessageState.QUEUED, Message.channel.in_(CARRIED)

    def _post(self) -> None:
        """Letters went out the same day, but those of the last days."""
        if self.unit.now > self.until - FRESH_LETTERS:
            return
        waiting = select(Message.id).where(
            Message.case_id == self.case_id,
            Message.channel == Channel.LETTER,
            Message.state == MessageState.QUEUED,
            Message.due_at <= self.unit.now,
        )
        if self.unit.session.scalar(waiting.limit(1)) is None:
            return
        claire = programmes.member(self.unit, self.programme.id, self.setting.staff["claire"].email)
        hand = Hand(claire, Source.STORY)
        batch = letters.print_batch(self.unit, hand)
        if batch is not None:
            printed = letters.batch_for(self.unit, claire, batch.id).letters
            letters.mark_posted(self.unit, hand, [letter.id for letter in printed], on=batch.on)

"""Plays one story on a database of its own: from due instant to due instant, one step after the other.

A step and the progress of the story are committed together, so a story that is killed and played again does no step
twice and ends in the same state.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import and_, bindparam, func, select, update

from deployments.play import screens, state
from deployments.play.actions import ACTIONS
from deployments.play.expectations import Expected, surprises
from deployments.play.mistakes import closest, each_explained, explained, misshapen, typed
from deployments.play.scanner import open_every_link
from deployments.play.scene import FormAction, Misread, Said, Scene
from deployments.play.setting import establish
from deployments.play.story import ANY, EXPECT, FILES, REPORT, Step, Story
from deployments.play.words import Words
from models.cases import Case
from models.engine import Message, StoryProgress, Work
from models.programmes import Programme
from models.refusals import CaseworkError
from models.vocabulary import Channel, MessageState, WorkState
from services.channels.evidence import Verdict
from services.correspondence import monthly_news
from services.correspondence.delivery import Postman
from services.foundation.clock import SetClock
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, Setup
from services.foundation.runtime import Runtime
from services.imports import carrying
from services.rules import ledger, obligations
from services.rules.aftermath import AFTERMATH
from services.rules.ledger import CARRIED, Doubt

SCAN: Final = "open_every_link"
Proof = Callable[[str], Verdict]


@dataclass
class Outcome:
    """How a story went: its end state's hash, and what was not as expected."""

    story: str
    digest: str = ""
    surprises: list[str] = field(default_factory=list)


class Player:
    """One story, one runtime with a clock that it sets. `proof` says whether the mail server has a Message-ID."""

    def __init__(self, story: Story, runtime: Runtime, *, proof: Proof) -> None:
        """Nothing is opened yet. Raises `Setup` for a clock that cannot be set or an action that does not exist."""
        if unknown := "\u00a0; ".join(_unknown(story)):
            raise Setup(f"Cette histoire demande ce que personne ne sait faire\u00a0: {unknown}.")
        if not isinstance(runtime.clock, SetClock):
            raise Setup("Une histoire se joue avec une horloge que l’on règle.")
        self.story, self.runtime, self.proof = story, runtime, proof
        self.clock: SetClock = runtime.clock
        self.outcome = Outcome(story.name)
        self.has_files = any(step.do in FILES for step in story.steps)

    async def play(self) -> Outcome:
        """Play what is left of the story; stop at the first step that is not as expected."""
        from flows.delivery import postman

        first = self._begin()
        async with postman() as carrier:
            for index, step in enumerate(self.story.steps[first:], start=first):
                await self._reach(step.at, carrier)
                self._do(index, step)
                if self.outcome.surprises:
                    break
            await self._settle(carrier)
        with self.runtime.database.read() as unit:
            self.outcome.digest = state.digest(unit)
        return self.outcome

    # -- Progress

    def _begin(self) -> int:
        """The step to go on from; a fresh database gets the setting."""
        with self.runtime.database.write("story.begin") as unit:
            progress = unit.session.get(StoryProgress, 1)
            if progress is None:
                return self._open(unit)
            if progress.story != self.story.name:
                raise Setup(f"Cette base est celle d’une autre histoire\u00a0: {progress.story}.")
            self.clock.at = unit.now = progress.now
            _release(unit, self.proof)
            return progress.next_step

    def _open(self, unit: UnitOfWork) -> int:
        if unit.session.scalar(select(Programme.id).limit(1)) is not None:
            raise Setup("Cette base n’est pas vide\u00a0: une histoire se joue sur une base neuve.")
        self.clock.at = unit.now = self.story.steps[0].at
        establish(unit, self.story.setting)
        unit.session.add(StoryProgress(id=1, story=self.story.name, now=unit.now, next_step=0))
        return 0

    def _note(self, unit: UnitOfWork, **values: object) -> None:
        unit.session.execute(update(StoryProgress).where(StoryProgress.id == 1).values(**values))

    # -- Time

    async def _reach(self, at: datetime, carrier: Postman) -> None:
        """Go to this instant, stopping at each one at which something is due."""
        await self._settle(carrier)
        while (due := self._next_due()) is not None and due <= at:
            self._set(due)
            await self._settle(carrier)
        self._set(at)

    def _set(self, at: datetime) -> None:
        if at == self.clock.at:
            return
        self.clock.at = at
        with self.runtime.database.write("story.clock") as unit:
            self._note(unit, now=at)

    def _next_due(self) -> datetime | None:
        """When a clock or a message is next due."""
        with self.runtime.database.read() as unit:
            (mail,) = unit.rows(_NEXT_MAIL)
            moments = obligations.next_due(unit), mail.due_at, monthly_news.next_due(unit)
            found = [moment for moment in moments if moment is not None]
        return min(found, default=None)

    async def _settle(self, carrier: Postman) -> None:
        """Let the engine do all that is due now. Raises `Setup` when it cannot."""
        from flows.delivery import deliver_due
        from flows.monthly_news import write_letters
        from flows.relay import drain
        from flows.reminders import tick
        from flows.taking_in import take_in

        while due := self._due():
            done = await drain() if due["drain"] else 0
            done += await tick() if due["tick"] else 0
            if due["letters"]:
                await write_letters()
                done += 1  # a round with nothing to say is made all the same
            done += await take_in() if due["files"] else 0
            done += await deliver_due(carrier=carrier) if due["mail"] else 0
            if not done and self._due():
                raise Setup(f"L’histoire n’avance plus\u00a0: {self._stuck()}.")

    def _due(self) -> dict[str, bool]:
        """What waits now; empty when nothing does."""
        with self.runtime.database.read() as unit:
            clock, (waits,) = obligations.next_due(unit), unit.rows(_WAITS, now=unit.now)
            due = {
                "drain": waits.work,
                "tick": clock is not None and clock <= unit.now,
                "letters": bool(monthly_news.due(unit)),
                "files": self.has_files and carrying.is_queued(unit),
                "mail": waits.mail,
            }
        return due if any(due.values()) else {}

    def _stuck(self) -> str:
        with self.runtime.database.read() as unit:
            held = [f"{row.type} ({row.error or row.state})" for row in unit.session.scalars(select(Work))]
        return ", ".join(held) or "le serveur de courrier ne répond pas"

    # -- Steps

    def _do(self, index: int, step: Step) -> None:
        if step.do in {EXPECT, SCAN}:
            found = self._expect(index, step) if step.do == EXPECT else self._scan()
            self._tell(step, found)
            if not found:
                with self.runtime.database.write("story.look") as unit:
                    self._note(unit, next_step=index + 1)
            return
        with self.runtime.database.write("story.step") as unit:
            said = self._act(unit, index, step)
            if said is None:
                self._note(unit, next_step=index + 1)
            else:
                unit.session.rollback()
        if said is not None:
            self._tell(step, [said])

    def _act(self, unit: UnitOfWork, index: int, step: Step) -> str | None:
        """Do a step; the sentence of what went against the story, if anything."""
        try:
            with unit.session.begin_nested():
                act(unit, self.runtime, self.story, step, self._cases(unit, index))
        except CaseworkError as refusal:
            if step.refused == ANY and not isinstance(refusal, Misread):
                return None
            if step.refused == refusal.code or (step.refused and typed(step.refused) in typed(refusal.sentence)):
                return None
            return f"refusé\u00a0: {refusal.sentence} ({refusal.code})"
        return f"aurait dû être refusé ({step.refused})" if step.refused else None

    def _cases(self, unit: UnitOfWork, index: int) -> dict[str, UUID]:
        """Raises `InvalidInput` where a file opened more cases than its rows name, or fewer."""
        told = [name for step in self.story.steps[:index] for name in step.opens]
        rows = list(unit.rows(_OPENED))
        if len(told) != len(rows):
            said = f"{len(rows)} situations sont ouvertes, l’histoire en nomme {len(told)} (case)"
            raise InvalidInput("case", f"Après la reprise d’un fichier, {said}.")
        return {name: row.id for name, row in zip(told, rows, strict=True)}

    def _expect(self, index: int, step: Step) -> list[str]:
        with self.runtime.database.read() as unit:
            try:
                cases = self._cases(unit, index)
            except InvalidInput as error:
                return [error.sentence]
            if not cases or (step.case and step.case not in cases):
                return ["aucune situation n’est encore là" if not cases else f"{step.case} n’est pas encore là"]
            case = unit.session.get_one(Case, chosen(cases, step))
            expected = Expected.model_validate(step.given)
            found = surprises(unit, self.story.setting, case, expected, cases=cases)
        shown = expected.on_screen, expected.not_on_screen
        return [*found, *screens.surprises(self.runtime, self.story.setting, case.id, *shown)]

    def _scan(self) -> list[str]:
        with self.runtime.database.read() as unit:
            before = state.picture(unit)
        open_every_link(self.runtime)
        with self.runtime.database.read() as unit:
            after = state.picture(unit)
        return [f"l’ouverture d’un lien a changé {line}" for line in sorted(set(after) - set(before))]

    def _tell(self, step: Step, found: list[str]) -> None:
        place = f"{self.story.place(step)} {step.who or '·'} {step.do}"
        self.outcome.surprises += [f"{place}\u00a0: {line}" for line in found]


def _unknown(story: Story) -> Iterator[str]:
    """What a story asks or expects and nobody knows, with the closest names; said before anything is played."""
    names = {*ACTIONS, EXPECT, SCAN}
    cases = set(story.cases)
    words = Words.of(story)
    for step in story.steps:
        place = story.place(step)
        if step.do not in names:
            yield f"{place} {step.do}{closest(step.do, names)}"
        action = ACTIONS.get(step.do)
        if action is not None:
            yield from (f"{story.place(step, way)} {step.do}\u00a0: {said}" for way, said in misshapen(step.given))
        if isinstance(action, FormAction) and step.refused in {None, ANY}:
            for inside, said in action.mistakes(step.given, only_words=step.refused == ANY):
                yield f"{story.place(step, inside)} {step.do}\u00a0: {said}"
        if step.case is not None and step.case not in cases and not step.refused:
            yield f"{place} situation {step.case}{closest(step.case, cases)}"
        if step.do == EXPECT:
            try:
                expected = Expected.model_validate(step.given)
            except ValidationError as error:
                for inside, said in each_explained(error, Expected):
                    yield f"{story.place(step, inside)} {said}"
            else:
                yield from (f"{place} {each}" for each in words.unknown(expected))


def act(unit: UnitOfWork, runtime: Runtime, story: Story, step: Step, cases: Mapping[str, UUID]) -> object:
    """Do one step in this transaction. Raises what the use case raises."""
    programme = unit.session.scalars(select(Programme).filter_by(slug=story.setting.programme.slug)).one()
    case_id = None if step.do == REPORT or not cases else chosen(cases, step)
    scene, said = Scene(unit, runtime, story.setting, programme, step, case_id, cases), Said(step.given)
    try:
        done = ACTIONS[step.do](scene, said)
    except KeyError as missing:
        word = str(missing.args[0])
        refusal = Misread if closest(word, said.unread) else InvalidInput
        raise refusal("with", f"{step.do}\u00a0: {said.lacks(word)}.") from missing
    except ValidationError as error:
        raise InvalidInput("with", f"{step.do}\u00a0: {explained(error)}.") from error
    if said.unread:
        raise Misread("with", f"{step.do}\u00a0: {said.is_unknown(said.unread[0])}.")
    return done


def chosen(cases: Mapping[str, UUID], step: Step) -> UUID:
    """The case that a step names, or the latest one. Raises `InvalidInput` for one that comes later."""
    if step.case is None:
        return list(cases.values())[-1]
    if step.case not in cases:
        raise InvalidInput("case", f"La situation {step.case} n’est pas encore là.")
    return cases[step.case]


# Built once: a story asks them at each instant at which anything may be due.
_TO_SEND: Final = and_(Message.state == MessageState.QUEUED, Message.channel.in_(CARRIED))
_NEXT_MAIL: Final = select(func.min(Message.due_at).label("due_at")).where(_TO_SEND)
_DUE: Final = Message.due_at <= bindparam("now", type_=Message.due_at.type)
_WAITS: Final = select(
    select(Work.id).exists().label("work"), select(Message.id).where(_TO_SEND, _DUE).exists().label("mail")
)
_OPENED: Final = select(Case.id).order_by(Case.number)


def _release(unit: UnitOfWork, proof: Proof) -> None:
    """The player that held leases is dead and nobody else plays here: free its work, ask what became of its mails."""
    unit.session.execute(
        update(Work).where(Work.state == WorkState.LEASED).values(state=WorkState.READY, token=None, leased_until=None)
    )
    unit.session.execute(update(Work).values(ready_at=unit.lease_time()))
    unit.session.execute(
        update(Message)
        .where(Message.state == MessageState.LEASED)
        .values(state=MessageState.QUEUED, token=None, leased_until=None)
    )
    started = unit.session.scalars(select(Message).where(Message.state == MessageState.DATA_STARTED)).all()
    for message in started:
        message.state = MessageState.UNKNOWN.value
    unit.session.flush()
    for message in (each for each in started if each.bundle_id is None):  # the server knows the mail, not its parts
        doubt = Doubt(message.id, message.message_id, Channel(message.channel))
        ledger.settle(unit, AFTERMATH, doubt=doubt, verdict=proof(message.message_id))

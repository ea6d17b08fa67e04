"""The schema of a pathway: who must do what by when after each event, on which ladder, told with which text.

Conditions are names of guards written in code (`services.rules.guards`); there are no expressions here.
A definition is frozen: it is stored by the hash of its content and pinned on each case.
"""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.delays import Delay
from models.events import FACTS
from models.vocabulary import Channel, Party

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Anchor(StrEnum):
    """The moment from which a delay counts."""

    EVENT = "event"
    FIRST_ATTEMPT = "first_attempt"
    VISIT = "visit"
    LAST_VISIT_HELD = "last_visit_held"


class Due(_Strict):
    """When a task is due. `series` gives one delay for each ordinal (1, 2, 3…) and replaces `delay`."""

    delay: Delay | None = None
    series: tuple[Delay, ...] = ()
    since: Anchor = Anchor.EVENT
    at_least: Delay | None = None  # never sooner than this after the event
    urgent: Delay | None = None  # for a case whose urgency is not "none"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.delay is None) == (not self.series):
            raise ValueError("give either a delay or a series")
        return self


class Open(_Strict):
    """Open a task."""

    open: Name
    when: Name | None = None


class Send(_Strict):
    """Plan a message. `about` names the open task that its link leads to."""

    send: Name
    to: Party
    by: Channel
    about: Name | None = None
    urgent: bool = False  # passes quiet hours
    when: Name | None = None


Step = Open | Send


class TaskRule(_Strict):
    """Whose task it is, by when, and the ladder that chases it."""

    party: Party
    due: Due
    ladder: Name | None = None
    provisional: bool = False  # the date is final once the request's mail is accepted
    actions: tuple[Name, ...] = ()  # what a task link lets its holder do


class Rung(_Strict):
    """One step of a ladder. Exactly one moment: `after` its start, `before` or at its `due`, `after_due`."""

    after: Delay | None = None
    before: Delay | None = None
    at_due: bool = False
    after_due: Delay | None = None
    steps: tuple[Step, ...] = ()
    act: Name | None = None  # something the timer does by itself, by name
    when: Name | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if sum((self.after is not None, self.before is not None, self.at_due, self.after_due is not None)) != 1:
            raise ValueError("a rung has exactly one moment")
        if not self.steps and self.act is None:
            raise ValueError("a rung does something")
        return self


class Ladder(_Strict):
    """The steps that chase a task, in order. `counts_from_delivery`: the clock starts when the mail is accepted."""

    rungs: tuple[Rung, ...]
    counts_from_delivery: bool = False
    undelivered_after: Delay | None = None
    undelivered: tuple[Step, ...] = ()


class Rule(_Strict):
    """What follows an event: tasks it completes and steps at once (same transaction), then the engine's steps."""

    completes: tuple[Name, ...] = ()
    at_once: tuple[Open, ...] = ()
    then: tuple[Step, ...] = ()


class Pathway(_Strict):
    """A programme's way of working, whole and checked: every name it uses is defined."""

    name: Name
    version: int = Field(ge=1)
    source: str
    call_attempts: int = Field(ge=1)
    call_days: int = Field(ge=1)
    call_slots: int = Field(ge=1)
    absences_allowed: int = Field(ge=0)
    tasks: dict[Name, TaskRule]
    ladders: dict[Name, Ladder]
    events: dict[str, Rule]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        problems = [*self._unknown_events(), *self._unknown_ladders(), *self._unknown_tasks()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_events(self) -> list[str]:
        return [f"event {name} does not exist" for name in self.events if name not in FACTS]

    def _unknown_ladders(self) -> list[str]:
        return [
            f"task {name} climbs an unknown ladder {rule.ladder}"
            for name, rule in self.tasks.items()
            if rule.ladder is not None and rule.ladder not in self.ladders
        ]

    def _unknown_tasks(self) -> list[str]:
        used = {step.open for step in self.steps() if isinstance(step, Open)}
        used |= {step.about for step in self.steps() if isinstance(step, Send) and step.about}
        used |= {name for rule in self.events.values() for name in rule.completes}
        return [f"task {name} is not defined" for name in sorted(used - set(self.tasks))]

    def steps(self) -> list[Step]:
        """Every step of every rule and ladder."""
        rules = [step for rule in self.events.values() for step in (*rule.at_once, *rule.then)]
        rungs = [step for ladder in self.ladders.values() for rung in ladder.rungs for step in rung.steps]
        return [*rules, *rungs, *(step for ladder in self.ladders.values() for step in ladder.undelivered)]

    def guards(self) -> set[str]:
        """The names of guards that it relies on."""
        rungs = [rung.when for ladder in self.ladders.values() for rung in ladder.rungs]
        return {name for name in (*(step.when for step in self.steps()), *rungs) if name}

    def acts(self) -> set[str]:
        """The names of the acts that its timers do."""
        return {rung.act for ladder in self.ladders.values() for rung in ladder.rungs if rung.act}

    def texts(self) -> set[tuple[str, Party, Channel]]:
        """The texts that it sends, with reader and channel."""
        return {(step.send, step.to, step.by) for step in self.steps() if isinstance(step, Send)}

    @property
    def hash(self) -> str:
        """SHA-256 of its canonical content."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


NO_RULE: Final = Rule()

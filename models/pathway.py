"""The schema of a pathway: who must do what by when after each event, on which ladder, told with which text.

Conditions are names of guards written in code (`services.rules.guards`); there are no expressions here.
A definition is frozen: it is stored by the hash of its content and pinned on each case.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from models.delays import Delay, DelayUnit
from models.events import FACTS, Fact, TaskCompleted
from models.lifecycles import CaseAction
from models.vocabulary import Channel, Party

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


Place = tuple[str | int, ...]
"""Where in a definition: `("tasks", "triage", "ladder")`."""


class Flaw(NamedTuple):
    """What is wrong at a place of a definition, in French, for whoever writes it."""

    place: Place
    sentence: str


class Flawed(ValueError):
    """A definition that uses names which it does not define."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        """All of them: its writer mends them in one go."""
        super().__init__(" ; ".join(flaw.sentence for flaw in flaws))
        self.flaws = tuple(flaws)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Anchor(StrEnum):
    """The moment from which a delay counts."""

    EVENT = "event"
    FIRST_ATTEMPT = "first_attempt"
    VISIT = "visit"
    LAST_VISIT_HELD = "last_visit_held"
    GIVEN = "given"  # the day that the act names: end of a suspension, review of a hold, return of a loan


class Due(_Strict):
    """When a task is due. `series` gives one delay for each ordinal (1, 2, 3…) and replaces `delay`.

    `ahead` counts backwards: so many days before the day that it is `since`.
    """

    delay: Delay | None = None
    series: tuple[Delay, ...] = ()
    ahead: Delay | None = None
    since: Anchor = Anchor.EVENT
    at_least: Delay | None = None  # never sooner than this after the event
    urgent: Delay | None = None  # for a case whose urgency is not "none"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if sum((self.delay is not None, bool(self.series), self.ahead is not None)) != 1:
            raise ValueError("il faut un délai (delay), une série (series) ou une avance (ahead), et un seul des trois")
        if self.ahead is not None and (self.since is Anchor.EVENT or self.ahead.unit is not DelayUnit.DAYS):
            raise ValueError("une avance (ahead) se compte en jours (12d) avant un jour connu (since)")
        return self

    def delay_of(self, ordinal: int) -> Delay | None:
        """The delay of the nth such task; the last of a series is that of all after it. None where it counts back."""
        return self.series[min(max(ordinal, 1), len(self.series)) - 1] if self.series else self.delay


class Open(_Strict):
    """Open a task."""

    open: Name
    when: Name | None = None


class Send(_Strict):
    """Plan a message. `about` names the open task that its link leads to.

    `wait`: it leaves no sooner than this after the event, so that what follows soon is told in it. `once`: it is about
    the case alone, and whoever had it does not get it again; what was taken back was not had.
    """

    send: Name
    to: Party
    by: Channel
    about: Name | None = None
    urgent: bool = False  # passes quiet hours
    daily: bool = False  # an e-mail that leaves with the others of its day: one such mail a day for one address
    wait: Delay | None = None
    once: bool = False
    when: Name | None = None


def _what_is_done(step: object) -> str | None:
    known = step if isinstance(step, Mapping) else getattr(step, "__dict__", {})
    return next((f"[{verb}]" for verb in ("open", "send") if verb in known), None)


Step = Annotated[Annotated[Open, Tag("[open]")] | Annotated[Send, Tag("[send]")], Discriminator(_what_is_done)]


def does(step: Open | Send) -> str:
    """The task that a step opens, or the text that it sends."""
    return step.open if isinstance(step, Open) else step.send


def task_of(step: Open | Send) -> str | None:
    """The task that a step opens, or that its message is about."""
    return step.open if isinstance(step, Open) else step.about


class TaskRule(_Strict):
    """Whose task it is, by when, and the ladder that chases it."""

    party: Party
    due: Due
    ladder: Name | None = None
    urgent_ladder: Name | None = None  # with the urgent delay; without one, the same ladder
    provisional: bool = False  # the date is final once the request's mail is accepted
    actions: tuple[Name, ...] = ()  # what a task link lets its holder do
    outcomes: tuple[Name, ...] = ()  # how a task of the pathway's own may end
    blocks: tuple[CaseAction, ...] = ()  # what may not be done to the case while it is open
    title: str = ""  # French, for a task that the software does not know; same for its outcomes and what to do
    outcome_titles: tuple[str, ...] = ()
    what_to_do: str = ""

    def ladder_of(self, *, urgent: bool) -> str | None:
        """The ladder that chases it."""
        return (self.urgent_ladder if urgent else None) or self.ladder

    @property
    def ladders(self) -> tuple[str, ...]:
        """Every ladder that may chase it."""
        return tuple(name for name in (self.ladder, self.urgent_ladder) if name)


class Rung(_Strict):
    """One step of a ladder. Exactly one moment: `after` its start, `before` or at its `due`, `after_due`, or `every`.

    `every` is the last, and comes again and again until the task is done: days are those of the calendar, closed ones
    too, and it is taken in their morning.
    """

    after: Delay | None = None
    before: Delay | None = None
    at_due: bool = False
    after_due: Delay | None = None
    every: Delay | None = None
    steps: tuple[Step, ...] = ()
    act: Name | None = None  # something the timer does by itself, by name
    when: Name | None = None
    off: bool = False  # passed over without a trace; it keeps its place, so that it can be put back

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        delays = (self.after, self.before, self.after_due, self.every)
        if sum(delay is not None for delay in delays) + self.at_due != 1:
            raise ValueError("un échelon a un moment, et un seul : after, before, at_due, after_due ou every")
        if self.every is not None and self.every.amount < 1:
            raise ValueError("un échelon qui revient (every) attend au moins un jour ou une heure")
        if not self.steps and self.act is None:
            raise ValueError("un échelon fait quelque chose : steps ou act")
        return self


class Ladder(_Strict):
    """The steps that chase a task, in order. `counts_from_delivery`: the clock starts when the mail is accepted."""

    rungs: tuple[Rung, ...]
    counts_from_delivery: bool = False
    undelivered_after: Delay | None = None
    undelivered: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _what_comes_again_is_last(self) -> Self:
        if any(rung.every is not None for rung in self.rungs[:-1]):
            raise ValueError("un échelon qui revient (every) est le dernier de son échelle")
        return self


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
    visits: int = Field(default=1, ge=1)  # how many visits before the report
    visit_days: int = Field(default=45, ge=1)  # from the household's yes to its visit; beyond, the coordination hears
    revisit_months: int = Field(default=24, ge=0)  # since a visit of the same household, in which triage hears of it
    snoozes: int = Field(default=2, ge=0)  # how often the reminders of a task may be put off
    snooze_days: int = Field(default=10, ge=1)  # and for how many working days at most
    return_days: int = Field(default=3, ge=0)  # working days that the coordination has for a task given back to it
    hold_days: int = Field(default=30, ge=1)  # for how long a partner may put his help on hold
    full_days: int = Field(default=30, ge=1)  # how long a partner who has no room is taken for full
    sheet_months: int = Field(default=6, ge=1)  # after which a sheet is verified again. Source: domain, directory
    tasks: dict[Name, TaskRule]
    ladders: dict[Name, Ladder]
    events: dict[str, Rule]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if flaws := [*self._unknown_events(), *self._unknown_ladders(), *self._unknown_tasks()]:
            raise Flawed(flaws)
        return self

    def _unknown_events(self) -> Iterator[Flaw]:
        for name in self.events:
            if not self._is_event(name):
                yield Flaw(("events", name), f"l’événement « {name} » n’existe pas")

    def _is_event(self, name: str) -> bool:
        """An event's type; or `task.completed/<kind>` and `task.completed/<kind>/<outcome>` for the pathway's own."""
        event, *parts = name.split("/", maxsplit=2)
        if not parts:
            return event in FACTS
        rule = self.tasks.get(parts[0])
        return event == TaskCompleted.type and rule is not None and set(parts[1:]) <= set(rule.outcomes)

    def _unknown_ladders(self) -> Iterator[Flaw]:
        for name, rule in self.tasks.items():
            for place, ladder in (("ladder", rule.ladder), ("urgent_ladder", rule.urgent_ladder)):
                if ladder is not None and ladder not in self.ladders:
                    yield Flaw(("tasks", name, place), f"la tâche « {name} » suit une échelle inconnue « {ladder} »")

    def _unknown_tasks(self) -> Iterator[Flaw]:
        for place, name in self._named_tasks():
            if name not in self.tasks:
                yield Flaw(place, f"la tâche « {name} » n’est pas définie")

    def _named_tasks(self) -> Iterator[tuple[Place, str]]:
        for event, rule in self.events.items():
            yield from ((("events", event, "completes", index), name) for index, name in enumerate(rule.completes))
        for place, step in self.places():
            if isinstance(step, Open):
                yield (*place, "open"), step.open
            elif step.about:
                yield (*place, "about"), step.about

    def places(self) -> Iterator[tuple[Place, Step]]:
        """Every step of every rule and ladder, with its place."""
        for event, rule in self.events.items():
            yield from _numbered(("events", event, "at_once"), rule.at_once)
            yield from _numbered(("events", event, "then"), rule.then)
        for name, ladder in self.ladders.items():
            for index, rung in enumerate(ladder.rungs):
                yield from _numbered(("ladders", name, "rungs", index, "steps"), rung.steps)
            yield from _numbered(("ladders", name, "undelivered"), ladder.undelivered)

    def conditions(self) -> Iterator[tuple[Place, str]]:
        """Every guard that it names, with its place."""
        yield from (((*place, "when"), step.when) for place, step in self.places() if step.when)
        for name, ladder in self.ladders.items():
            for index, rung in enumerate(ladder.rungs):
                if rung.when:
                    yield ("ladders", name, "rungs", index, "when"), rung.when

    def steps(self) -> list[Step]:
        """Every step of every rule and ladder."""
        return [step for _, step in self.places()]

    def guards(self) -> set[str]:
        """The names of guards that it relies on."""
        return {name for _, name in self.conditions()}

    def acts(self) -> set[str]:
        """The names of the acts that its timers do."""
        return {rung.act for ladder in self.ladders.values() for rung in ladder.rungs if rung.act}

    def texts(self) -> set[tuple[str, Party, Channel]]:
        """The texts that it sends, with reader and channel."""
        return {(step.send, step.to, step.by) for step in self.steps() if isinstance(step, Send)}

    def rule_of(self, fact: Fact) -> Rule:
        """What follows an event: as written here, else as this version of the software says, else nothing.

        A pathway that is older than an event cannot name it, and open cases keep theirs. To let nothing follow such an
        event, name it with an empty rule.
        """
        return self.following(next((name for name in fact.rules if name in self.events), fact.type))

    def following(self, event: str) -> Rule:
        """The same, by the event's name, with the steps that came to it since, for tasks that the pathway knows: those
        that its rule does not open, texts that it does not send."""
        rule = self.events.get(event) or LATER_RULES.get(event, NO_RULE)
        done = {does(step) for step in (*rule.at_once, *rule.then)}
        later = LATER_STEPS.get(event, ())
        learnt = tuple(step for step in later if does(step) not in done and task_of(step) in self.tasks)
        return rule.model_copy(update={"then": (*rule.then, *learnt)}) if learnt else rule

    @property
    def hash(self) -> str:
        """SHA-256 of its canonical content. What has its default is left out: a new setting moves no older hash."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _numbered(place: Place, steps: Sequence[Step]) -> Iterator[tuple[Place, Step]]:
    yield from (((*place, index), step) for index, step in enumerate(steps))


NO_RULE: Final = Rule()
_ASKED_AGAIN: Final = Send(
    send="referral_request",
    to=Party.PARTNER,
    by=Channel.EMAIL,
    about="answer_referral",
    daily=True,
    when="answer_is_awaited",
)
_ANOTHER_NUMBER: Final = Rule(
    then=(
        Open(open="correct_number", when="no_number_and_alert_giver"),
        Send(
            send="correct_number",
            to=Party.ALERT_GIVER,
            by=Channel.EMAIL,
            about="correct_number",
            when="no_number_and_alert_giver",
        ),
        Open(open="find_number", when="no_number_and_nobody"),
    )
)
LATER_RULES: Final[dict[str, Rule]] = {
    "referral.address_mended": Rule(
        completes=("mend_address",),
        then=(
            _ASKED_AGAIN,
            Send(
                send="referral_accepted_next",
                to=Party.PARTNER,
                by=Channel.EMAIL,
                about="report_outcome",
                when="news_are_awaited",
            ),
        ),
    ),
    "referral.recalled": Rule(completes=("answer_referral", "check_back"), at_once=(Open(open="finish_draft"),)),
    "referral.answer_recalled": Rule(at_once=(Open(open="answer_question"),)),
    "task.reminded": Rule(
        then=(
            Send(
                send="referral_soft_reminder", to=Party.PARTNER, by=Channel.EMAIL, daily=True, when="an_answer_is_asked"
            ),
            Send(send="news_reminder", to=Party.PARTNER, by=Channel.EMAIL, daily=True, when="news_are_asked"),
            Send(send="task_reminder", to=Party.OPERATOR, by=Channel.EMAIL, daily=True, when="an_operator_is_asked"),
            Send(
                send="correct_number_reminder", to=Party.ALERT_GIVER, by=Channel.EMAIL, when="an_alert_giver_is_asked"
            ),
        )
    ),
    "referral.passed_on": Rule(
        then=(
            _ASKED_AGAIN,
            Send(
                send="referral_accepted_next",
                to=Party.PARTNER,
                by=Channel.EMAIL,
                about="report_outcome",
                daily=True,
                when="news_are_awaited",
            ),
        ),
    ),
    "referral.meeting_proposed": Rule(
        then=(
            Send(send="partner_meets", to=Party.HOUSEHOLD, by=Channel.SMS),
            Send(send="partner_meets", to=Party.HOUSEHOLD, by=Channel.LETTER, when="meeting_came_alone"),
        ),
    ),
    "household.answered": Rule(
        at_once=(Open(open="call_back", when="a_call_is_wanted"),),
        then=(Send(send="call_asked", to=Party.OPERATOR, by=Channel.EMAIL, when="a_call_is_wanted"),),
    ),
    "household.called_back": Rule(completes=("call_back",)),
    "call.back_agreed": Rule(
        completes=("first_call", "call_again", "await_household", "plan_visit", "decide_after_absence"),
        at_once=(Open(open="call_again"),),
    ),
    "number.found_wrong": _ANOTHER_NUMBER,
    "household.stops": Rule(
        completes=(
            "first_call",
            "call_again",
            "await_household",
            "plan_visit",
            "decide_after_absence",
            "orient",
            "reorient",
            "follow_up_call",
            "call_back",
        ),
        at_once=(Open(open="close_case"),),
    ),
    "case.released": _ANOTHER_NUMBER,
    "referral.access_asked": Rule(
        then=(Send(send="sign_in", to=Party.PARTNER, by=Channel.EMAIL, about="report_outcome", urgent=True),)
    ),
    "referral.link_asked": Rule(then=(Send(send="new_link", to=Party.PARTNER, by=Channel.EMAIL, urgent=True),)),
    "referral.address_recalled": Rule(at_once=(Open(open="mend_address"),)),
    "household.address_recalled": Rule(at_once=(Open(open="mend_household_address"),)),
}
"""What follows the events that came after the first stored pathways, in a pathway that does not know them.

Append-only, and a rule never changes its places: effects are keyed by them.
"""

LATER_STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "case.reopened": (
        Open(open="plan_visit", when="back_to_visits"),
        Open(open="deliver_report", when="back_to_report"),
    ),
    "visit.moved": (  # in a pathway that has no item for it, about the visit itself
        Send(
            send="visitor_wanted",
            to=Party.OPERATOR,
            by=Channel.EMAIL,
            about="hold_visit",
            when="nobody_comes_any_more",
        ),
    ),
}
"""What else an event has opened or sent since some pathway that knows it was stored. Append-only, as above."""

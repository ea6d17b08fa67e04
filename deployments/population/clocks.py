"""The clocks of generated cases: armed, lapsed and armed again as the engine's own, on rows in memory."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from deployments.population.office import A_TIMER, THE_ENGINE, Row
from deployments.population.world import CLOCK
from models import events as e
from models.lifecycles import UNANSWERED, ReferralAction, next_referral_state
from models.pathway import Ladder, Rung, Send
from models.vocabulary import OccurrenceState, ReferralState, Theme
from services.rules.clocks import UNDELIVERED, Place, Timing, gives_way, place_from
from services.rules.effects import GIVES_WAY
from services.rules.obligations import STALE
from services.rules.plan import OpenTask

if TYPE_CHECKING:
    from deployments.population.life import Life


def arm(life: "Life", task: Row, effect: OpenTask) -> None:
    """Start the clock of a task, on its first step still ahead or on the wait for delivery."""
    clock = life.add(
        "obligation",
        case_id=life.case["id"],
        task_id=task["id"],
        ladder=effect.ladder,
        anchor_at=task["opened_at"],
        due_at=task["due_at"],
        generation=1,
        next_step=None,
        next_at=None,
        ended_at=None,
        effect_key=f"{effect.key}:clock",
    )
    life.clocks[task["id"]] = clock
    ladder = _ladder(life, clock)
    if ladder.counts_from_delivery:
        _watch_delivery(life, clock, ladder)
    else:
        _climb(life, clock, ladder.rungs, start=0, after=life.now)
    _wake(life, clock)


def start(life: "Life", task: Row) -> None:
    """The request of a task reached its reader: its date is final, its ladder begins."""
    if not task["provisional"] or task["id"] not in life.tasks:
        return
    task["provisional"] = False
    rearm(life, task)
    referral = life.referral(task["referral_id"])
    referral["delivered_at"] = life.now
    ids = {"referral_id": referral["id"], "partner_id": referral["partner_id"], "theme": Theme(referral["theme"])}
    life.record(e.ReferralDelivered(**ids, delivered_at=life.now), THE_ENGINE)


def rearm(life: "Life", task: Row) -> None:
    """Count a task's delay again from now."""
    delay = life.office.pathway.tasks[task["kind"]].due.delay
    if delay is not None:
        task["due_at"] = life.office.calendar.apply(delay, life.now)
    clock = life.clocks.get(task["id"])
    if clock is not None:
        clock["anchor_at"], clock["due_at"] = life.now, task["due_at"]
        clock["generation"] += 1
        _climb(life, clock, _ladder(life, clock).rungs, start=0, after=life.now)
        _wake(life, clock)


def _wake(life: "Life", clock: Row) -> None:
    if clock["next_at"] is not None:
        life.world.at(clock["next_at"], partial(_lapse, life, clock, clock["next_at"]), CLOCK)


def _lapse(life: "Life", clock: Row, at: datetime) -> None:
    """Take the latest step that is due, unless the clock was stopped or set since; older ones are stale."""
    if clock["next_at"] != at:
        return
    ladder = _ladder(life, clock)
    step = clock["next_step"]
    while step != UNDELIVERED:
        following = _place(life, clock, ladder.rungs, start=step + 1, after=None)
        if following.step is None or following.at is None or following.at > life.now:
            break
        _note(life, clock, step=step, due_at=at, missed=STALE)
        step, at = following.step, following.at
    if _gives_way(life, clock, ladder, step, at):
        _note(life, clock, step=step, due_at=at, missed=GIVES_WAY)
        _climb_on(life, clock, ladder.rungs, step)
        _wake(life, clock)
        return
    _note(life, clock, step=step, due_at=at)
    fact = e.ReminderDue(
        obligation_id=clock["id"],
        task_id=clock["task_id"],
        ladder=clock["ladder"],
        generation=clock["generation"],
        step=step,
    )
    task = life.tasks[clock["task_id"]]
    life.record(fact, A_TIMER, key=f"{clock['id']}:{clock['generation']}:{step}")
    _climb_on(life, clock, ladder.rungs, step)
    _wake(life, clock)
    if step != UNDELIVERED and ladder.rungs[step].act == "expire_referral":
        _expire(life, task)


def _gives_way(life: "Life", clock: Row, ladder: Ladder, step: int, at: datetime) -> bool:
    timing = Timing(clock["anchor_at"], clock["due_at"])
    return step != UNDELIVERED and gives_way(step, at, timing, ladder, life.office.calendar)


def _expire(life: "Life", task: Row) -> None:
    """The timer's act: the partner never answered."""
    referral = life.referral(task["referral_id"])
    if referral["state"] not in UNANSWERED or referral["delivered_at"] is None:
        return
    referral["state"] = next_referral_state(ReferralState(referral["state"]), ReferralAction.EXPIRE).value
    referral["ended_at"] = life.now
    ids = {"referral_id": referral["id"], "partner_id": referral["partner_id"], "theme": Theme(referral["theme"])}
    life.record(e.ReferralExpired(**ids), A_TIMER)


def _ladder(life: "Life", clock: Row) -> Ladder:
    return life.office.pathway.ladders[clock["ladder"]]


def _watch_delivery(life: "Life", clock: Row, ladder: Ladder) -> None:
    if ladder.undelivered_after is not None:
        calendar = life.office.calendar
        end = calendar.apply(ladder.undelivered_after, clock["anchor_at"])
        clock["next_step"], clock["next_at"] = UNDELIVERED, calendar.step_time(calendar.local_day(end))


def _climb_on(life: "Life", clock: Row, rungs: Sequence[Rung], step: int) -> None:
    if step == UNDELIVERED:
        clock["next_step"] = clock["next_at"] = None
        return
    following = step + 1
    if rungs[step].every is not None:
        clock["anchor_at"], clock["generation"], following = life.now, clock["generation"] + 1, step
    _climb(life, clock, rungs, start=following, after=None)


def _climb(life: "Life", clock: Row, rungs: Sequence[Rung], *, start: int, after: datetime | None) -> None:
    clock["next_step"], clock["next_at"] = _place(life, clock, rungs, start=start, after=after)


def _place(life: "Life", clock: Row, rungs: Sequence[Rung], *, start: int, after: datetime | None) -> Place:
    timing = Timing(clock["anchor_at"], clock["due_at"])
    return place_from(start, rungs, timing, life.office.calendar, after=after)


def _note(life: "Life", clock: Row, *, step: int, due_at: datetime, missed: str | None = None) -> None:
    ladder = _ladder(life, clock)
    steps = ladder.undelivered if step == UNDELIVERED else ladder.rungs[step].steps
    state = OccurrenceState.SUPPRESSED if missed else OccurrenceState.FIRED
    life.add(
        "occurrence",
        obligation_id=clock["id"],
        generation=clock["generation"],
        step=step,
        recipient=next((found.to.value for found in steps if isinstance(found, Send)), ""),
        state=state.value,
        reason=missed,
        due_at=due_at,
        at=life.now,
    )

"""The order of the day: what breaks × who suffers × time left, with its reasons."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Integer, String, literal, select

from models.base import UtcDateTime
from models.vocabulary import Urgency
from services.foundation.runtime import Runtime
from services.rules.ranking import BREACH, DANGER, Stake, rank, score_of
from services.rules.texts.labels import has_label

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LATE, TOMORROW, LATER = (NOW + timedelta(days=days) for days in (-5, 1, 9))


def order(**stakes: Stake) -> list[str]:
    return sorted(stakes, key=lambda name: -rank(stakes[name], NOW).score)


def test_a_danger_comes_before_everything() -> None:
    oldest = Stake("triage", NOW - timedelta(days=90), Urgency.CUT_ANNOUNCED, age=92, people=1)

    assert order(danger=Stake(DANGER, NOW + timedelta(hours=8)), oldest=oldest) == ["danger", "oldest"]


def test_the_three_factors_each_decide_when_the_others_are_equal() -> None:
    assert order(form=Stake("close_case", LATE), word=Stake("triage", LATE)) == ["word", "form"]
    assert order(fit=Stake("triage", LATE), cut=Stake("triage", LATE, Urgency.CUT_ANNOUNCED)) == ["cut", "fit"]
    assert order(later=Stake("triage", LATER), soon=Stake("triage", TOMORROW), late=Stake("triage", LATE)) == [
        "late", "soon", "later",
    ]  # fmt: skip


def test_a_cut_that_is_due_tomorrow_comes_before_a_paper_late_for_a_week() -> None:
    assert order(paper=Stake("return_loan", LATE), cut=Stake("triage", TOMORROW, Urgency.CUT_ANNOUNCED, age=80)) == [
        "cut", "paper",
    ]  # fmt: skip


def test_a_rank_says_why_and_every_reason_has_its_words() -> None:
    found = rank(Stake("mend_address", LATE, Urgency.HEATING_OUT, age=81, people=1), NOW)

    assert found.reasons == ("unheard", "heating_out", "old", "alone")
    for reason in (*found.reasons, Urgency.DANGER.value, Urgency.CUT_ANNOUNCED.value):
        assert has_label("rank_reason", reason)


@given(
    kind=st.sampled_from([*BREACH, "hold_visit"]),
    urgency=st.sampled_from(Urgency),
    age=st.none() | st.integers(0, 110),
    hours=st.integers(-5000, 5000),
    wait=st.integers(0, 500),
)
def test_waiting_never_makes_a_task_less_pressing(
    kind: str, urgency: Urgency, age: int | None, hours: int, wait: int
) -> None:
    stake = Stake(kind, NOW + timedelta(hours=hours), urgency, age)

    assert rank(stake, NOW + timedelta(hours=wait)).score >= rank(stake, NOW).score > 0


@pytest.mark.parametrize("kind", [*BREACH, "hold_visit"])
def test_the_database_orders_by_the_score_that_is_said(runtime: Runtime, kind: str) -> None:
    stakes = [
        Stake(kind, NOW + timedelta(hours=hours), urgency, age, people)
        for hours in (-999, -144, -30, 0, 1, 119, 121, 999)
        for urgency in Urgency
        for age, people in ((None, None), (74, 1), (75, 2))
    ]

    with runtime.database.read() as unit:
        for stake in stakes:
            born = NOW.year - stake.age if stake.age else None
            score = score_of(
                literal(stake.kind, String()), literal(stake.due_at, UtcDateTime()), literal(stake.urgency, String()),
                literal(born, Integer()), literal(stake.people, Integer()), now=NOW,
            )  # fmt: skip
            assert unit.session.scalar(select(score)) == pytest.approx(rank(stake, NOW).score)

"""A generated past is what the use cases would have written, looks like the figures of the field, and is never sent."""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Select, func, inspect, select

from deployments import population
from deployments.population import Wanted, bulk, command, courses
from deployments.population.figures import figures
from deployments.population.setting import SLUG
from flows.reminders import ACTS
from models.cases import Alert, Call, Case, Dwelling, Referral, Visit
from models.engine import Event, Message, Obligation, Task, Work
from models.events import FACTS
from models.programmes import Organisation, PathwayVersion, Programme
from models.vocabulary import CallResult, MessageState, RejectionReason, Role, Stage, TaskState, VisitState
from services import listing
from services.foundation.clock import SetClock
from services.foundation.database import Database, UnitOfWork
from services.foundation.errors import Setup
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from services.listing import Filters
from services.operations import drift, upkeep
from services.overview import pipeline
from services.overview.figures import figures as figures_of
from services.overview.figures import last_year
from services.rules import obligations
from services.rules.disclosure import FEWEST
from services.rules.policy import Actor
from services.rules.ranking import DANGER
from tests import engine
from tests.programmes import a_programme
from tests.stateful.expectations import disappointed

TODAY: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SMALL: Final = Wanted(cases_a_year=60, years=1, seed=7)
LARGE: Final = Wanted(cases_a_year=200, years=3, seed=1)
A_MAIL: Final = Message.channel != "letter"


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Runtime]:
    """Three years of two hundred cases; tests only read them."""
    folder = tmp_path_factory.mktemp("population")
    shutil.copy(sqlite_template, folder / "relais.sqlite")
    runtime = build(Settings(data_folder=folder, database_url=None), clock=SetClock(TODAY))
    with use(runtime):
        command.prepare(runtime, "M", years=LARGE.years, today=TODAY.date())
        population.generate(runtime.database, SLUG, LARGE, until=TODAY, told=lambda _: None)
        yield runtime
    runtime.database.dispose()


def test_it_is_what_the_engine_would_have_written_and_goes_on_from(
    runtime: Runtime, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.at = TODAY
    command.prepare(runtime, "M", years=1, today=TODAY.date())
    past = population.past_of(runtime.database, SLUG, SMALL, until=TODAY)
    lives = [life for month in past.months() for life in month.over] + past.open
    told = {(e["id"], e["type"], e["occurred_at"]) for life in lives for e in life.rows["event"]}
    monkeypatch.setattr(population, "MANY", 1)  # as a large one: lived by another process, indexes made afterwards
    indexed = indexes(runtime)

    population.generate(runtime.database, SLUG, SMALL, until=TODAY, told=lambda _: None)

    assert indexes(runtime) == indexed
    with runtime.database.write("test") as unit:
        open_cases = set(unit.session.scalars(select(Case.id).where(Case.stage != Stage.CLOSED)))
        assert open_cases == set(unit.session.scalars(select(Task.case_id).where(Task.state == TaskState.OPEN)))
        assert disappointed(unit, drained=True) == []
        assert upkeep.right_stages(unit) == []
        assert drift.of_cases(unit, list(unit.session.scalars(select(Case.id)))) == []
        assert unit.session.scalar(select(func.count()).select_from(Work)) == 0
        events = unit.session.scalars(select(Event)).all()
        assert {(event.id, event.type, event.occurred_at) for event in events} == told, "another past of the same seed"
        assert all(
            FACTS[each.type].model_validate(each.payload).model_dump(mode="json") == each.payload for each in events
        )
    lapsed = 0
    for _ in range(10):
        clock.at += timedelta(days=1)
        lapsed += run(runtime)
    with runtime.database.read() as unit:
        assert disappointed(unit, drained=True) == []
        assert 0 < lapsed <= 40
        assert unit.session.scalars(select(Obligation.error).where(Obligation.error.is_not(None))).all() == []


def indexes(runtime: Runtime) -> set[str | None]:
    """The names of all of them."""
    looked = inspect(runtime.database.engine)
    return {index["name"] for table in looked.get_table_names() for index in looked.get_indexes(table)}


def run(runtime: Runtime) -> int:
    """What the relay does until nothing is due; how many clocks lapsed."""
    with runtime.database.write("test") as unit:
        lapsed = obligations.tick(unit, ACTS, limit=500)
        while engine.handle_in(unit):
            pass
        return lapsed


def test_nothing_of_it_waits_to_leave_and_every_clock_is_ahead(years: Runtime) -> None:
    with years.database.read() as unit:
        due = select(Message.text).where(Message.state == MessageState.QUEUED, Message.due_at <= TODAY, A_MAIL)
        late = select(Obligation.ladder).where(Obligation.next_at <= TODAY)
        next_steps = Counter(at.date() for at in unit.session.scalars(select(Obligation.next_at)) if at is not None)

        assert unit.session.scalars(due).all() == []
        assert unit.session.scalars(late).all() == []
        assert max(next_steps.values()) <= sum(next_steps.values()) / 5


def test_one_mail_a_day_for_one_address(years: Runtime) -> None:
    with years.database.read() as unit:
        mails = unit.session.execute(
            select(Message.address, Message.done_at).where(
                Message.daily, Message.state == MessageState.ACCEPTED, Message.bundle_id.is_(None)
            )
        )
        days = Counter((address, at.date()) for address, at in mails if at is not None)

    assert set(days.values()) == {1}


def test_alerts_follow_the_seasons_and_come_from_those_who_give_them(years: Runtime) -> None:
    with years.database.read() as unit:
        rows = unit.session.execute(
            select(Alert.received_at, Organisation.slug).outerjoin(
                Organisation, Organisation.id == Alert.organisation_id
            )
        ).all()
    months = Counter(at.month for at, _ in rows if at < TODAY.replace(day=1))
    mean = sum(months.values()) / 12

    assert 1.2 <= sum(months[month] for month in (11, 12, 1, 2, 3)) / 5 / mean <= 1.55
    assert 0.35 <= months[8] / mean <= 0.65
    for source in figures().sources:
        given = sum(bool(slug and slug.startswith(source.slug)) if source.slug else slug is None for _, slug in rows)
        assert given / len(rows) == pytest.approx(source.share / 100, abs=0.05), source.name


def test_the_funnel_is_that_of_the_figures(years: Runtime) -> None:
    expected = figures().funnel
    with years.database.read() as unit:
        found = _Funnel(unit)

    shares = {
        "in_territory_and_new": (found.new, found.alerts),
        "eligible": (found.accepted, found.new),
        "contacted": (found.contacted, found.accepted),
        "agrees": (found.agreed, found.contacted),
        "visited": (found.visited, found.agreed),
        "reported": (found.reported, found.visited),
        "oriented": (found.oriented, found.reported),
        "accepted": (found.requests_accepted, found.requests),
        "done_in_a_year": (found.done, found.requests_accepted),
    }
    for name, (came, of) in shares.items():
        assert came / of == pytest.approx(getattr(expected, name), abs=0.07), name
    assert found.visited / found.alerts == pytest.approx(expected.alert_to_visit, abs=0.05)
    assert found.first_requests / found.oriented == pytest.approx(1.9, abs=0.2)
    assert median(found.waits) == pytest.approx(28, abs=5)
    assert quantiles(found.waits, n=10)[-1] == pytest.approx(70, abs=12)


class _Funnel:
    """How many of the cases whose year is over came to each step."""

    def __init__(self, unit: UnitOfWork) -> None:
        self.unit = unit
        old = select(Case.id).where(Case.opened_at < TODAY - timedelta(days=400))
        self.of_old = Case.id.in_(old)
        self.alerts = self.cases(select(Case.id))
        not_new = [RejectionReason.DUPLICATE, RejectionReason.OUT_OF_TERRITORY]
        self.new = self.cases(select(Case.id).where(Case.outcome.is_(None) | Case.outcome.not_in(not_new)))
        self.accepted = self.cases(select(Event.case_id).where(Event.type == "case.accepted"))
        answered = [CallResult.REACHED, CallResult.REFUSED]
        self.contacted = self.cases(select(Call.case_id).where(Call.result.in_(answered)))
        self.agreed = self.cases(select(Visit.case_id))
        self.visited = self.cases(select(Visit.case_id).where(Visit.state == VisitState.HELD))
        self.reported = self.cases(select(Event.case_id).where(Event.type == "report.delivered"))
        self.oriented = self.cases(select(Referral.case_id))
        referrals = unit.session.scalars(select(Referral).where(Referral.case_id.in_(old))).all()
        self.requests = len(referrals)
        self.first_requests = sum(referral.replaces_id is None for referral in referrals)
        accepted = [referral for referral in referrals if referral.answered_at and referral.state != "declined"]
        self.requests_accepted = len(accepted)
        self.done = sum(referral.state == "completed" for referral in accepted)
        held = select(Case.opened_at, Visit.starts_at).join(Visit, Visit.case_id == Case.id)
        rows = unit.session.execute(held.where(Visit.state == VisitState.HELD, Visit.ordinal <= 2, self.of_old)).all()
        self.waits = [(at - opened).total_seconds() / 86_400 for opened, at in rows if (at - opened).days < 120]

    def cases(self, which: Select[UUID]) -> int:
        """How many of them are among these."""
        query = select(func.count()).select_from(Case).where(self.of_old, Case.id.in_(which))
        return self.unit.session.scalar(query) or 0


def test_what_was_lent_comes_back_even_after_its_case_ended(
    runtime: Runtime, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.at = TODAY
    command.prepare(runtime, "M", years=1, today=TODAY.date())
    none_reported = figures().funnel.model_copy(update={"reported": 0.0})
    said = figures().model_copy(update={"lent": 1.0, "funnel": none_reported})
    monkeypatch.setattr(courses, "figures", lambda: said)

    past = population.past_of(runtime.database, SLUG, SMALL, until=TODAY)
    over = [(life.case, loan) for month in past.months() for life in month.over for loan in life.rows["loan"]]

    assert all(loan["returned_on"] for _, loan in over)
    assert any(loan["returned_on"] > case["closed_at"].date() for case, loan in over)


def test_a_row_written_among_many_is_read_as_it_was(database: Database) -> None:
    made = a_programme("0" * 12, zone=ZoneInfo("Indian/Reunion"))
    said = {column.name: getattr(made, column.name) for column in made.__table__.columns}
    told = {name: value for name, value in said.items() if value is not None}
    now = datetime.now(UTC)
    version = {"hash": "0" * 12, "name": "slime", "version": 1, "body": {"tasks": []}, "published_at": now}

    with database.write("test") as unit:
        bulk.insert(unit, {"pathway_version": [version], "programme": [told]})

    with database.read() as unit:
        programme = unit.session.get_one(Programme, made.id)
        assert {name: getattr(programme, name) for name in told} == told
        assert unit.session.get_one(PathwayVersion, "0" * 12).published_at == now


def test_a_database_that_has_its_past_gets_no_second_one(years: Runtime) -> None:
    with pytest.raises(Setup, match="déjà un passé"):
        command.prepare(years, "M", years=1, today=TODAY.date())


# --- What pages count of it


def coordinator(unit: UnitOfWork) -> Actor:
    programme = unit.session.scalars(select(Programme).where(Programme.slug == SLUG)).one()
    return Actor("person", None, programme.id, Role.COORDINATOR)


def listed(unit: UnitOfWork, actor: Actor, filters: Filters) -> int:
    """How many cases the list of these filters holds, counted one by one."""
    return len({found.id for found in listing.cases(unit, actor, filters).all(unit)})


def test_every_number_of_the_pipeline_is_that_of_its_list(years: Runtime) -> None:
    with years.database.read() as unit:
        actor = coordinator(unit)
        operators = unit.session.scalars(select(Organisation.id).where(Organisation.kind == "operator")).all()
        for narrowed in (Filters(), Filters(operator_id=operators[0])):
            board = pipeline.board(unit, actor, narrowed)
            assert board.total == listed(unit, actor, narrowed.but(open_only=True)) > 0
            for column in board.columns:
                found = [*listing.cases(unit, actor, column.filters).all(unit)]
                assert column.count == len(found)
                assert column.late == listed(unit, actor, column.filters.but(late=True))
                assert column.soon == listed(unit, actor, column.filters.but(within=pipeline.DAYS))
                ages = [(unit.now - each.opened_at).total_seconds() / 86400 for each in found]
                assert column.age_days == (int(median(ages)) if ages else None)
                for side in column.waiting:
                    assert side.cases == listed(unit, actor, side.filters)
                    assert side.late == listed(unit, actor, side.filters.but(late=True))


def test_the_path_blocks_where_most_are_late_and_waits_for_whom_most_of_these_wait(years: Runtime) -> None:
    with years.database.read() as unit:
        board = pipeline.board(unit, coordinator(unit), Filters())
        assert board.block is not None
        column, side = board.block

        assert column.late == max(each.late for each in board.columns)
        assert side.late == max(each.late for each in column.waiting)
        assert side.since is not None
        assert side.since < unit.now


def test_the_cards_are_the_first_of_their_list_each_case_once(years: Runtime) -> None:
    with years.database.read() as unit:
        actor = coordinator(unit)
        for column in pipeline.board(unit, actor, Filters()).columns:
            soon = listing.owed(unit, actor, column.filters.but(within=pipeline.DAYS)).all(unit)
            ordered = sorted(soon, key=lambda task: (task.kind != DANGER, task.due_at))
            cases = list(dict.fromkeys(task.case_id for task in ordered))
            assert {card.case_id for card in column.cards} == set(cases[: pipeline.CARDS])


def test_every_figure_is_that_of_its_list_and_none_is_about_fewer_than_five(years: Runtime) -> None:
    with years.database.read() as unit:
        actor = coordinator(unit)
        (commune,) = unit.session.execute(
            select(Dwelling.commune_code).group_by(Dwelling.commune_code).order_by(func.count().desc()).limit(1)
        ).one()
        year = last_year(unit, actor)
        for asked in (year, year.but(commune=commune), year.but(opened_from=TODAY.date() - timedelta(days=40))):
            found = figures_of(unit, actor, asked)
            told = [each for each in (*found.funnel, *found.ages, *found.seasons) if each.count is not None]
            assert all(each.count == listed(unit, actor, each.filters) for each in told)
            assert all(each.count == 0 or each.count >= FEWEST for each in told if each.count is not None)


def test_the_figures_of_three_years_are_those_of_the_field(years: Runtime) -> None:
    with years.database.read() as unit:
        actor = coordinator(unit)
        found = figures_of(unit, actor, Filters(opened_from=date(2024, 1, 1), opened_to=date(2026, 6, 30)))
        visited = next(each for each in found.funnel if each.code == "visited")
        delay = next(each for each in found.delays if each.code == "visited")
        counts = [each.count for each in found.funnel if each.count is not None]

        assert counts == sorted(counts, reverse=True)
        assert visited.count is not None
        assert found.total is not None
        assert 0.45 < visited.count / found.total < 0.7
        assert delay.median is not None
        assert delay.ninth is not None
        assert delay.median < delay.ninth

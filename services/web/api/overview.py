"""What a person sees of many cases at once, through the API: the questions of the pages, so the same counts."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from models.engine import Message
from models.vocabulary import Party, Stage
from services import search
from services.correspondence import messages
from services.foundation.database import UnitOfWork
from services.overview import desk, figures, owing, pipeline, timeline
from services.overview.figures import Count
from services.overview.owing import Debtor, Owed
from services.overview.pipeline import Column
from services.rules.policy import Actor, Right, readable, require, rights
from services.rules.published import calendar_of, pathway_of
from services.rules.titles import task_title
from services.web.api import reading
from services.web.api.answers import Matches
from services.web.api.edge import Reads
from services.web.api.narrowing import Narrowed
from services.web.api.overview_answers import (
    Day,
    DayLine,
    DebtorLine,
    DelayLine,
    FigureLine,
    FiguresAnswer,
    OwedLine,
    Owing,
    ReturnedLine,
    StageLine,
    Stages,
    Story,
    StoryLine,
    WaitingLine,
)

TAG: Final = "Vue d’ensemble"
router = APIRouter(tags=[TAG])


class Paged(Narrowed):
    """The same, one page after another."""

    page: int = Field(1, ge=1, description="Page, à partir de 1")


class Words(BaseModel):
    """What a case is looked for by: in the body, since a name never stands in an address."""

    words: str = Field(min_length=2, max_length=100, description="Début d’un nom ou d’une rue, téléphone, référence")
    page: int = Field(1, ge=1, description="Page, à partir de 1")


Asked = Annotated[Narrowed, Query()]
AskedPage = Annotated[Paged, Query()]


@router.get("/today", summary="Lire ce qui est à faire")
def read_today(reads: Reads, asked: AskedPage) -> Day:
    """Une ligne par situation, dans l’ordre de la page « À faire aujourd’hui »."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        found = desk.today(unit, actor, asked.filters, number=asked.page)
        return Day(
            items=[_todo(each) for each in found.lines.rows],
            page=found.lines.number,
            total=found.lines.total,
            alone=found.alone,
            letters=found.letters,
            came_back=[_returned(each) for each in messages.came_back(unit, actor)]
            if Right.DIRECTORY in rights(actor)
            else [],
        )


@router.get("/owing", summary="Lire qui doit quoi")
def read_owing(reads: Reads, asked: AskedPage) -> Owing:
    """Ce qui est attendu des autres, groupé par qui le doit, le plus ancien d’abord."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        found = owing.page(unit, actor, asked.filters, asked.page)
        return Owing(
            debtors=[_debtor(unit, actor, found, each) for each in found.debtors.values()],
            page=found.page.number,
            total=found.page.total,
        )


@router.get("/stages", summary="Compter les situations ouvertes par étape")
def read_stages(reads: Reads, asked: Asked) -> Stages:
    """Chaque nombre est celui de la liste des situations avec les mêmes critères."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        board = pipeline.board(unit, actor, asked.filters)
        return Stages(items=[_stage(each) for each in board.columns], total=board.total)


@router.get("/figures", summary="Lire les chiffres d’une période")
def read_figures(reads: Reads, asked: Asked) -> FiguresAnswer:
    """Des situations ouvertes dans la période ; sans dates, les douze derniers mois."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        period = asked.filters
        if period.opened_from is None and period.opened_to is None:
            year = figures.last_year(unit, actor)
            period = period.but(opened_from=year.opened_from, opened_to=year.opened_to)
        found = figures.figures(unit, actor, period)
        return FiguresAnswer(
            opened_from=period.opened_from,
            opened_to=period.opened_to,
            total=found.total,
            open_cases=found.open_cases,
            received=[_figure(each) for each in found.received],
            gaps=[_figure(each) for each in found.gaps],
            funnel=[_figure(each) for each in found.funnel],
            delays=[DelayLine(code=each.code, median=each.median, ninth=each.ninth) for each in found.delays],
            ages=[_figure(each) for each in found.ages],
            seasons=[_figure(each) for each in found.seasons],
        )


@router.post("/cases/search", summary="Chercher une situation")
def search_cases(reads: Reads, form: Words) -> Matches:
    """Parmi celles que vous pouvez lire, de la plus récente à la plus ancienne, mille au plus : les dernières
    enregistrées. Notée, sans ses mots.
    """
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        require(actor, Right.READ)
        found = search.search(unit, actor, form.words).page(unit, form.page)
        answer = Matches(items=reading.lines(unit, found.rows), page=found.number, total=found.total)
    with reads.runtime.database.write("access") as unit:
        search.note(unit, actor, answer.total)
    return answer


@router.get("/cases/{case_id}/timeline", summary="Lire l’histoire d’une situation")
def read_timeline(reads: Reads, case_id: UUID) -> Story:
    """Ce qui est arrivé, les messages et ce qu’ils sont devenus, les notes. La lecture est notée."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        case = readable(unit, actor, case_id)
        entries = timeline.of_case(unit, actor, case, calendar_of(unit, case.programme_id).zone)
    reads.note(actor, "case.read", case_id)
    return Story(
        items=[
            StoryLine(
                at=each.at,
                kind=each.kind,
                text=each.text,
                by=each.by,
                state=each.chip.text if each.chip else "",
                why=each.why,
                quote=each.quote,
                message_id=each.message_id,
            )
            for each in entries
        ]
    )


def _todo(todo: desk.Todo) -> DayLine:
    return DayLine(
        case_id=todo.case.id,
        number=todo.case.number,
        stage=Stage(todo.case.stage),
        commune=todo.case.dwelling.commune.name,
        task_id=todo.task.id,
        kind=todo.task.kind,
        title=todo.title,
        due_at=todo.task.due_at,
        waiting_for=todo.waiting_for,
        phone=todo.phone,
        reasons=list(todo.reasons),
        doubt_id=todo.doubt,
    )


def _returned(message: Message) -> ReturnedLine:
    """By its organisation or its party, since an address may say who the household is."""
    case = message.of_case
    return ReturnedLine(
        message_id=message.id,
        case_id=case.id,
        number=case.number,
        party=Party(message.party),
        organisation_id=message.organisation_id,
    )


def _debtor(unit: UnitOfWork, actor: Actor, found: Owed, debtor: Debtor) -> DebtorLine:
    whom = debtor.whom
    same = [task for task in found.page.rows if owing.whom_of(actor, task) == whom]
    return DebtorLine(
        party=Party(whom.party),
        organisation_id=whom.organisation_id,
        person_id=whom.person_id,
        name=debtor.name,
        phone=debtor.phone,
        due=debtor.due,
        late=debtor.late,
        oldest=debtor.oldest,
        last_mail_at=debtor.last_mail,
        next_mail_at=debtor.next_mail,
        items=[
            OwedLine(
                task_id=task.id,
                case_id=task.case_id,
                number=task.case.number,
                kind=task.kind,
                title=task_title(pathway_of(unit, task.case.pathway_hash), task.kind),
                due_at=task.due_at,
                next_reminder_at=found.reminders.get(task.id),
            )
            for task in same
        ],
    )


def _stage(column: Column) -> StageLine:
    return StageLine(
        stage=column.stage,
        count=column.count,
        late=column.late,
        soon=column.soon,
        age_days=column.age_days,
        waiting=[
            WaitingLine(
                party=each.party,
                organisation_id=each.organisation_id,
                name=each.name,
                cases=each.cases,
                late=each.late,
                since=each.since,
            )
            for each in column.waiting
        ],
    )


def _figure(count: Count) -> FigureLine:
    return FigureLine(code=count.code, count=count.count)

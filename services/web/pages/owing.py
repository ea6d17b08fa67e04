"""Who owes what by when: what is awaited, from whom, since when, with whom to call and the acts that unblock it."""

from collections import Counter
from itertools import groupby
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.engine import Task
from models.vocabulary import Channel, MessageState, Party, Role
from services.cases import reminding
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.listing import Filters
from services.overview import desk, owing
from services.overview.owing import Debtor, Owed
from services.rules.policy import Right, note_access, rights
from services.rules.published import calendar_of, pathway_of
from services.rules.texts.labels import label, message_label
from services.rules.titles import text_title, title_of
from services.web.pages import answers, bulk, exporting
from services.web.pages.lists import Asked, pages_of
from services.web.pages.next_acts import acts_of, handling_of
from services.web.pages.visitor import SignedIn, Visitor
from services.web.rendering import Link

router = APIRouter(include_in_schema=False)
HERE: Final = "/qui-doit-quoi"
SIDES: Final[dict[Party | None, str]] = {
    None: "Tous",
    Party.PARTNER: "Partenaires",
    Party.OPERATOR: "Opérateurs",
    Party.ALERT_GIVER: "Donneurs d’alerte",
}
COLUMNS: Final = ("Qui", "Téléphone", "Situation", "Commune", "Ce qui est attendu", "Depuis le", "Avant le", "Retard")


@router.get(HERE)
def owed(request: Request, visitor: SignedIn, asked: Asked, page: int = 1, fait: str = "") -> Response:
    """By partner and operator, the oldest first."""
    if Right.READ not in rights(visitor.actor):
        raise NotFound
    here = asked.address(HERE) if page == 1 else asked.address(HERE, page=page)
    with visitor.runtime.database.read() as unit:
        found = owing.page(unit, visitor.actor, asked, page)
        groups = [
            _group(unit, visitor, found, found.debtors[whom], list(tasks), asked, here)
            for whom, tasks in groupby(found.page.rows, lambda task: owing.whom_of(visitor.actor, task))
        ]
        only = desk.organisation_name(unit, asked.organisation_id) if asked.organisation_id else ""
        history = _history(unit, visitor, asked)
        lot = bulk.offered(unit, visitor, here)
    return answers.page(
        request,
        "owing.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        total=found.page.total,
        late=found.late,
        late_href=asked.but(late=True).address(HERE),
        only_late=asked.late,
        all_href=asked.but(late=False).address(HERE),
        only=only,
        everybody_href=asked.but(organisation_id=None).address(HERE),
        groups=groups,
        tabs=_tabs(visitor, asked, found.sides),
        history=history,
        lot=lot,
        pages=pages_of(found.page, asked, HERE),
        files=[{"label": kind.upper(), "href": asked.address(f"{HERE}.{kind}")} for kind in exporting.KINDS],
    )


def _tabs(visitor: Visitor, asked: Filters, counts: Counter[str]) -> list[Link]:
    """Each with what its list counts."""
    words = dict(SIDES)
    if visitor.actor.role is Role.OPERATOR:
        words[Party.OPERATOR] = "Mon équipe"
    return [
        Link(words[party], asked.but(party=party).address(HERE), current=asked.party is party,
             count=counts[party] if party else counts.total())
        for party in SIDES
    ]  # fmt: skip


def _group(  # noqa: PLR0917 - a group is these things
    unit: UnitOfWork, visitor: Visitor, found: Owed, debtor: Debtor, tasks: list[Task], asked: Filters, here: str
) -> dict[str, Any]:
    whom = debtor.whom
    narrowed = asked.but(organisation_id=whom.organisation_id, person_id=whom.person_id)

    def told(at: Any) -> str:
        return wording.moment(at, visitor.zone, today=visitor.today) if at else ""

    return {
        "name": debtor.name,
        "side": label("party", whom.party),
        "phone": debtor.phone,
        "due": debtor.due,
        "late": debtor.late,
        "href": narrowed.address(HERE) if whom.organisation_id and narrowed != asked else "",
        "last_mail": told(debtor.last_mail),
        "next_mail": told(debtor.next_mail),
        "lines": [_line(unit, visitor, task, found, here) for task in tasks],
    }


def _line(unit: UnitOfWork, visitor: Visitor, task: Task, found: Owed, here: str) -> dict[str, Any]:
    case = task.case
    due = wording.chip(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    reminder = found.reminders.get(task.id)
    acts, handling = acts_of(unit, visitor.actor, task, back=here), handling_of(unit, visitor.actor, task, back=here)
    remind = handling[:1] if reminding.may_remind(visitor.actor, task) else []
    others = handling[len(remind) :]
    return {
        "task": task.id,
        "due": {"text": due.text, "tone": due.tone.value},
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "commune": case.dwelling.commune.name,
        "stage": case.stage,
        "say": _what(unit, task),
        "since": wording.day(task.opened_at.astimezone(visitor.zone).date(), today=visitor.today),
        "reminder": wording.day(reminder.astimezone(visitor.zone).date(), today=visitor.today) if reminder else "",
        "acts": [*acts[:1], *remind],
        "handling": [*acts[1:], *others],
        "into": f"acte-{task.id}",
    }


def _what(unit: UnitOfWork, task: Task) -> str:
    return title_of(pathway_of(unit, task.case.pathway_hash), task)


def _history(unit: UnitOfWork, visitor: Visitor, asked: Filters) -> list[dict[str, str]]:
    if asked.organisation_id is None:
        return []
    return [
        {
            "at": wording.moment(each.done_at or each.created_at, visitor.zone, today=visitor.today),
            "what": text_title(each.text),
            "reference": each.case.number,
            "href": f"/situations/{each.case_id}",
            "state": message_label(MessageState(each.state), Channel(each.channel)),
        }
        for each in owing.history(unit, visitor.actor, asked.organisation_id)
        if each.case is not None
    ]


@router.get(f"{HERE}.{{kind}}")
def export(visitor: SignedIn, asked: Asked, kind: str) -> Response:
    """The same list as a file; who took it is written down."""
    if kind not in exporting.KINDS or Right.READ not in rights(visitor.actor):
        raise NotFound
    with visitor.runtime.database.read() as unit:
        rows = [_row(unit, visitor, task) for task in owing.owed(unit, visitor.actor, asked).all(unit)]
    with visitor.runtime.database.write("access") as unit:
        note_access(unit, visitor.actor, f"export {HERE}", case_id=None)
    return exporting.file(kind, f"qui-doit-quoi-{visitor.today.isoformat()}", COLUMNS, rows)


def _row(unit: UnitOfWork, visitor: Visitor, task: Task) -> tuple[str, ...]:
    organisation, person = task.organisation, task.person
    late = wording.chip(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    return (
        (organisation.name if organisation else "") or (person.name if person else ""),
        wording.phone(organisation.phone) if organisation and organisation.phone else "",
        task.case.number,
        task.case.dwelling.commune.name,
        _what(unit, task),
        task.opened_at.astimezone(visitor.zone).date().isoformat(),
        task.due_at.astimezone(visitor.zone).date().isoformat(),
        late.text if task.due_at < unit.now else "",
    )

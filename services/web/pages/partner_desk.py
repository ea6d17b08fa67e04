"""All that waits at one partner, behind the link of any of his requests: read at once, answered at once.

Each answer is its own act in its own transaction: what is refused says why, the others stand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.datastructures import FormData
from starlette.responses import Response

from models.engine import Task
from models.programmes import Programme
from models.vocabulary import Source
from services import forms
from services.cases import partner_team, partner_work
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, GuardRefused, InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.links import holder_of, open_task_link, task_url
from services.rules.policy import Actor
from services.rules.published import calendar_of, today_of
from services.rules.texts.labels import choices, label
from services.web.browsers import Limited
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, moment, read
from services.web.pages.presence import WEEK
from services.web.pages.task_link import thanks_at, zone_of
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter(include_in_schema=False)


class Named(forms.Form):
    """One thing of a list."""

    id: UUID


KINDS: Final = {
    "accept": "answer_referral",
    "decline": "answer_referral",
    "propose": "answer_referral",
    "report_progress": "report_outcome",
    "complete": "report_outcome",
    "pass_on": "",
}
"""The answers of the page, and the kind of task that each answers (empty: any)."""
ANSWERS: Final = partner_work.SAYS | {"pass_on": (forms.PassOn, partner_team.pass_on)}
Habit = Callable[[UnitOfWork, Hand, UUID, Any], object]
HABITS: Final[dict[str, tuple[type[forms.Form], Habit]]] = {
    "complet": (partner_team.FullForm, partner_team.say_full),
    "emails": (partner_team.PreferenceForm, partner_team.prefer),
    "collegue": (partner_team.ColleagueForm, partner_team.add_colleague),
    "absence": (partner_team.GoneForm, partner_team.be_away),
    "fin-collegue": (Named, lambda unit, hand, partner, form: partner_team.end_colleague(unit, hand, partner, form.id)),
    "retour": (Named, lambda unit, hand, partner, form: partner_team.be_back(unit, hand, partner, form.id)),
}
"""What a partner says of his people and habits, by the last word of its address."""
COMMON: Final = "Votre adresse commune"
SAID: Final = {
    "complet": "C’est noté : la coordination le voit dans l’annuaire.",
    "emails": "Vos préférences sont enregistrées.",
    "collegue": "Votre collègue est ajouté.",
    "absence": "L’absence est notée.",
    "fin-collegue": "Votre collègue est retiré.",
    "retour": "L’absence est annulée.",
}


@dataclass(frozen=True)
class Outcome:
    """What became of each request that was ticked."""

    done: int
    refused: Sequence[tuple[str, str]]  # reference, sentence


@router.get("/l/{token}/toutes")
def show(request: Request, runtime: Here, token: str) -> Response:
    """Every request that waits here. Reading changes nothing."""
    return _page(request, runtime, token, answers.blank())


@router.post("/l/{token}/toutes", dependencies=[Limited])
def answer(request: Request, runtime: Here, token: str, data: Entered) -> Response:
    """One answer for all that are ticked."""
    chosen, _, colleague = str(data.get("answer", "")).partition(":")
    ticked = {str(each) for each in data.getlist("task")}
    try:
        tasks = _ticked(runtime, token, ticked, chosen)
        given: dict[str, Any] = {"colleague_id": colleague} if chosen == "pass_on" else {}
        if chosen == "propose":
            given["meets_at"] = moment(data, zone_of(runtime, token), day="meets_at", hour="meets_hour")
        form = read(ANSWERS[chosen][0], data, note=str(data.get("note", "")), on_behalf=None, **given)
    except Mistakes as mistakes:
        again = Form(kept(data), mistakes.errors)
        return _page(request, runtime, token, again, ticked=ticked, status=422)
    outcome = _answer(runtime, data, chosen, form, tasks)
    _let_the_engine_follow(request, runtime, tasks)
    rest = _first_left(runtime, tasks)
    if rest is None:
        return answers.see(thanks_at(runtime, token, "all"))
    return _page(request, runtime, rest, answers.blank(), outcome=outcome)


@router.post("/l/{token}/toutes/{habit}", dependencies=[Limited])
def say(request: Request, runtime: Here, token: str, habit: str, data: Entered) -> Response:
    """What the partner says of his people and habits."""
    if habit not in HABITS:
        raise NotFound
    model, act = HABITS[habit]
    try:
        form = read(model, data)
        with runtime.database.write("partner_habit") as unit:
            actor, own = open_task_link(unit, runtime, token, held=True)
            if own.referral_id is None or own.organisation_id is None:
                raise NotFound
            act(unit, Hand(actor, Source.LINK), own.organisation_id, form)
    except Mistakes as mistakes:
        again = Form(kept(data), mistakes.errors)
        return _page(request, runtime, token, again, status=422, opened=habit)
    except (InvalidInput, GuardRefused) as refusal:
        again = Form(kept(data), mistakes_of(refusal))
        return _page(request, runtime, token, again, status=422, opened=habit)
    return answers.see(f"/l/{token}/toutes", habit)


def _ticked(runtime: Runtime, token: str, ticked: set[str], chosen: str) -> list[tuple[UUID, str]]:
    if chosen not in KINDS or not ticked:
        raise Mistakes({"": "Cochez au moins une demande, puis choisissez une réponse."})
    kind = KINDS[chosen]
    with runtime.database.read() as unit:
        _, own = open_task_link(unit, runtime, token)
        found = [task for task in partner_work.waiting(unit, own) if str(task.id) in ticked and kind in {"", task.kind}]
        if not found:
            raise Mistakes({"": "Cette réponse ne convient pas aux demandes cochées."})
        return [(task.id, task.case.number) for task in found]


def _answer(runtime: Runtime, data: FormData, chosen: str, form: Any, tasks: list[tuple[UUID, str]]) -> Outcome:
    refused = []
    for task_id, reference in tasks:

        def act(unit: UnitOfWork, task_id: UUID = task_id) -> None:
            task = unit.session.get_one(Task, task_id)
            if task.referral_id is None:
                raise NotFound
            ANSWERS[chosen][1](unit, Hand(holder_of(unit, task), Source.LINK), task.referral_id, form)

        try:
            answers.act_once(runtime, data, actor="link", route=f"l/{task_id.hex}", act=act)
        except CaseworkError as refusal:
            refused.append((reference, refusal.sentence))
    return Outcome(len(tasks) - len(refused), refused)


def _let_the_engine_follow(request: Request, runtime: Runtime, tasks: list[tuple[UUID, str]]) -> None:
    """A request handed to a colleague has another task, hence another link, once the engine has seen it."""
    with runtime.database.read() as unit:
        found = unit.session.scalars(select(Task.case_id).where(Task.id.in_([task_id for task_id, _ in tasks])))
        cases = set(found)
    for case_id in cases:
        answers.wait_for_engine(request, case_id)


def _first_left(runtime: Runtime, tasks: list[tuple[UUID, str]]) -> str | None:
    """The link that goes on opening this page: the one that was used may have ended with its request."""
    with runtime.database.read() as unit:
        task = unit.session.get_one(Task, tasks[0][0])
        left = partner_work.waiting(unit, task)
        return task_url(runtime, left[0]).rpartition("/")[2] if left else None


def _page(
    request: Request, runtime: Runtime, token: str, form: Form, *,
    ticked: set[str] | None = None, outcome: Outcome | None = None, status: int = 200, opened: str = "",
) -> Response:  # fmt: skip
    with runtime.database.read() as unit:
        actor, own = open_task_link(unit, runtime, token)
        if own.referral_id is None:
            raise NotFound
        programme = unit.session.get_one(Programme, own.programme_id)
        waiting = partner_work.waiting(unit, own)
        names = partner_team.in_charge(unit, [task.referral_id for task in waiting if task.referral_id])
        rows = [_row(unit, runtime, task, names) for task in waiting]
        context = {
            "shell": Shell(dispositif=programme.public_name),
            "partner": actor.name,
            "phone": programme.phone,
            "today": today_of(unit, programme.id),
            "to_answer": [row for row in rows if row["kind"] == "answer_referral"],
            "to_report": [row for row in rows if row["kind"] == "report_outcome"],
            **_habits(unit, actor),
        }
    return answers.page(
        request, "partner_desk.html", status=status, form=form, action=f"/l/{token}/toutes", ticked=ticked or set(),
        blank=answers.blank(), outcome=outcome, reasons=choices("decline_reason"), opened=opened,
        outcomes=choices("referral_outcome"),
        said="" if opened else SAID.get(request.query_params.get("fait", ""), ""), **context,
    )  # fmt: skip


def _habits(unit: UnitOfWork, actor: Actor) -> dict[str, Any]:
    """What is known of the partner's people and habits, in words."""
    if actor.organisation_id is None:
        raise NotFound
    found = partner_team.team(unit, actor, actor.organisation_id)
    names = {each.id: each.name for each in found.colleagues}
    return {
        "services": [(str(each.id), each.name) for each in found.services],
        "full": [f"{each.name} : complet jusqu’au {wording.day(each.full_until)}"
                 for each in found.services if each.full_until],
        "names": [(str(each.id), each.name) for each in found.colleagues],
        "colleagues": [(str(each.id), each.name, each.email) for each in found.colleagues],
        "absences": [
            (str(each.id), names.get(each.colleague_id, COMMON) if each.colleague_id else COMMON,
             f"du {wording.day(each.first_on)} au {wording.day(each.last_on)}",
             names.get(each.delegate_id, COMMON) if each.delegate_id else COMMON)
            for each in found.absences
        ],
        "gathered": found.gathered,
        "weekdays": [str(day) for day in sorted(found.weekdays)],
        "days": [(str(day), name) for day, name in enumerate(WEEK)],
    }  # fmt: skip


def _row(unit: UnitOfWork, runtime: Runtime, task: Task, names: Mapping[UUID, str]) -> dict[str, Any]:
    zone = task.case.programme.zone
    due = wording.chip_beside(task.due_at, unit.now, calendar_of(unit, task.programme_id))
    referral = task.referral
    return {
        "id": str(task.id),
        "kind": task.kind,
        "reference": task.case.number,
        "commune": task.case.dwelling.commune.name,
        "theme": label("theme_mail", referral.need.theme) if referral else "",
        "who": names.get(task.referral_id, "") if task.referral_id else "",
        "urgent": referral.urgent if referral else False,
        "before": wording.day(task.due_at.astimezone(zone).date(), today=today_of(unit, task.programme_id)),
        "due": {"text": due.text, "tone": due.tone.value} if due else None,
        "href": task_url(runtime, task).removeprefix(runtime.settings.public_url),
    }

"""Delays and ladders on screen: read, changed in one form, what that would change, published, open cases moved."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import yaml
from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from models.pathway import Pathway
from models.programmes import Programme
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInputs
from services.foundation.tokens import new_token
from services.programme import publishing
from services.programme.publishing import CaseMove, Changes, Overtaken, Publishing
from services.rules import adjusting
from services.rules.adjusting import OFF, ON, Setting
from services.rules.comparison import owner
from services.rules.titles import task_title, what_to_do
from services.web.pages import answers
from services.web.pages.entries import kept
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
SECTION: Final = "/reglages"
HERE: Final = "/reglages/delais"
SHOWN: Final = 25
"""Cases on a page of what would change."""
UNIT: Final = ".unit"


PageNumber = Annotated[int, Query(alias="page", ge=1, le=9999)]


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """The pathway in force in words, stage by stage, and who published what."""
    with visitor.runtime.database.read() as unit:
        standing = publishing.standing(unit, visitor.actor)
        reach = publishing.reach(unit, _programme(unit, visitor), standing.pathway)
    pathway = standing.pathway
    settings = _by_place(pathway)
    return answers.page(
        request,
        "pathway.html",
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        name=pathway.name,
        version=pathway.version,
        source=pathway.source,
        counts=[(each.words, each.value) for each in settings["counts"]],
        stages=[_stage(pathway, settings, *stage) for stage in adjusting.stages(pathway)],
        history=[
            {
                "version": each.version,
                "when": _when(visitor, each.at),
                "by": each.by,
                "replaced": each.replaced,
            }
            for each in standing.history
        ],
        behind=reach.following,
    )


@router.get(HERE + "/parcours.yaml")
def download(visitor: SignedIn) -> Response:
    """The definition in force, as a file that `relais pathway` reads."""
    with visitor.runtime.database.read() as unit:
        pathway = publishing.standing(unit, visitor.actor).pathway
    content = pathway.model_dump(mode="json", exclude_defaults=True)
    written = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)
    name = f"{pathway.name}-{pathway.version}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written, media_type="application/yaml", headers=headers)


@router.get(HERE + "/modifier")
def edit(request: Request, visitor: SignedIn) -> Response:
    """One form for every count and delay, and for what leaves."""
    with visitor.runtime.database.read() as unit:
        pathway = publishing.standing(unit, visitor.actor).pathway
    return _form(request, visitor, pathway, answers.blank())


@router.post(HERE + "/apercu")
def preview(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """What would change, in words and for the open cases; nothing is kept."""
    return _preview(request, visitor, data)


@router.post(HERE + "/publier")
def publish(request: Request, visitor: SignedIn, data: Entered) -> Response:
    """Put it in force; move the open cases when that was chosen."""
    with visitor.runtime.database.read() as unit:
        changes = _changes(data, publishing.standing(unit, visitor.actor).pathway)
    form = Publishing(started_from=str(data.get("started_from") or "-"), changes=changes)
    try:
        visitor.once(data, "reglages/delais/publier", lambda unit: publishing.adjust(unit, visitor.hand, form))
    except (Overtaken, InvalidInputs, GuardRefused) as refused:
        return _preview(request, visitor, data, refusal=refused.sentence)
    if data.get("open_cases") != "move":
        return answers.see(HERE, "parcours-publie")
    return _asked_to_move(visitor, data)


@router.get(HERE + "/situations")
def behind(request: Request, visitor: SignedIn, fait: str = "", number: PageNumber = 1) -> Response:
    """The open cases that follow another version, and what moving them would change."""
    with visitor.runtime.database.read() as unit:
        pathway = publishing.standing(unit, visitor.actor).pathway
        programme = _programme(unit, visitor)
        reach = publishing.reach(unit, programme, pathway)
        moves = publishing.preview_page(unit, programme, pathway, number=number, size=SHOWN)
    return answers.page(
        request,
        "pathway_open.html",
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        reach=reach,
        is_moving=programme.moving_since is not None,
        version=pathway.version,
        moves=[_move(visitor, each) for each in moves],
        pages=answers.pages(reach.redated, number, SHOWN, f"{HERE}/situations?page="),
        once=new_token(),
    )


@router.post(HERE + "/situations")
def move(visitor: SignedIn, data: Entered) -> Response:
    """The relay moves them; the page says how many are left."""
    return _asked_to_move(visitor, data)


def _asked_to_move(visitor: Visitor, data: FormData) -> Response:
    visitor.once(data, "reglages/delais/situations", lambda unit: publishing.ask_to_move(unit, visitor.actor))
    return answers.see(f"{HERE}/situations")


def _preview(request: Request, visitor: Visitor, data: FormData, *, refusal: str = "") -> Response:
    number = int(typed) if (typed := str(data.get("page") or "1")).isdigit() else 1
    with visitor.runtime.database.read() as unit:
        current = publishing.standing(unit, visitor.actor).pathway
        changes = _changes(data, current)
        try:
            made, overtaken = _drafted(unit, visitor, str(data.get("started_from") or ""), changes)
        except InvalidInputs as wrong:
            form = Form(once=new_token(), entered=_entered(data, current, changes), errors=wrong.errors)
            return _form(request, visitor, current, form, status=422)
        if data.get("then") == "corriger":
            form = Form(once=new_token(), entered=_entered(data, current, changes))
            return _form(request, visitor, current, form)
        programme = _programme(unit, visitor)
        reach = publishing.reach(unit, programme, made)
        moves = publishing.preview_page(unit, programme, made, number=max(number, 1), size=SHOWN)
    refusal = refusal or overtaken
    values = {each.name: each.value for each in adjusting.settings_of(current)}
    pages = answers.pages(reach.redated, number, SHOWN, "")
    return answers.page(
        request,
        "pathway_preview.html",
        status=409 if refusal else 200,
        shell=visitor.shell(SECTION),
        form=Form(once=new_token(), errors={"": refusal} if refusal else {}),
        told=adjusting.changes_between(current, made),
        version=made.version,
        before=current.version,
        reach=reach,
        moves=[_move(visitor, each) for each in moves],
        pages=pages and {**pages, "number": number},
        started_from=_hash(visitor),
        changes=[f"{name}={said}" for name, said in changes.items() if values.get(name) != said],
    )


def _drafted(unit: UnitOfWork, visitor: Visitor, started_from: str, changes: dict[str, str]) -> tuple[Pathway, str]:
    """The changed pathway; on what somebody else published meanwhile, with a sentence that says so."""
    try:
        return publishing.draft(unit, visitor.actor, Changes(started_from=started_from, changes=changes)), ""
    except Overtaken as overtaken:
        return publishing.draft(unit, visitor.actor, Changes(changes=changes)), overtaken.sentence


def _form(request: Request, visitor: Visitor, pathway: Pathway, form: Form, *, status: int = 200) -> Response:
    settings = _by_place(pathway)
    return answers.page(
        request,
        "pathway_form.html",
        status=status,
        shell=visitor.shell(SECTION),
        form=form,
        started_from=_hash(visitor),
        counts=settings["counts"],
        stages=[_stage(pathway, settings, *stage) for stage in adjusting.stages(pathway)],
        units={each.name: adjusting.unit_choices(each) for each in adjusting.settings_of(pathway)},
        unit=UNIT,
    )


def _hash(visitor: Visitor) -> str:
    with visitor.runtime.database.read() as unit:
        return _programme(unit, visitor).pathway_hash


def _programme(unit: UnitOfWork, visitor: Visitor) -> Programme:
    return unit.session.get_one(Programme, visitor.programme_id)


# -- What was typed


def _changes(data: FormData, pathway: Pathway) -> dict[str, str]:
    """The values of the form by setting: every field of the whole form, or the changes that a page carries on."""
    if "whole" not in data:
        carried = (str(each).partition("=") for each in data.getlist("change"))
        return {name: said for name, _, said in carried}
    return {each.name: _said(data, each) for each in adjusting.settings_of(pathway)}


def _said(data: FormData, setting: Setting) -> str:
    if setting.kind in {"switch", "variant"}:
        return ON if setting.name in data else OFF
    typed = str(data.get(setting.name, "")).strip()
    if setting.optional and not typed:
        return ""
    amount = str(int(typed)) if typed.isascii() and typed.isdigit() else typed
    return f"{amount}{data.get(setting.name + UNIT, '')}" if setting.kind == "delay" else amount


def _entered(data: FormData, pathway: Pathway, changes: Mapping[str, str]) -> dict[str, Any]:
    """What to show again: as typed, or as carried on."""
    if "whole" in data:
        return kept(data)
    found: dict[str, Any] = {"whole": "1"}
    for each in adjusting.settings_of(pathway):
        said = changes.get(each.name, each.value)
        if each.kind == "delay":
            found |= {each.name: said.rstrip("dhmow"), each.name + UNIT: said.lstrip("0123456789") or each.unit}
        elif each.kind == "count" or said == ON:
            found[each.name] = said
    return found


# -- How it is told


def _by_place(pathway: Pathway) -> dict[str, list[Setting]]:
    """The settings of each task (`tasks.triage`), of each step (`ladders.answer.rungs.0`), and the counts."""
    found: dict[str, list[Setting]] = {}
    for each in adjusting.settings_of(pathway):
        length = {"tasks": 2, "ladders": 4 if "rungs" in each.place else 2}.get(str(each.place[0]), 0)
        found.setdefault(".".join(str(part) for part in each.place[:length]) or "counts", []).append(each)
    return found


def _stage(
    pathway: Pathway, settings: Mapping[str, list[Setting]], title: str, kinds: list[str], ladders: list[str]
) -> dict[str, Any]:
    return {
        "title": title,
        "tasks": [
            {
                "title": task_title(pathway, kind),
                "who": owner(pathway.tasks[kind]),
                "hint": what_to_do(pathway, kind),
                "settings": settings.get(f"tasks.{kind}", []),
                "told": [(each.words, _words(each)) for each in settings.get(f"tasks.{kind}", []) if each.is_there],
                "ladder": [adjusting.ladder_title(pathway, name) for name in pathway.tasks[kind].ladders],
            }
            for kind in kinds
        ],
        "ladders": [_ladder(pathway, settings, name) for name in ladders],
    }


def _ladder(pathway: Pathway, settings: Mapping[str, list[Setting]], name: str) -> dict[str, Any]:
    followers = [task_title(pathway, kind) for kind, rule in pathway.tasks.items() if name in rule.ladders]
    return {
        "title": adjusting.ladder_title(pathway, name),
        "followers": followers,
        "settings": settings.get(f"ladders.{name}", []),
        "told": [(each.words, _words(each)) for each in settings.get(f"ladders.{name}", [])],
        "rungs": [
            {
                "when": adjusting.rung_words(rung),
                "what": adjusting.steps_words(rung, pathway),
                "off": rung.off,
                "delays": [each for each in found if each.kind == "delay"],
                "switch": next((each for each in found if each.kind == "switch"), None),
            }
            for index, rung in enumerate(pathway.ladders[name].rungs)
            for found in (settings.get(f"ladders.{name}.rungs.{index}", []),)
        ],
    }


def _words(setting: Setting) -> str:
    return adjusting.value_words(setting.kind, setting.value)


def _move(visitor: Visitor, move: CaseMove) -> dict[str, Any]:
    return {
        "number": move.number,
        "href": f"/situations/{move.case_id}",
        "version": move.version,
        "tasks": [
            {"title": task.title, "before": _when(visitor, task.before), "after": _when(visitor, task.after)}
            for task in move.tasks
        ],
        "stays": move.stays,
    }


def _when(visitor: Visitor, instant: datetime) -> str:
    return wording.moment(instant, visitor.zone, today=visitor.today)

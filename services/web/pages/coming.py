"""The sends to come: all of the next days, by day, by reader or by case; and what a person decides of one of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from starlette.responses import Response

from models.cases import Case
from models.programmes import Organisation
from models.vocabulary import Party
from services import forms
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.overview import coming
from services.overview.coming import Departure
from services.rules.casework import Hand
from services.rules.finding import plain
from services.rules.policy import Right
from services.rules.texts.labels import choices, label
from services.web.pages import answers, coming_view
from services.web.pages.act_pages import ActPage, carry_out, show
from services.web.pages.acts import NOTE
from services.web.pages.entries import Mistakes, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form, Link

router = APIRouter(include_in_schema=False)
HERE: Final = "/envois"
PAGE: Final = 60
VIEWS: Final = {"": "Par jour", "destinataire": "Par destinataire", "situation": "Par situation"}


@router.get(HERE)
def departures(  # noqa: PLR0917 - what an address may say
    request: Request, visitor: SignedIn, vue: str = "", pour: str = "", page: int = 1, fait: str = ""
) -> Response:
    """What leaves in the next fourteen days if nothing changes."""
    view = vue if vue in VIEWS else ""
    with visitor.runtime.database.read() as unit:
        found = coming.until(unit, visitor.actor, unit.now + coming.HORIZON)
        readers = _readers(unit, found)
        chosen = [each for each in found if not pour or _key(each) == pour]
        chosen.sort(key=lambda each: _order(each, view, readers))
        number = max(1, min(page, -(-len(chosen) // PAGE)))
        shown = chosen[(number - 1) * PAGE : number * PAGE]
        lines = coming_view.lines(unit, visitor, shown, back=_address(vue=view, pour=pour))
    groups = _groups(visitor, view, shown, lines, readers)
    address = _address(vue=view, pour=pour)
    return answers.page(
        request,
        "coming.html",
        shell=visitor.shell(HERE, answers.done_words(fait)),
        total=len(chosen),
        until=(visitor.today + coming.HORIZON),
        tabs=[Link(words, _address(vue=code, pour=pour), current=code == view) for code, words in VIEWS.items()],
        readers=_choices(found, readers),
        chosen=pour,
        view=view,
        chosen_name=readers.get(pour, ""),
        held=sum(1 for line in lines if line["held"]),
        groups=groups,
        pages=answers.pages(len(chosen), number, PAGE, f"{address}{'&' if '?' in address else '?'}page="),
    )


def _address(**given: str) -> str:
    asked = {name: value for name, value in given.items() if value}
    return f"{HERE}?{urlencode(asked)}" if asked else HERE


def _key(each: Departure) -> str:
    """Who it is for, as an address says it: an organisation's id, or a party."""
    return str(each.organisation_id) if each.organisation_id else each.party.value


def _readers(unit: UnitOfWork, found: Sequence[Departure]) -> dict[str, str]:
    """How each reader is called."""
    ids = {each.organisation_id for each in found if each.organisation_id}
    rows = unit.session.execute(select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids)))
    parties = {party.value: label("party", party.value) for party in Party}
    named = {code: wording.capital(words) for code, words in parties.items()}
    return named | {str(row.id): row.name for row in rows}


def _choices(found: Sequence[Departure], readers: dict[str, str]) -> list[tuple[str, str]]:
    counts = Counter(_key(each) for each in found)
    named = sorted(counts, key=lambda key: plain(readers.get(key, "")))
    return [(key, f"{readers.get(key, '')} ({counts[key]})") for key in named]


def _order(each: Departure, view: str, readers: dict[str, str]) -> tuple[Any, ...]:
    if view == "destinataire":
        return plain(readers.get(_key(each), "")), each.at, each.case_id
    if view == "situation":
        return each.case_id, each.at
    return each.at, each.case_id


def _groups(
    visitor: Visitor, view: str, shown: Sequence[Departure], lines: list[dict[str, Any]], readers: dict[str, str]
) -> list[dict[str, Any]]:
    gathered: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for each, line in zip(shown, lines, strict=True):
        gathered[_heading(visitor, view, each, line, readers)].append(line)
    return [{"heading": heading, "lines": found} for heading, found in gathered.items()]


def _heading(visitor: Visitor, view: str, each: Departure, line: dict[str, Any], readers: dict[str, str]) -> str:
    if view == "destinataire":
        return readers.get(_key(each), str(line["to"]))
    if view == "situation":
        return f"{line['reference']} · {line['commune']}"
    on = line["on"]
    if on < visitor.today:
        return "Dès que possible"
    words = wording.day(on, today=visitor.today)
    return f"Aujourd’hui, {words}" if on == visitor.today else wording.capital(words)


# --- One step of a clock


def standing(generation: int = 0, step: int = 0) -> forms.NextStep:
    """Where the clock stood on the page that led here; checked when it is acted upon."""
    return forms.NextStep.model_construct(generation=generation, step=step)


Standing = Annotated[forms.NextStep, Depends(standing)]


def _reasons(_unit: UnitOfWork, _visitor: Visitor, _case: Case) -> list[dict[str, Any]]:
    return [{"kind": "radios", "name": "reason", "label": "Motif", "choices": choices("skip_reason")}, NOTE]


def _skipping(clock_id: UUID, step: forms.NextStep) -> ActPage:
    def do(unit: UnitOfWork, hand: Hand, case_id: UUID, form: forms.Skip) -> None:
        coming.skip(unit, hand, case_id, clock_id, form)

    return ActPage(
        f"envois/{clock_id}/passer?generation={step.generation}&step={step.step}",
        "envoi-passe",
        "Ne pas envoyer cette relance",
        "Ne pas envoyer",
        Right.SEND_NOW,
        do,
        forms.Skip,
        _reasons,
        lambda _visitor, _data: step.model_dump(),
        follows=("Cette relance ne partira pas ; les suivantes gardent leur jour.",
                 "L’échéance de la tâche ne change pas."),
    )  # fmt: skip


@router.get("/situations/{case_id}/envois/{clock_id}/passer")
def ask_skip(request: Request, visitor: SignedIn, case_id: UUID, clock_id: UUID, at: Standing) -> Response:
    """Why it does not leave."""
    return show(request, visitor, case_id, _skipping(clock_id, at), Form())


@router.post("/situations/{case_id}/envois/{clock_id}/passer")
def skip(  # noqa: PLR0917 - a route's parameters are its form
    request: Request, visitor: SignedIn, case_id: UUID, clock_id: UUID, at: Standing, data: Entered
) -> Response:
    """It does not leave."""
    return carry_out(request, visitor, case_id, _skipping(clock_id, at), data)


@router.post("/situations/{case_id}/envois/{clock_id}/maintenant")
def leave_now(request: Request, visitor: SignedIn, case_id: UUID, clock_id: UUID, data: Entered) -> Response:
    """It leaves without waiting for its day."""
    try:
        form = read(forms.NextStep, data)
    except Mistakes:
        raise NotFound from None
    visitor.once(
        data,
        f"envois/{clock_id}/maintenant",
        lambda unit: coming.leave_now(unit, visitor.hand, case_id, clock_id, form),
    )
    answers.wait_for_engine(request, case_id)
    return answers.see(f"/situations/{case_id}", "envoi-avance")

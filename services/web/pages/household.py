"""The pages of a household, and of anybody who wonders what the service is: no account, a code, a telephone."""

from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.programmes import Programme
from models.vocabulary import CaseState, HouseholdAnswer
from services.cases import household_page
from services.cases.household_answers import HouseholdWord
from services.cases.household_page import LASTS, Help, Meeting, Standing
from services.foundation import wording
from services.foundation.errors import CaseworkError, GuardRefused
from services.foundation.settings import Settings
from services.rules.texts.labels import label
from services.web.browsers import Limited
from services.web.pages import answers
from services.web.pages.visitor import Entered, Here
from services.web.rendering import Form, Shell

router = APIRouter(prefix="/d/{slug}", include_in_schema=False)
COOKIE: Final = "relais-menage"


@router.get("")
def about(request: Request, runtime: Here, slug: str) -> Response:
    """What the service is, who runs it, whom to call; and what can be done from here."""
    with runtime.database.read() as unit:
        programme = household_page.programme_of(unit, slug)
        return answers.page(request, "household/about.html", **_common(programme))


@router.get("/ma-situation")
def situation(request: Request, runtime: Here, slug: str) -> Response:
    """Where things stand, for the browser that gave its code; else the two boxes to fill."""
    with runtime.database.read() as unit:
        programme = household_page.programme_of(unit, slug)
        kept = request.cookies.get(_cookie(runtime.settings), "")
        found = household_page.standing(unit, runtime, programme, kept) if kept else None
        if found is not None:
            context = _standing(found, programme.zone)
            return answers.page(request, "household/standing.html", **_common(programme), **context)
        return _asked(request, programme, answers.blank())


@router.post("/ma-situation", dependencies=[Limited])
def give_code(request: Request, runtime: Here, slug: str, data: Entered) -> Response:
    """Open the page with the code of a letter and the last figures of the telephone."""
    code, digits = str(data.get("code", "")), str(data.get("digits", ""))
    try:
        with runtime.database.write("household_try") as unit:
            household_page.count_try(unit, household_page.programme_of(unit, slug), code)
        with runtime.database.write("household_page") as unit:
            programme = household_page.programme_of(unit, slug)
            kept = household_page.open_page(unit, runtime, programme, code=code, digits=digits)
    except CaseworkError as refused:
        with runtime.database.read() as unit:
            form = Form(once="", entered={"code": code}, errors={"": refused.sentence})
            return _asked(request, household_page.programme_of(unit, slug), form, status=refused.status_code)
    response = answers.see(f"/d/{slug}/ma-situation")
    _keep(response, runtime.settings, kept)
    return response


@router.post("/ma-situation/reponse", dependencies=[Limited])
def answer(request: Request, runtime: Here, slug: str, data: Entered) -> Response:
    """It helped, it did not, call me."""
    back = answers.see(f"/d/{slug}/ma-situation")
    said = str(data.get("answer", ""))
    if said not in set(HouseholdAnswer):
        return back
    kept = request.cookies.get(_cookie(runtime.settings), "")
    try:
        with runtime.database.write("household_answer") as unit:
            programme = household_page.programme_of(unit, slug)
            form = HouseholdWord(answer=HouseholdAnswer(said))
            case_id = household_page.answer(unit, runtime, programme, kept, form)
    except GuardRefused:
        return back  # the page says what was already said today
    if case_id is not None:
        answers.wait_for_engine(request, case_id)
    return back


@router.post("/ma-situation/quitter")
def leave(runtime: Here, slug: str) -> Response:
    """Close the page on this browser."""
    response = answers.see(f"/d/{slug}")
    _keep(response, runtime.settings, "")
    return response


@router.get("/verifier")
def verify(request: Request, runtime: Here, slug: str) -> Response:
    """Somebody rings: is he ours?"""
    with runtime.database.read() as unit:
        return _door(request, household_page.programme_of(unit, slug), answers.blank())


@router.post("/verifier", dependencies=[Limited])
def verified(request: Request, runtime: Here, slug: str, data: Entered) -> Response:
    """Yes, with a first name and an hour; or a warning, with what to do."""
    word, digits = str(data.get("word", "")), str(data.get("digits", ""))
    with runtime.database.write("household_verify") as unit:
        programme = household_page.programme_of(unit, slug)
        meeting = household_page.expected_visit(unit, runtime, programme, word=word, digits=digits)
        words = _meeting(meeting, programme.zone) if meeting else None
        expected = meeting is not None and meeting.is_expected_at(unit.now)
        return answers.page(request, "household/verified.html", **_common(programme), meeting=words, expected=expected)


def _common(programme: Programme) -> dict[str, Any]:
    return {
        "shell": Shell(dispositif=programme.public_name),
        "name": programme.public_name,
        "carrier": programme.carrier,
        "phone": programme.phone,
        "home": f"/d/{programme.slug}",
    }


def _asked(request: Request, programme: Programme, form: Form, *, status: int = 200) -> Response:
    return answers.page(request, "household/code.html", status=status, form=form, **_common(programme))


def _door(request: Request, programme: Programme, form: Form) -> Response:
    return answers.page(request, "household/verify.html", form=form, **_common(programme))


def _standing(found: Standing, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "what": label(_kind_of(found), found.state),
        "who": found.caller,
        "who_phone": found.phone,
        "meeting": _meeting(found.meeting, zone) if found.meeting else None,
        "helps": [(label("theme_plain", each.theme), _help(each, zone)) for each in found.helps],
        "offered": [(each.value, label("household_answer", each.value)) for each in found.offered],
        "said": label("household_said", found.said.value) if found.said else "",
        "called_by": wording.day(found.called_by.astimezone(zone).date()) if found.called_by else "",
        "minutes": int(LASTS.total_seconds() // 60),
    }


def _kind_of(found: Standing) -> str:
    """The words for where it stands: others once the appointment is over, others again where somebody helps."""
    if found.state == CaseState.VISIT_PLANNED:
        return "household_state" if found.meeting else "household_state_past"
    return "household_state_helped" if found.is_helped else "household_state"


def _help(each: Help, zone: ZoneInfo) -> str:
    words = label("household_help", each.state).format(partner=each.partner)
    return f"{words} Rendez-vous proposé : {wording.moment(each.meets_at, zone)}." if each.meets_at else words


def _meeting(meeting: Meeting, zone: ZoneInfo) -> dict[str, str]:
    start, end = meeting.starts_at.astimezone(zone), meeting.ends_at.astimezone(zone)
    return {
        "day": wording.day(start.date()),
        "hours": f"de {wording.hour(start)} à {wording.hour(end)}",
        "visitor": meeting.visitor.split(maxsplit=1)[0] if meeting.visitor else "",
        "word": meeting.word,
    }


def _cookie(settings: Settings) -> str:
    return f"__Host-{COOKIE}" if settings.is_https else COOKIE


def _keep(response: Response, settings: Settings, kept: str) -> None:
    """Give the browser the opened page, or take it back; unreadable to scripts."""
    age = int(LASTS.total_seconds()) if kept else 0
    response.set_cookie(
        _cookie(settings), kept, max_age=age, path="/", secure=settings.is_https, httponly=True, samesite="lax"
    )

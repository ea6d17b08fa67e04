"""The texts of the programme on screen: the list, one text with its preview on sample values, saved or restored."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from models.vocabulary import Channel, Party
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Denied, NotFound
from services.programme import texts
from services.programme.texts import RestoreForm, TextForm, TextLine, Tried, Version
from services.rules import outline
from services.rules.comparison import reader_words
from services.rules.outline import TextKey
from services.rules.texts.mail import blocks
from services.web.pages import answers
from services.web.pages.entries import Mistakes, kept, mistakes_of, read
from services.web.pages.visitor import Entered, SignedIn, Visitor
from services.web.rendering import Form

router = APIRouter(include_in_schema=False)
SECTION: Final = "/reglages"
HERE: Final = "/reglages/textes"
ONE: Final = HERE + "/{text}/{party}/{channel}"
LAWFUL: Final = {
    "household_notice": (
        "Cette lettre est l’information que la loi doit au ménage (RGPD, article 14) : gardez-y ce que vous faites de "
        "ses données, combien de temps, et ses droits."
    )
}


def which(text: str, party: Party, channel: Channel) -> TextKey:
    """The text that an address names."""
    return TextKey(text, party, channel)


Which = Annotated[TextKey, Depends(which)]


@router.get(HERE)
def show(request: Request, visitor: SignedIn, fait: str = "") -> Response:
    """Every text, by stage, then by reader."""
    with visitor.runtime.database.read() as unit:
        lines = texts.of_programme(unit, visitor.actor)
    groups = [
        (outline.stage_title(stage), [_line(each) for each in lines if each.stage == stage]) for stage in outline.STAGES
    ]
    return answers.page(
        request,
        "texts.html",
        shell=visitor.shell(SECTION, answers.done_words(fait)),
        groups=[(title, found) for title, found in groups if found],
        total=len(lines),
        own=sum(line.is_own for line in lines),
    )


@router.get(ONE)
def edit(request: Request, visitor: SignedIn, key: Which, fait: str = "") -> Response:
    """One text, to be changed, with what its reader would get."""
    return _page(request, visitor, key, flash=answers.done_words(fait))


@router.post(ONE + "/apercu")
def preview(request: Request, visitor: SignedIn, key: Which, data: Entered) -> Response:
    """What its reader would get with what was typed; nothing is kept."""
    try:
        form = read(TextForm, data)
    except Mistakes as mistakes:
        return _page(request, visitor, key, Form(kept(data), mistakes.errors))
    return _page(request, visitor, key, Form(kept(data)), typed=form)


@router.post(ONE)
def save(request: Request, visitor: SignedIn, key: Which, data: Entered) -> Response:
    """Say it in these words from now on."""
    return _act(
        request, visitor, key=key, data=data, done="texte-change",
        act=lambda unit: texts.save(unit, visitor.hand, key, read(TextForm, data)),
    )  # fmt: skip


@router.post(ONE + "/retablir")
def restore(request: Request, visitor: SignedIn, key: Which, data: Entered) -> Response:
    """Back to the text that ships."""
    return _act(
        request, visitor, key=key, data=data, done="texte-retabli",
        act=lambda unit: texts.restore(unit, visitor.hand, key, read(RestoreForm, data)),
    )  # fmt: skip


def _act(
    request: Request, visitor: Visitor, *, key: TextKey, data: Entered, done: str, act: Callable[[UnitOfWork], object]
) -> Response:
    route = f"reglages/textes/{'/'.join(key)}"
    try:
        visitor.once(data, route, act)
    except Mistakes as mistakes:
        return _page(request, visitor, key, Form(kept(data), mistakes.errors), status=422)
    except (Denied, NotFound):
        raise
    except CaseworkError as refused:
        form = Form(kept(data), mistakes_of(refused))
        return _page(request, visitor, key, form, status=refused.status_code)
    return answers.see(f"{HERE}/{'/'.join(key)}", done)


def _page(
    request: Request, visitor: Visitor, key: TextKey, form: Form | None = None, *, typed: TextForm | None = None,
    flash: str = "", status: int = 200,
) -> Response:  # fmt: skip
    with visitor.runtime.database.read() as unit:
        sheet = texts.sheet(unit, visitor.actor, key)
        words = sheet.line.words
        shown = typed or _typed(form) or TextForm(subject=words.subject, body=words.body)
        tried = texts.preview(unit, visitor.actor, key, shown)
    return answers.page(
        request,
        "text.html",
        status=status,
        inline=False,
        shell=visitor.shell(SECTION, flash),
        form=form or answers.blank(),
        line=_line(sheet.line),
        version=sheet.line.version,
        subject=words.subject,
        body=words.body,
        has_subject=key.channel is not Channel.SMS,
        is_sms=key.channel is Channel.SMS,
        fields=sheet.fields,
        subject_fields=sheet.subject_fields,
        needs_link=sheet.needs_link,
        law=LAWFUL.get(key.text, ""),
        shipped=sheet.shipped,
        versions=[_version(visitor, each) for each in sheet.versions],
        tried=_tried(tried),
    )


def _typed(form: Form | None) -> TextForm | None:
    """What was typed, as far as it can be tried."""
    if form is None or not form.entered:
        return None
    subject, body = (str(form.entered.get(name) or "") for name in ("subject", "body"))
    return TextForm.model_construct(subject=" ".join(subject.split()), body=body, version=0)


def _line(line: TextLine) -> dict[str, Any]:
    return {
        "title": line.title,
        "reader": reader_words(line.key.party, line.key.channel),
        "href": f"{HERE}/{'/'.join(line.key)}",
        "own": line.is_own,
    }


def _version(visitor: Visitor, version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "when": wording.moment(version.at, visitor.zone, today=visitor.today),
        "by": version.by,
        "words": version.words,
    }


def _tried(tried: Tried) -> dict[str, Any]:
    return {
        "subject": tried.rendered.subject,
        "blocks": blocks(tried.rendered.body),
        "length": len(tried.rendered.body),
        "parts": tried.parts,
        "faults": [fault.sentence for fault in tried.faults],
    }

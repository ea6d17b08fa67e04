"""All that a story may say, as text for whoever writes one: acts, expectations, the fields of each, their codes.

The tables at the head of `actions` and `expectations` say what each word means; the rest is read from the forms, the
facts and the catalogue of the visit, so it cannot say otherwise than they do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deployments.play import actions, expectations, story
from deployments.play.actions import ACTIONS
from deployments.play.expectations import Expected
from deployments.play.scene import FormAction
from deployments.publishing import read_pathway
from models.events import FACTS
from models.vocabulary import CaseState, Party, Stage
from services import forms
from services.cases import partner_team
from services.network import directory, territory
from services.overview import timeline
from services.programme import organisations
from services.rules import obligations, survey
from services.rules.texts import catalogue
from services.rules.texts.labels import has_label, label
from services.rules.titles import task_title

NAMED: Final[dict[str, type[BaseModel]]] = {
    "report_alert": forms.AlertForm,
    "record_call": forms.CallForm,
    "plan_visit": forms.VisitForm,
    "note_held_visit": forms.PastVisit,
    "deliver_report": forms.ReportForm,
    "replace_report": forms.ReplacementForm,
    "record_kit": forms.KitLine,
    "record_follow_up": forms.FollowUpForm,
    "send_referral": forms.ReferralForm,
    "give_permission": forms.PermissionForm,
    "transfer_case": forms.Transfer,
    "withdraw_referral": forms.TakeBack,
    "add_service": directory.ServiceForm,
    "change_service": directory.ServiceForm,
    "set_area": directory.AreaForm,
    "add_organisation": organisations.NewOrganisation,
    "change_organisation": organisations.OrganisationDetails,
    "change_territory": territory.TerritoryForm,
    "say_full": partner_team.FullForm,
    "prefer_mail": partner_team.PreferenceForm,
    "add_colleague": partner_team.ColleagueForm,
    "partner_away": partner_team.GoneForm,
}
"""Acts that work out a part of their form: people and organisations are said by name, instants with `starts`."""


NAMES: Final[dict[str, Callable[[], Mapping[str, str]]]] = {
    "Étapes (stage)": lambda: _labelled("stage", Stage),
    "États (state)": lambda: _labelled("case_state", CaseState),
    "Tâches du parcours livré (tasks)": lambda: {
        kind: task_title(read_pathway(), kind) for kind in read_pathway().tasks
    },
    "Messages (messages)": lambda: _labelled("text", catalogue.load().texts),
    "Événements (happened)": lambda: _labelled("event", FACTS),
    "Lecteurs (to, owner)": lambda: _labelled("party", Party),
    "Pourquoi rien n’est parti (why, held_back)": lambda: (
        timeline.WHY_NOT | {obligations.SKIPPED: "passée par quelqu’un"}
    ),
}
"""Names that an expectation may use and the words that people read for them, by where they stand."""
LISTED: Final = ("stage", "state")
"""Expectations whose codes stand there."""


def table(document: str | None) -> dict[str, str]:
    """What a table at the head of a module says, by each word of its first column."""
    rows = [line.strip("| ").split("|") for line in (document or "").splitlines() if line.startswith("| ")]
    told: dict[str, str] = {}
    for words, *rest in rows:
        told.update(
            dict.fromkeys((word.strip() for word in words.split(",")), " · ".join(each.strip() for each in rest))
        )
    return told


def form_of(name: str) -> type[BaseModel] | None:
    """The form that an act fills, where it fills one."""
    found = ACTIONS.get(name)
    return found.form if isinstance(found, FormAction) else NAMED.get(name)


def lines() -> Iterator[str]:
    """The whole vocabulary, a line at a time."""
    yield from ("# Une histoire", "", (story.__doc__ or "").strip(), "", "# Ce qui se fait", "")
    said = table(actions.__doc__)
    for name in ACTIONS:
        yield f"{name}\u00a0: {said[name]}"
        form = None if name == "record_survey" else form_of(name)
        yield from (f"    {line}" for line in (_fields(form) if form else ()))
    yield from ("", "# Le cadre (setting), un fichier à côté", "")
    for name, field in story.Setting.model_fields.items():
        yield f"{name}{_told(field)}"
        yield from (f"    {line}" for model in models(field.annotation) for line in _fields(model))
    yield from ("", "# Le relevé de la visite (record_survey, survey)", "")
    yield from _survey()
    yield from ("", "# Ce qui s’attend (expect)", "")
    told = table(expectations.__doc__)
    for name, field in Expected.model_fields.items():
        inside = list(models(field.annotation))
        known = "" if inside or name in LISTED else ", ".join(codes(field.annotation))
        yield f"{name}\u00a0: {told[name]}" + (f" [{known}]" if known else "")
        yield from (f"    {line}" for model in inside for line in _fields(model))
    for title, named in NAMES.items():
        yield from ("", f"# {title}", "")
        yield from (f"{name}\u00a0: {said}" if said else name for name, said in named().items())


def _labelled(kind: str, names: Iterable[str]) -> dict[str, str]:
    """Each name with the word that people read for it, where there is one."""
    return {name: label(kind, name) if has_label(kind, name) else "" for name in map(str, names)}


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field holds, in a list or a dictionary too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models(each)


def codes(annotation: Any) -> Iterator[str]:
    """The codes that a field takes."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(each.value) for each in annotation)
    elif get_origin(annotation) is Literal:
        yield from (str(each) for each in get_args(annotation))
    else:
        for each in get_args(annotation):
            yield from codes(each)


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if not name.endswith(("_id", "_ids")):
            yield f"{name}{_told(field)}"
            yield from (f"    {line}" for inner in models(field.annotation) for line in _fields(inner))


def _told(field: FieldInfo) -> str:
    known = ", ".join(dict.fromkeys(codes(field.annotation)))
    parts = [field.description or "", f"[{known}]" if known else ""]
    told = " ".join(part for part in parts if part)
    return f"\u00a0: {told}" if told else ""


def _survey() -> Iterator[str]:
    for code, section in survey.sections().items():
        each = f" (pour chacun\u00a0: {', '.join(section.each)})" if section.each else ""
        yield f"{code}\u00a0: {section.title}{each}"
        for name, asked in section.fields.items():
            known = f" [{', '.join(asked.codes)}]" if asked.codes else f" ({asked.number})" if asked.number else ""
            yield f"    {name}\u00a0: {asked.label}{known}"

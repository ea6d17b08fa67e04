"""A pathway in the order of the stages: where its tasks, its ladders and its texts belong. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from models.events import FACTS
from models.pathway import LATER_RULES, Open, Pathway, Rule, Send, Step
from models.vocabulary import Channel, Party, Stage
from services.rules.texts.labels import label


class TextKey(NamedTuple):
    """A text for one reader on one channel."""

    text: str
    party: Party
    channel: Channel


STAGES: Final = (Stage.DETECTION, Stage.VISIT, Stage.DIAGNOSTIC, Stage.ORIENTATION, Stage.FOLLOW_UP, None)
"""None: at any moment."""
ANY_MOMENT: Final = "À tout moment"


def stage_title(stage: Stage | None) -> str:
    """How a page calls it."""
    return label("stage", stage.value) if stage else ANY_MOMENT


def tasks(pathway: Pathway) -> dict[str, Stage | None]:
    """The stage of each task: that of the first event that opens it, else of the task whose ladder opens it."""
    found: dict[str, Stage | None] = {}
    for event, rule in pathway.events.items():
        for step in (*rule.at_once, *rule.then):
            if isinstance(step, Open):
                found.setdefault(step.open, _stage(event))
    for name in pathway.ladders:
        chased = [kind for kind in pathway.tasks if kind in found and name in pathway.tasks[kind].ladders]
        for step in _of_ladder(pathway, name):
            if isinstance(step, Open):
                found.setdefault(step.open, found[chased[0]] if chased else None)
    return {kind: found.get(kind) for kind in pathway.tasks}


def ladders(pathway: Pathway) -> dict[str, Stage | None]:
    """The stage of each ladder: that of the tasks that climb it, any moment when they are of several."""
    staged = tasks(pathway)
    found = {}
    for name in pathway.ladders:
        stages = {staged[kind] for kind, rule in pathway.tasks.items() if name in rule.ladders}
        found[name] = stages.pop() if len(stages) == 1 else None
    return found


def texts(pathway: Pathway) -> dict[TextKey, Stage | None]:
    """The stage of each text that it sends: of the first event that does, else of the ladder; in the order of both."""
    found: dict[TextKey, Stage | None] = {}
    for event, rule in (*pathway.events.items(), *_later(pathway)):
        for step in rule.then:
            if isinstance(step, Send):
                found.setdefault(TextKey(step.send, step.to, step.by), _stage(event))
    for name, stage in ladders(pathway).items():
        for step in _of_ladder(pathway, name):
            if isinstance(step, Send):
                found.setdefault(TextKey(step.send, step.to, step.by), stage)
    return found


def _later(pathway: Pathway) -> Iterable[tuple[str, Rule]]:
    return ((event, rule) for event, rule in LATER_RULES.items() if event not in pathway.events)


def _of_ladder(pathway: Pathway, name: str) -> Iterator[Step]:
    ladder = pathway.ladders[name]
    yield from (step for rung in ladder.rungs for step in rung.steps)
    yield from ladder.undelivered


def _stage(event: str) -> Stage | None:
    return FACTS[event.split("/", maxsplit=1)[0]].stage

"""A pathway as people read it: a Mermaid drawing for each stage, and a table of its tasks."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from models.events import FACTS
from models.pathway import Open, Pathway, Rule, Step
from models.vocabulary import Stage
from services.rules.comparison import due_words, ladder_words, owner, step_words
from services.rules.texts.labels import label
from services.rules.titles import task_title

ANY_MOMENT: Final = "À tout moment"
_STAGES: Final = (Stage.DETECTION, Stage.VISIT, Stage.DIAGNOSTIC, Stage.ORIENTATION, Stage.FOLLOW_UP, None)


def drawing(pathway: Pathway) -> str:
    """Markdown, in the order of the stages; an event leads to its tasks, a task to its ladder, both to messages."""
    parts = [f"# Parcours « {pathway.name} », version {pathway.version}\n\n{pathway.source}\n"]
    for stage in _STAGES:
        rules = {name: rule for name, rule in pathway.events.items() if _stage(name) == stage}
        if rules:
            title = label("stage", stage.value) if stage else ANY_MOMENT
            parts.append(f"## {title}\n\n```mermaid\n{_flowchart(pathway, rules)}\n```\n")
    parts.append(f"## Tâches\n\n{_table(pathway)}\n")
    return "\n".join(parts)


def _stage(event: str) -> Stage | None:
    return FACTS[event.split("/", maxsplit=1)[0]].stage


def _flowchart(pathway: Pathway, rules: dict[str, Rule]) -> str:
    lines, numbers = ["flowchart LR"], count(1)
    opened: dict[str, None] = {}
    for event, rule in rules.items():
        here = f"e{next(numbers)}"
        lines.append(f'  {here}(["{event}"])')
        for step in (*rule.at_once, *rule.then):
            if isinstance(step, Open):
                opened[step.open] = None
                lines.append(f"  {here} -->{_edge(step.when)} t_{step.open}")
        if told := [step_words(step, pathway) for step in rule.then if not isinstance(step, Open)]:
            lines.append(f'  {here} -.-> {here}m>"{_lines(told)}"]')
    lines += [line for kind in opened for line in _task(pathway, kind)]
    return "\n".join(lines)


def _edge(guard: str | None) -> str:
    return f'|"{guard}"|' if guard else ""


def _task(pathway: Pathway, kind: str) -> Iterator[str]:
    rule = pathway.tasks[kind]
    yield f'  t_{kind}["{_lines([task_title(pathway, kind), owner(rule), due_words(rule.due)])}"]'
    if rule.ladder:
        steps = ladder_words(pathway.ladders[rule.ladder], pathway)
        yield f'  t_{kind} -.-> t_{kind}l>"{_lines(steps)}"]'


def _lines(words: Iterable[str]) -> str:
    return "<br>".join(word.replace('"', "″") for word in words)


def _table(pathway: Pathway) -> str:
    rows = ["| tâche | à | échéance | relances | ouverte par | terminée par |", "|---|---|---|---|---|---|"]
    for kind, rule in pathway.tasks.items():
        chased = _lines(ladder_words(pathway.ladders[rule.ladder], pathway)) if rule.ladder else ""
        cells = (task_title(pathway, kind), owner(rule), due_words(rule.due), chased)
        rows.append(f"| {' | '.join(cells)} | {_opening(pathway, kind)} | {_ending(pathway, kind)} |")
    return "\n".join(rows)


def _opening(pathway: Pathway, kind: str) -> str:
    events = [name for name, rule in pathway.events.items() if _opens((*rule.at_once, *rule.then), kind)]
    ladders = [
        f"échelle {name}"
        for name, ladder in pathway.ladders.items()
        if _opens((*(step for rung in ladder.rungs for step in rung.steps), *ladder.undelivered), kind)
    ]
    return ", ".join([*events, *ladders])


def _opens(steps: Iterable[Step], kind: str) -> bool:
    return any(isinstance(step, Open) and step.open == kind for step in steps)


def _ending(pathway: Pathway, kind: str) -> str:
    rule = pathway.tasks[kind]
    events = [name for name, written in pathway.events.items() if kind in written.completes]
    outcomes = f" : {', '.join(rule.outcome_titles)}" if rule.outcomes else ""
    return ", ".join([*([f"une personne{outcomes}"] if rule.title else []), *events])

"""How a task is called and what it asks: the pathway's own words where it has them, else the labels; and a message."""

from models.engine import Task
from models.pathway import Pathway, TaskRule
from services.foundation import wording
from services.rules.texts.labels import has_label, inside, label


def task_title(pathway: Pathway, kind: str) -> str:
    """The task as an infinitive sentence; never fails for a task that the pathway defines."""
    rule = pathway.tasks.get(kind)
    if rule is not None and rule.title:
        return rule.title
    return label("task", kind) if has_label("task", kind) else plain_title(kind)


def title_of(pathway: Pathway, task: Task) -> str:
    """The same with what this one is about: the type of solution of a request, the energy of a cut."""
    title = task_title(pathway, task.kind)
    if task.referral is not None:
        return f"{title} ({inside(label('theme', task.referral.need.theme))})"
    return f"{title} ({inside(label('energy', task.cut.energy))})" if task.cut is not None else title


def text_title(text: str) -> str:
    """What a text of the catalogue is about, in a few words inside a sentence."""
    return inside(label("text", text))


def what_to_do(pathway: Pathway, kind: str) -> str:
    """What to do, in one line; empty when nobody wrote it."""
    rule = pathway.tasks.get(kind)
    if rule is not None and rule.title:
        return rule.what_to_do
    return label("task_next", kind) if has_label("task_next", kind) else ""


def outcomes_of(rule: TaskRule) -> list[tuple[str, str]]:
    """How a task of the pathway's own may end: each code with its words, in the order of the pathway."""
    words = (*rule.outcome_titles, *("" for _ in rule.outcomes))
    return [(code, title or plain_title(code)) for code, title in zip(rule.outcomes, words, strict=False)]


def outcome_title(pathway: Pathway, kind: str, outcome: str) -> str:
    """The words of one outcome; empty for a task that has none."""
    rule = pathway.tasks.get(kind)
    return dict(outcomes_of(rule)).get(outcome, "") if rule is not None else ""


def plain_title(code: str) -> str:
    """A code that nobody named, as words."""
    words = code.replace("_", " ")
    return wording.capital(words)

"""What changes from one pathway to another, in French sentences for whoever publishes it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from models.pathway import Anchor, Due, Ladder, Open, Pathway, Rung, Step, TaskRule
from models.vocabulary import Channel, Party
from services.foundation.wording import duration, every
from services.rules.texts.labels import label, to_party
from services.rules.texts.typography import french
from services.rules.titles import task_title

Words = Callable[[Step, Pathway], str]
ARROW: Final = "→"
NONE: Final = "aucune"
_SETTINGS: Final[Mapping[str, str]] = {
    "source": "source",
    "call_attempts": "appels avant d’attendre le ménage",
    "call_days": "jours différents pour ces appels",
    "call_slots": "créneaux différents pour ces appels",
    "absences_allowed": "absences au rendez-vous admises",
    "visits": "visites avant le rapport",
    "visit_days": "jours entre l’accord du ménage et sa visite, au plus",
    "revisit_months": "mois pendant lesquels une visite déjà faite est signalée",
    "snoozes": "reports possibles des relances",
    "snooze_days": "jours ouvrés d’un report, au plus",
    "return_days": "jours ouvrés de la coordination pour une tâche rendue",
    "hold_days": "jours pendant lesquels un partenaire peut mettre son aide en attente",
    "full_days": "jours pendant lesquels un partenaire sans place est tenu pour complet",
    "sheet_months": "mois après lesquels une fiche de l’annuaire est à vérifier",
}
ANCHORS: Final[Mapping[Anchor, str]] = {
    Anchor.EVENT: "",
    Anchor.FIRST_ATTEMPT: " après le premier appel",
    Anchor.VISIT: " après la visite",
    Anchor.LAST_VISIT_HELD: " après la dernière visite faite",
    Anchor.GIVEN: " après le jour convenu",
}
CHANNELS: Final[Mapping[Channel, str]] = {Channel.EMAIL: "e-mail", Channel.SMS: "SMS", Channel.LETTER: "courrier"}


def differences(before: Pathway, after: Pathway) -> list[str]:
    """Every change, settings first, then tasks, ladders and what follows events; none for the same content."""
    found = [*_settings(before, after), *_tasks(before, after), *_ladders(before, after), *_events(before, after)]
    return [french(line) for line in found]


def due_words(due: Due) -> str:
    """`5 jours ouvrés après la visite (au moins…)`."""
    delays = [_delay(delay) for delay in (due.series or (due.delay,)) if delay]
    words = ", puis ".join(delays) + ANCHORS[due.since]
    if due.ahead is not None:
        words = duration(due.ahead) + ANCHORS[due.since].replace(" après", " avant")
    more = [f"au moins {duration(due.at_least)}"] if due.at_least else []
    more += [f"{_delay(due.urgent)} en cas d’urgence"] if due.urgent else []
    return f"{words} ({', '.join(more)})" if more else words


def rung_words(rung: Rung, pathway: Pathway, words: Words | None = None) -> str:
    """`à l’échéance : e-mail à la coordination (task_late)`."""
    done = [(words or step_words)(step, pathway) for step in rung.steps] + ([f"acte {rung.act}"] if rung.act else [])
    return f"{_moment(rung)} : {', '.join(done)}{_condition(rung.when)}{' [arrêté]' if rung.off else ''}"


def step_words(step: Step, pathway: Pathway) -> str:
    """What a step does, and the condition it hangs on."""
    if isinstance(step, Open):
        return f"tâche « {task_title(pathway, step.open)} »{_condition(step.when)}"
    return f"{reader_words(step.to, step.by)} ({step.send}){_condition(step.when)}"


def reader_words(party: Party, channel: Channel) -> str:
    """`e-mail à la coordination`."""
    return f"{CHANNELS[channel]} {to_party(party)}"


def _whole(step: Step, pathway: Pathway) -> str:
    """The same with what a drawing leaves out."""
    if isinstance(step, Open):
        return step_words(step, pathway)
    marks = [
        *(["urgent"] if step.urgent else []),
        *(["groupé avec ceux du jour"] if step.daily else []),
        *([f"{duration(step.wait)} après"] if step.wait else []),
        *(["une seule fois"] if step.once else []),
        *([f"lien vers « {task_title(pathway, step.about)} »"] if step.about else []),
    ]
    return step_words(step, pathway) + (f" [{', '.join(marks)}]" if marks else "")


def owner(rule: TaskRule) -> str:
    """Whose task it is."""
    return label("party", rule.party.value)


def _delay(delay: Any) -> str:
    return duration(delay) if delay.amount else "le jour même"


def _condition(guard: str | None) -> str:
    return f" si {guard}" if guard else ""


def _moment(rung: Rung) -> str:
    if rung.after is not None:
        return f"{duration(rung.after)} après"
    if rung.before is not None:
        return f"{duration(rung.before)} avant"
    if rung.every is not None:
        return every(rung.every)
    late = rung.after_due is not None and rung.after_due.amount
    return f"{duration(rung.after_due)} après l’échéance" if late and rung.after_due else "à l’échéance"


def _settings(before: Pathway, after: Pathway) -> Iterator[str]:
    for name, words in _SETTINGS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{words} : {old} {ARROW} {new}"


def _tasks(before: Pathway, after: Pathway) -> Iterator[str]:
    for kind in _every(before.tasks, after.tasks):
        old, new = before.tasks.get(kind), after.tasks.get(kind)
        title = f"tâche « {task_title(after if new else before, kind)} » ({kind})"
        if old is None and new is not None:
            yield f"nouvelle {title} : {owner(new)}, {due_words(new.due)}, échelle {new.ladder or NONE}"
        elif new is None:
            yield f"{title} : retirée"
        elif old is not None:
            yield from (f"{title}, {change}" for change in _task_changes(old, new))


_FACETS: Final[Mapping[str, Callable[[TaskRule], str]]] = {
    "titre": lambda rule: rule.title,
    "responsable": owner,
    "délai": lambda rule: due_words(rule.due),
    "échelle": lambda rule: rule.ladder or NONE,
    "échelle en urgence": lambda rule: rule.urgent_ladder or NONE,
    "date provisoire": lambda rule: "oui" if rule.provisional else "non",
    "actes par lien": lambda rule: ", ".join(rule.actions) or "aucun",
    "issues": lambda rule: ", ".join(rule.outcome_titles) or NONE,
    "codes des issues": lambda rule: ", ".join(rule.outcomes) or "aucun",
    "empêche": lambda rule: ", ".join(rule.blocks) or "rien",
    "consigne": lambda rule: rule.what_to_do or NONE,
}


def _task_changes(old: TaskRule, new: TaskRule) -> Iterator[str]:
    for facet, words in _FACETS.items():
        if words(old) != words(new):
            yield f"{facet} : {words(old)} {ARROW} {words(new)}"


def _ladders(before: Pathway, after: Pathway) -> Iterator[str]:
    for name in _every(before.ladders, after.ladders):
        old, new = before.ladders.get(name), after.ladders.get(name)
        if old is None and new is not None:
            yield f"nouvelle échelle « {name} » : {' ; '.join(ladder_words(new, after, _whole))}"
        elif new is None:
            yield f"échelle « {name} » : retirée"
        elif old is not None:
            changes = _changes(ladder_words(old, before, _whole), ladder_words(new, after, _whole))
            yield from (f"échelle « {name} » : {change}" for change in changes)


def ladder_words(ladder: Ladder, pathway: Pathway, words: Words | None = None) -> list[str]:
    """Each step of a ladder, with its moment."""
    told = [rung_words(rung, pathway, words) for rung in ladder.rungs]
    if ladder.counts_from_delivery:
        told.insert(0, "compte depuis la remise")
    if ladder.undelivered_after is not None:
        done = ", ".join((words or step_words)(step, pathway) for step in ladder.undelivered)
        told.append(f"pas remis {duration(ladder.undelivered_after)} après : {done}")
    return told


def _events(before: Pathway, after: Pathway) -> Iterator[str]:
    for name in _every(before.events, after.events):
        changes = _changes(_rule_words(before, name), _rule_words(after, name))
        yield from (f"événement « {name} » : {change}" for change in changes)


def _rule_words(pathway: Pathway, event: str) -> list[str]:
    rule = pathway.following(event)
    ended = [f"termine « {task_title(pathway, kind)} »" for kind in rule.completes]
    at_once = [f"sans attendre, {_whole(step, pathway)}" for step in rule.at_once]
    return [*ended, *at_once, *(_whole(step, pathway) for step in rule.then)]


def _changes(old: list[str], new: list[str]) -> list[str]:
    """What goes and what comes; the same lines in another order are a change too."""
    gone, come = [line for line in old if line not in new], [line for line in new if line not in old]
    if not gone and not come and old != new:
        return ["le même, dans un autre ordre"]
    return [*(f"− {line}" for line in gone), *(f"+ {line}" for line in come)]


def _every(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))

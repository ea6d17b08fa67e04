"""What is wrong or doubtful in a pathway although every name exists: dead tasks, lost owners, disordered steps."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from models.base import PARIS
from models.delays import Delay
from models.events import FACTS, AlertSubmitted, TaskCompleted
from models.lifecycles import ReferralAction
from models.pathway import LATER_RULES, Flaw, Ladder, Open, Pathway, Place, Rule, Send, TaskRule
from models.vocabulary import Party
from services.foundation import wording
from services.foundation.calendar import WorkingCalendar
from services.rules import clocks
from services.rules.texts.labels import has_label

_MONDAY: Final = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
_PLAIN_WEEKS: Final = WorkingCalendar(PARIS)
_BEFORE_OPERATOR: Final = frozenset({"alert.submitted", "case.examined", "case.rejected", "case.unmerged"})
_GIVER_IS_KNOWN: Final = frozenset({"no_number_and_alert_giver"})
_CALLS: Final = "follow_up_call"
_COUNT_CALLS: Final = frozenset({"more_calls_to_come", "last_call_made", "no_call_open", "calls_all_made"})
_BY_LINK: Final = frozenset({*ReferralAction, "correct_number", "answer_follow_up"})
_DEAD_ENDS: Final = ("referral.declined", "referral.expired", "referral.failed", "referral.disputed")
_ENDED_BY_AN_ACT: Final = frozenset({"check_message", "read_reply"})
"""Kinds that a person ends by name, without an event of the case."""


def mistakes(pathway: Pathway) -> list[Flaw]:
    """What would leave something undone: a pathway that has one is not published."""
    found = [*_own_tasks(pathway), *_clocks(pathway), *_rungs(pathway), *_calls(pathway)]
    return [*found, *_dead_ends(pathway), *_lost_acts(pathway)]


def doubts(pathway: Pathway) -> list[Flaw]:
    """What is probably not meant, and does no harm to a case."""
    return [*_idle(pathway), *_owners(pathway), *_unanswered(pathway), *_refused_acts(pathway)]


# -- Mistakes


def _own_tasks(pathway: Pathway) -> Iterator[Flaw]:
    """A task that the software knows ends by its acts; one of the pathway's own needs the words to be done by hand."""
    for kind, rule in pathway.tasks.items():
        is_known = has_label("task", kind)
        if is_known and rule.title:
            sentence = f"la tâche « {kind} » est du logiciel, elle ne prend pas de titre : donnez-lui un autre nom"
            yield Flaw(("tasks", kind, "title"), sentence)
        if rule.outcomes and not rule.title and is_known:
            yield Flaw(("tasks", kind, "outcomes"), f"la tâche « {kind} » est du logiciel, ses issues sont ses actes")
        for action in sorted(set(rule.actions) - _BY_LINK):
            yield Flaw(("tasks", kind, "actions"), f"« {action} » n’est pas un acte que permet un lien")
        if len(rule.outcome_titles) != len(rule.outcomes):
            sentence = f"la tâche « {kind} » a besoin d’un titre pour chaque issue (outcome_titles)"
            yield Flaw(("tasks", kind, "outcomes"), sentence)


def _clocks(pathway: Pathway) -> Iterator[Flaw]:
    """A provisional date becomes final at delivery, and only a ladder that counts from there starts then."""
    for kind, rule in pathway.tasks.items():
        counts = {pathway.ladders[name].counts_from_delivery for name in rule.ladders}
        if rule.provisional and counts != {True}:
            sentence = f"la date de « {kind} » est provisoire : son échelle doit compter depuis la remise"
            yield Flaw(("tasks", kind, "provisional"), f"{sentence} (counts_from_delivery)")
        if True in counts and not rule.provisional:
            sentence = f"l’échelle de « {kind} » compte depuis la remise : sa date doit être provisoire (provisional)"
            yield Flaw(("tasks", kind, "ladder"), sentence)


def _rungs(pathway: Pathway) -> Iterator[Flaw]:
    """A ladder is climbed in the order of its file: a step written after a later one would never be seen in time."""
    told: set[Place] = set()
    for kind, rule in pathway.tasks.items():
        steps = [(name, index) for name in rule.ladders for index in _disordered(pathway.ladders[name], rule, name)]
        for name, index in steps:
            place = ("ladders", name, "rungs", index)
            if place not in told:
                sentence = f"pour la tâche « {kind} », l’échelon {index + 1} vient avant celui qui est écrit au-dessus"
                yield Flaw(place, sentence)
            told.add(place)


def _calls(pathway: Pathway) -> Iterator[Flaw]:
    """The guards of the follow-up count the calls of one task's series."""
    calls = pathway.tasks.get(_CALLS)
    if calls is not None and calls.due.series:
        return
    for place, guard in pathway.conditions():
        if guard in _COUNT_CALLS:
            yield Flaw(place, f"« {guard} » compte les appels de la tâche « {_CALLS} » : donnez-lui une série (series)")


def _disordered(ladder: Ladder, rule: TaskRule, name: str) -> list[int]:
    """The rungs that come before the one above them, on plain weeks."""
    delays = rule.due.series or (rule.due.delay,)
    if name == rule.urgent_ladder and rule.due.urgent is not None:
        delays = (rule.due.urgent,)
    return sorted({index for delay in delays if delay for index in _disordered_for(ladder, delay)})


def _disordered_for(ladder: Ladder, delay: Delay) -> Iterator[int]:
    due = _PLAIN_WEEKS.apply(delay, _MONDAY)
    at = [
        (index, clocks.rung_at(rung, anchor=_MONDAY, due=due, calendar=_PLAIN_WEEKS))
        for index, rung in enumerate(ladder.rungs)
        if not rung.off
    ]
    yield from (index for (_, above), (index, below) in pairwise(at) if below < above)


def _dead_ends(pathway: Pathway) -> Iterator[Flaw]:
    """Somebody has a new alert whatever it says, and a partner's refusal in the transaction that records it."""
    for event in _DEAD_ENDS:
        if not pathway.events.get(event, Rule()).at_once:
            sentence = f"« {event} » doit ouvrir une tâche sans attendre (at_once) : c’est une impasse"
            yield Flaw(_place(pathway, event), sentence)
    rule = pathway.events.get(AlertSubmitted.type, Rule())
    if not any(isinstance(step, Open) and step.when is None for step in (*rule.at_once, *rule.then)):
        sentence = f"« {AlertSubmitted.type} » n’ouvre aucune tâche à coup sûr : personne n’aurait la demande"
        yield Flaw(_place(pathway, AlertSubmitted.type), sentence)


def _place(pathway: Pathway, event: str) -> Place:
    """An event's, or where it would be written."""
    return ("events", event) if event in pathway.events else ("events",)


def _lost_acts(pathway: Pathway) -> Iterator[Flaw]:
    """An act that needs somebody to follow it must open that task."""
    for event, fact in FACTS.items():
        lost = sorted(set(fact.may_need) & set(pathway.tasks) - _opened_by_family(pathway, event))
        yield from (Flaw(_place(pathway, event), f"« {event} » doit ouvrir la tâche « {kind} »") for kind in lost)


def _opened_by_family(pathway: Pathway, event: str) -> set[str]:
    """What events of the same thing open: help that was asked outside is followed once it is accepted."""
    family = event.split(".", maxsplit=1)[0]
    followed = LATER_RULES | pathway.events
    rules = [rule for name, rule in followed.items() if name.split(".", maxsplit=1)[0] == family]
    return {step.open for rule in rules for step in (*rule.at_once, *rule.then) if isinstance(step, Open)}


# -- Doubts


def _idle(pathway: Pathway) -> Iterator[Flaw]:
    rules = [*pathway.events.values(), *LATER_RULES.values()]
    opened = {step.open for step in pathway.steps() if isinstance(step, Open)}
    ended = {kind for rule in rules for kind in rule.completes} | _ENDED_BY_AN_ACT
    climbed = {name for rule in pathway.tasks.values() for name in rule.ladders}
    for kind, rule in pathway.tasks.items():
        if kind not in opened:
            yield Flaw(("tasks", kind), f"aucune règle n’ouvre la tâche « {kind} »")
        elif kind not in ended and not rule.title:
            sentence = f"aucun événement ne termine la tâche « {kind} » : elle restera jusqu’à la fin de la situation"
            yield Flaw(("tasks", kind), sentence)
    for name in pathway.ladders:
        if name not in climbed:
            yield Flaw(("ladders", name), f"aucune tâche ne suit l’échelle « {name} »")
    if TaskCompleted.type in pathway.events:
        sentence = f"« {TaskCompleted.type} » ne suffit pas : écrivez « {TaskCompleted.type}/tâche »"
        yield Flaw(("events", TaskCompleted.type), sentence)


def _owners(pathway: Pathway) -> Iterator[Flaw]:
    """Who may not exist yet when a rule counts on him: the coordination has the task, nobody reads the message."""
    for place, step in pathway.places():
        if place[0] != "events":
            continue
        event = str(place[1])
        if isinstance(step, Send):
            if step.to is Party.PARTNER and not _has_partner(event):
                yield Flaw(place, f"« {event} » n’a pas de partenaire à qui écrire « {step.send} »")
            continue
        party = pathway.tasks[step.open].party
        is_lost = {
            Party.PARTNER: not _has_partner(event),
            Party.OPERATOR: event in _BEFORE_OPERATOR,
            Party.ALERT_GIVER: step.when not in _GIVER_IS_KNOWN,
            Party.HOUSEHOLD: True,
        }
        if is_lost.get(party, False):
            yield Flaw(place, f"la tâche « {step.open} » est à quelqu’un qui peut manquer à « {event} »")


def _has_partner(event: str) -> bool:
    """Whether an event is about a referral, itself or through its task."""
    fields = FACTS[event.split("/", maxsplit=1)[0]].model_fields
    return "partner_id" in fields or "referral_id" in fields or "task_id" in fields


def _unanswered(pathway: Pathway) -> Iterator[Flaw]:
    """A task of the pathway's own whose end leads nowhere."""
    for kind, rule in pathway.tasks.items():
        general = f"{TaskCompleted.type}/{kind}"
        if not rule.title or general in pathway.events:
            continue
        silent = [outcome for outcome in rule.outcomes if f"{general}/{outcome}" not in pathway.events]
        if silent:
            yield Flaw(("tasks", kind, "outcomes"), f"rien ne suit « {kind} » quand l’issue est {_listed(silent)}")
        elif not rule.outcomes:
            yield Flaw(("tasks", kind), f"rien ne suit la tâche « {kind} »")


def _refused_acts(pathway: Pathway) -> Iterator[Flaw]:
    for event, fact in FACTS.items():
        if lacking := sorted(set(fact.may_need) - set(pathway.tasks)):
            yield Flaw(("tasks",), f"sans la tâche {_listed(lacking)}, « {event} » sera refusé")


def _listed(names: list[str]) -> str:
    return wording.NBSP.join(("«", f"{wording.NBSP}», «{wording.NBSP}".join(names), "»"))

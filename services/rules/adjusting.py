"""What a coordinator may change of a pathway on screen: its counts, its delays, which reminders leave, and what is
otherwise in urgency. Pure.

The rest of its structure (who, which task after which event, which text) is changed in a file, where it is checked as
a whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from models.delays import Delay, DelayUnit
from models.pathway import Anchor, Open, Pathway, Place, Rung, Send, Step
from services.foundation.wording import duration, every
from services.rules import checks, outline
from services.rules.comparison import ANCHORS, ARROW, reader_words
from services.rules.texts import own
from services.rules.texts.labels import has_label, inside, label
from services.rules.texts.typography import french
from services.rules.titles import plain_title, task_title

ON, OFF = "on", "off"
DANGER: Final = "danger"
"""The text that comes back until somebody takes the danger in hand: nobody silences it."""
Kind = Literal["count", "delay", "switch", "variant"]


@dataclass(frozen=True)
class Setting:
    """One value that may be changed: `name` is its place in the definition, `about` what it is a value of.

    A value is written as the definition writes it: `3`, `5wd`, and `on` or `off` for a reminder and for a variant (the
    reminders of its own that a task has in urgency). An `optional` delay that is not there is empty.
    """

    name: str
    kind: Kind
    about: str
    words: str
    value: str
    place: Place
    units: tuple[DelayUnit, ...] = tuple(DelayUnit)
    least: int = 0
    most: int = 999
    optional: bool = False

    @property
    def amount(self) -> str:
        """The number of a count or a delay."""
        return self.value.rstrip(_LETTERS)

    @property
    def unit(self) -> str:
        """What a delay counts, or would."""
        return self.value.removeprefix(self.amount) or DelayUnit.WORKING_DAYS.value

    @property
    def is_there(self) -> bool:
        """Whether the pathway has it: what may be added is there once it was."""
        return self.value != "" and (self.kind != "variant" or self.value == ON)


COUNTS: Final[Mapping[str, tuple[str, int, int]]] = {
    "call_attempts": ("Appels avant d’attendre un signe du ménage", 1, 20),
    "call_days": ("Jours différents pour ces appels", 1, 20),
    "call_slots": ("Moments de la journée différents pour ces appels", 1, 4),
    "absences_allowed": ("Absences au rendez-vous avant de décider de la suite", 0, 20),
    "visits": ("Visites avant le rapport", 1, 9),
    "visit_days": ("Jours entre l’accord du ménage et sa visite avant de prévenir la coordination", 1, 365),
    "revisit_months": ("Mois pendant lesquels une visite déjà faite chez un double est signalée", 0, 120),
    "snoozes": ("Reports possibles des relances d’une tâche", 0, 20),
    "snooze_days": ("Jours ouvrés d’un report, au plus", 1, 60),
    "return_days": ("Jours ouvrés de la coordination, au moins, pour une tâche qui lui est rendue", 0, 60),
    "hold_days": ("Jours pendant lesquels un partenaire peut mettre son aide en attente", 1, 365),
    "full_days": ("Jours pendant lesquels un partenaire sans place est tenu pour complet", 1, 365),
    "sheet_months": ("Mois après lesquels une fiche de l’annuaire est à vérifier", 1, 60),
}
"""Each with the least and the most that make sense."""


def settings_of(pathway: Pathway) -> list[Setting]:
    """Everything that may be changed, in the order of the definition."""
    counts = (
        Setting(name, "count", "", words, str(getattr(pathway, name)), (name,), least=least, most=most)
        for name, (words, least, most) in COUNTS.items()
    )
    delays = (each for kind in pathway.tasks for each in (*_of_due(pathway, kind), *_of_urgency(pathway, kind)))
    reminders = (each for name in pathway.ladders for each in _of_ladder(pathway, name))
    return [*counts, *delays, *reminders]


def adjusted(pathway: Pathway, changes: Mapping[str, str], *, version: int) -> Pathway:
    """The same definition with other values, as another version. Raises `Misfits`.

    Reminders that are added with it are changed by the same names as any others.
    """
    before = {each.name: each for each in settings_of(pathway)}
    variants = {each: changes[name] for name, each in before.items() if name in changes and each.kind == "variant"}
    pathway = _with_variants(pathway, variants)
    known = before | {each.name: each for each in settings_of(pathway)}
    wrong = {name: _wrong(known.get(name), said) for name, said in changes.items()}
    if errors := {name: sentence for name, sentence in wrong.items() if sentence}:
        raise Misfits(errors)
    content = pathway.model_dump(mode="json")
    for name, said in changes.items():
        if known[name].kind != "variant":
            _put(content, known[name], said)
    try:
        made = Pathway.model_validate(content | {"version": version})
    except ValidationError:  # pragma: no cover - every single value was looked at
        raise Misfits({"": "Ces valeurs ne vont pas ensemble."}) from None
    if errors := _mistaken(pathway, made):
        raise Misfits({name if name in before else _added_by(name, before): told for name, told in errors.items()})
    return made


def _with_variants(pathway: Pathway, said: Mapping[Setting, str]) -> Pathway:
    """With reminders of their own in urgency for these tasks, which are at first those that they have; or without."""
    tasks, ladders = dict(pathway.tasks), dict(pathway.ladders)
    for setting, wanted in said.items():
        kind = str(setting.place[1])
        rule = tasks[kind]
        if wanted == setting.value or wanted not in {ON, OFF}:
            continue
        if wanted == ON and rule.ladder is not None:
            ladders[_urgent_name(kind)] = ladders[rule.ladder]
        tasks[kind] = rule.model_copy(update={"urgent_ladder": _urgent_name(kind) if wanted == ON else None})
        if wanted == OFF and not any(rule.urgent_ladder in each.ladders for each in tasks.values()):
            del ladders[str(rule.urgent_ladder)]
    return pathway.model_copy(update={"tasks": tasks, "ladders": ladders})


def _urgent_name(kind: str) -> str:
    return f"{kind[:_LONGEST]}{_URGENT}"


_URGENT: Final = "_urgent"
_LONGEST: Final = 40 - len(_URGENT)


def _added_by(name: str, before: Mapping[str, Setting]) -> str:
    """The setting on the page that added the ladder of this one."""
    ladder = name.split(".")[1] if name.startswith("ladders.") else ""
    variants = (each.name for each in before.values() if each.kind == "variant")
    return next((each for each in variants if _urgent_name(each.split(".")[1]) == ladder), "")


class Misfits(ValueError):
    """Values that cannot be: a sentence for each setting's name."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """`errors` in the order of the page."""
        super().__init__("misfits")
        self.errors = {name: french(sentence) for name, sentence in errors.items()}


def changes_between(before: Pathway, after: Pathway) -> list[str]:
    """What differs in what may be changed on screen, in sentences."""
    values = {each.name: each.value for each in settings_of(after)}
    return [
        french(f"{told(each)} : {value_words(each.kind, each.value)} {ARROW} {value_words(each.kind, new)}")
        for each in settings_of(before)
        if (new := values.get(each.name, each.value)) != each.value
    ]


def told(setting: Setting) -> str:
    """`Appeler le ménage une première fois, délai`."""
    return f"{setting.about}, {inside(setting.words)}" if setting.about else setting.words


def value_words(kind: Kind, value: str) -> str:
    """`5 jours ouvrés`, `le jour même`, `aucun`, `arrêtée`."""
    if kind == "variant":
        return "à part" if value == ON else "comme d’ordinaire"
    if kind == "switch":
        return "envoyée" if value == ON else "arrêtée"
    if kind == "count" or value == "":
        return value or "aucun"
    delay = Delay.parse(value)
    return duration(delay) if delay.amount else "le jour même"


def rung_words(rung: Rung) -> str:
    """When a step of a ladder is taken: `3 jours ouvrés après l’échéance`."""
    if rung.after is not None:
        return f"{duration(rung.after)} après le début"
    if rung.before is not None and rung.before.amount:
        return f"{duration(rung.before)} avant l’échéance"
    if rung.every is not None:
        return f"{every(rung.every)} ensuite"
    if rung.after_due is not None and rung.after_due.amount:
        return f"{duration(rung.after_due)} après l’échéance"
    return "À l’échéance"


def steps_words(rung: Rung, pathway: Pathway) -> list[str]:
    """What leaves at a step of a ladder, to whom and how."""
    acts = [label("timer_act", rung.act) if has_label("timer_act", rung.act) else rung.act] if rung.act else []
    return [french(line) for line in (*(step_words(step, pathway) for step in rung.steps), *acts)]


def step_words(step: Step, pathway: Pathway) -> str:
    """`e-mail à la coordination : « Débloquer une tâche »`."""
    when = ""
    if step.when:
        when = f", {label('guard', step.when) if has_label('guard', step.when) else 'dans certains cas'}"
    if isinstance(step, Open):
        return f"tâche « {task_title(pathway, step.open)} »{when}"
    return f"{reader_words(step.to, step.by)} : « {own.title(step.send, step.to, step.by)} »{when}"


def ladder_title(pathway: Pathway, name: str) -> str:
    """What a ladder waits for; of one that was added for a task, which."""
    if has_label("ladder", name):
        return label("ladder", name)
    kind = next((kind for kind in pathway.tasks if _urgent_name(kind) == name), None)
    return plain_title(name) if kind is None else f"{task_title(pathway, kind)}, en urgence"


def may_be_silenced(rung: Rung) -> bool:
    """Whether a step may be switched off: it writes and does no more, and chases no danger."""
    sends = [step for step in rung.steps if isinstance(step, Send)]
    return rung.act is None and len(sends) == len(rung.steps) and all(step.send != DANGER for step in sends)


def _of_due(pathway: Pathway, kind: str) -> Iterator[Setting]:
    place: Place = ("tasks", kind, "due")
    due, about = pathway.tasks[kind].due, task_title(pathway, kind)

    def setting(delay: Delay, words: str, *at: str | int, units: tuple[DelayUnit, ...] = tuple(DelayUnit)) -> Setting:
        where = (*place, *at)
        return Setting(_name(where), "delay", about, words, str(delay), where, units=units)

    since = ANCHORS[due.since].strip()
    if due.delay is not None:
        yield setting(due.delay, f"Délai {since}".strip(), "delay")
    for index, delay in enumerate(due.series):
        yield setting(delay, f"Délai {since}, la {index + 1}{'re' if index == 0 else 'e'} fois", "series", index)
    if due.ahead is not None:
        yield setting(due.ahead, f"Avance {since.replace('après', 'sur')}", "ahead", units=(DelayUnit.DAYS,))
    if due.at_least is not None:
        yield setting(due.at_least, "Au plus tôt", "at_least")


def _of_urgency(pathway: Pathway, kind: str) -> Iterator[Setting]:
    """What a task may have of its own in urgency: a delay instead of the one from its beginning, and reminders."""
    rule, about = pathway.tasks[kind], task_title(pathway, kind)
    has_delay = rule.due.delay is not None and rule.due.since is Anchor.EVENT
    if has_delay or rule.due.urgent is not None:
        place: Place = ("tasks", kind, "due", "urgent")
        value = str(rule.due.urgent) if rule.due.urgent is not None else ""
        yield Setting(_name(place), "delay", about, "Délai en cas d’urgence", value, place, optional=True)
    if (has_delay and rule.ladder is not None) or rule.urgent_ladder is not None:
        place = ("tasks", kind, "urgent_ladder")
        value = ON if rule.urgent_ladder is not None else OFF
        yield Setting(_name(place), "variant", about, "Relances en cas d’urgence", value, place)


def _of_ladder(pathway: Pathway, name: str) -> Iterator[Setting]:
    ladder, about = pathway.ladders[name], ladder_title(pathway, name)
    if ladder.undelivered_after is not None:
        place: Place = ("ladders", name, "undelivered_after")
        yield Setting(_name(place), "delay", about, "Si rien n’est remis, après", str(ladder.undelivered_after), place, least=1)  # fmt: skip  # noqa: E501
    for index, rung in enumerate(ladder.rungs):
        place = ("ladders", name, "rungs", index)
        which = f"{index + 1}{'re' if index == 0 else 'e'} étape"
        for moment, words, least in _MOMENTS:
            delay: Delay | None = getattr(rung, moment)
            if delay is not None:
                where = (*place, moment)
                units = (DelayUnit.DAYS,) if moment == "before" else tuple(DelayUnit)
                yield Setting(_name(where), "delay", about, f"{which}, {words}", str(delay), where, units, least)
        if may_be_silenced(rung):
            where = (*place, "off")
            yield Setting(_name(where), "switch", about, which, OFF if rung.off else ON, where)


_MOMENTS: Final = (
    ("after", "après le début", 1),
    ("before", "avant l’échéance", 0),
    ("after_due", "après l’échéance", 0),
    ("every", "puis de nouveau après", 1),
)


def _name(place: Place) -> str:
    return ".".join(str(part) for part in place)


def _wrong(setting: Setting | None, said: str) -> str:
    if setting is None:
        return "Ce réglage n’existe pas dans ce parcours."
    if said == "" and setting.optional:
        return ""
    if setting.kind in {"switch", "variant"}:
        return "" if said in {ON, OFF} else "Dites « on » ou « off »."
    amount, unit = said, ""
    if setting.kind == "delay":
        amount = said.rstrip(_LETTERS)
        unit = said.removeprefix(amount)
    if not amount.isascii() or not amount.isdigit():
        return "Un nombre entier est attendu."
    if not setting.least <= int(amount) <= setting.most:
        return f"Un nombre de {setting.least} à {setting.most} est attendu."
    misfits = setting.kind == "delay" and unit not in set(setting.units)
    return f"Ce délai se compte en {' ou '.join(_UNITS[each] for each in setting.units)}." if misfits else ""


_UNITS: Final = {
    DelayUnit.WORKING_DAYS: "jours ouvrés",
    DelayUnit.DAYS: "jours",
    DelayUnit.HOURS: "heures",
    DelayUnit.MONTHS: "mois",
}
_LETTERS: Final = "".join(DelayUnit)


def unit_choices(setting: Setting) -> list[tuple[str, str]]:
    """In what a delay may be counted."""
    return [(unit.value, words) for unit, words in _UNITS.items() if unit in setting.units]


def _put(content: Any, setting: Setting, said: str) -> None:
    *way, last = setting.place
    for part in way:
        content = content[part]
    if setting.kind == "switch":
        content[last] = said == OFF
    elif setting.kind == "count":
        content[last] = int(said)
    else:
        amount = said.rstrip(_LETTERS)
        content[last] = f"{int(amount)}{said.removeprefix(amount)}" if said else None


def _mistaken(before: Pathway, after: Pathway) -> dict[str, str]:
    """What the new values break; what was wrong already is not theirs."""
    names = [each.name for each in settings_of(after)]
    known = set(checks.mistakes(before))
    found: dict[str, str] = {}
    for flaw in checks.mistakes(after):
        if flaw in known:
            continue
        own_name = _name(flaw.place)
        name = next((each for each in names if each.startswith(f"{own_name}.")), "")
        is_order = flaw.place[:1] == ("ladders",)
        found.setdefault(name, "Cette étape viendrait avant celle d’au-dessus." if is_order else flaw.sentence)
    return found


def stages(pathway: Pathway) -> list[tuple[str, list[str], list[str]]]:
    """Each stage with the kinds of its tasks and the names of its ladders, in the order of the definition."""
    by_task, by_ladder = outline.tasks(pathway), outline.ladders(pathway)
    return [
        (
            outline.stage_title(stage),
            [kind for kind, found in by_task.items() if found == stage],
            [name for name, found in by_ladder.items() if found == stage],
        )
        for stage in outline.STAGES
    ]

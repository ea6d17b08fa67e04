"""The texts that the engine sends: loaded once, checked, filled in for one reader on one channel."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from jinja2 import DictLoader, StrictUndefined, TemplateNotFound, UndefinedError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, model_validator

from models.pathway import Pathway, Send, TaskRule
from models.vocabulary import Channel, Party
from services.foundation import wording, yaml_files
from services.foundation.errors import CaseworkError, Setup
from services.rules.texts.labels import has_label, inside, label
from services.rules.texts.typography import NBSP, french, gsm_7, shortened

SCREEN: Final = "screen"
SMS_NAME_LENGTH: Final = 40
"""Characters of the service's name in an SMS, so that the longest text holds in one."""

ARTICLES: Final = frozenset({"la", "le", "les"})


class TextMissing(Setup):
    """The catalogue has no such text for this reader and channel."""

    code = "text-missing"

    def __init__(self, text: str, key: str) -> None:
        """`key` is `party.channel`."""
        super().__init__(f"Le texte « {text} » ({key}) manque au catalogue.")
        self.text, self.key = text, key


class TextIncomplete(CaseworkError):
    """A text needs a value that its context lacks; nothing is sent with a hole in it."""

    code = "text-incomplete"

    def __init__(self, text: str, key: str, lacking: str) -> None:
        """`lacking` is the template engine's remark: a field's name, never a value."""
        super().__init__(f"Le texte « {text} » ({key}) attend une valeur qui manque : {lacking}.")
        self.text, self.key, self.lacking = text, key, lacking


class Rendered(NamedTuple):
    """What is sent. `subject` is empty for an SMS and for what is said on the telephone."""

    subject: str
    body: str


@dataclass(frozen=True, kw_only=True)
class TextContext:
    """What a text may say. None means "unknown": a text that needs it refuses to be written.

    `signer_name` is a person ("Claire Morvan") or "La coordination"; letters keep the first name only. `addressee`
    is the household as greeted in a letter ("Madame Martin"): no mail and no SMS uses it. `organisation` is the
    recipient's, for the notice the alert giver's; `destination` the service that takes a household over. `meets_at` is
    when a partner proposes to meet the household. `visit_word` is what the visitor says at the door. `task` is its
    title, which a pathway may write. `theme`, `reason`, `outcome`, `stage`, `danger` and `responsible` (the party that
    a late task waits for) are codes. Instants are aware; `zone` is the programme's. `today` adds the year to a date of
    another year. `solutions` are the codes of the types of solution that were asked. `requests` are an alert giver's
    of several cases, by service (`organisation`, `lines`, `link`, `poster`); `other_requests` counts those that are
    not listed. `sheets` are those of a partner (name, link). `cut_on` is the day of a cut as its supplier says
    it, `cut_lawful_on` the first one that the law allows where that is another.
    """

    programme_name: str
    programme_phone: str
    programme_email: str
    city: str
    reference: str
    commune: str
    signer_name: str
    signer_phone: str
    zone: ZoneInfo
    organisation: str | None = None
    addressee: str | None = None
    theme: str | None = None
    partner: str | None = None
    task: str | None = None
    responsible: str | None = None
    due_at: datetime | None = None
    visit_starts_at: datetime | None = None
    visit_ends_at: datetime | None = None
    meets_at: datetime | None = None
    officer: str | None = None
    visit_word: str | None = None
    reason: str | None = None
    outcome: str | None = None
    stage: str | None = None
    danger: str | None = None
    urgent: bool | None = None  # True or unknown: a text asks whether it is defined
    for_good: bool | None = None  # the same: the visit is called off and no other date is looked for
    same_time: bool | None = None  # the same: the visit is when it was, somebody else makes it
    to_signer: bool | None = None  # the same: whoever signs reads it, and is not told to call herself
    others_asked: bool | None = None  # the same: another partner, asked at the same time, may still answer
    cut_on: date | None = None
    cut_lawful_on: date | None = None
    solutions: tuple[str, ...] | None = None
    requests: tuple[Any, ...] | None = None
    other_requests: int | None = None
    sheets: tuple[tuple[str, str], ...] | None = None
    destination: str | None = None
    destination_phone: str | None = None
    link: str | None = None
    requests_link: str | None = None
    carrier: str | None = None
    postal_address: str | None = None
    dpo_contact: str | None = None
    today: date | None = None

    def known(self) -> dict[str, object]:
        """The values that are known; strings on one line, so that no name can forge a line of its own."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: one_line(value) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None and value != ""
        }


class Text(BaseModel):
    """One text as written: Jinja source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    subject: str = ""
    body: str


class Catalogue(BaseModel):
    """Every text by name, then by `party.channel`; `parts` are what several texts share."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int
    source: str
    parts: dict[str, str]
    texts: dict[str, dict[str, Text]]

    @model_validator(mode="after")
    def _readers_exist(self) -> Self:
        wrong = [
            f"{name}: {key}"
            for name, readers in self.texts.items()
            for key, text in readers.items()
            if not _is_reader(key) or _has_subject(key) != bool(text.subject)
        ]
        if wrong:
            raise ValueError("unknown reader, or a subject where none belongs: " + ", ".join(wrong))
        return self


@cache
def load() -> Catalogue:
    """The catalogue that ships with this version."""
    source = resources.files(__package__).joinpath("fr.yaml").read_text(encoding="utf-8")
    return Catalogue.model_validate(yaml_files.read(source))


def render(text: str, party: Party | str, channel: Channel | str, context: TextContext) -> Rendered:
    """Write a text for its reader. Raises `TextMissing`, or `TextIncomplete` when the context lacks a value."""
    key = f"{Party(party).value}.{channel if channel == SCREEN else Channel(channel).value}"
    values = context.known()
    if channel == Channel.SMS:
        values["programme_name"] = short_name(context)
    try:
        subject = environment().get_template(f"{text}/{key}/subject").render(values)
        body = environment().get_template(f"{text}/{key}/body").render(values)
    except TemplateNotFound:
        raise TextMissing(text, key) from None
    except UndefinedError as lacking:
        raise TextIncomplete(text, key, str(lacking)) from None
    if channel == Channel.SMS:
        return Rendered("", one_line(gsm_7(body)))
    return Rendered(french(one_line(subject)), french(tidy(body)))


def short_name(context: TextContext) -> str:
    """The service's name as an SMS says it."""
    return shortened(str(context.known()["programme_name"]), SMS_NAME_LENGTH)


def part(name: str, context: TextContext, **more: object) -> str:
    """What several texts share, as it stands in them; `more` are values that no single text has."""
    return french(tidy(environment().get_template(name).render(context.known() | more))).strip()


def missing(pathway: Pathway) -> list[str]:
    """The texts and the task labels that a pathway uses and that are not written, one sentence each."""
    lacking = [text_missing(Send(send=text, to=to, by=by)) for text, to, by in sorted(pathway.texts())]
    lacking += [label_missing(kind, rule) for kind, rule in sorted(pathway.tasks.items())]
    return [sentence for sentence in lacking if sentence]


def text_missing(step: Send) -> str | None:
    """The sentence that says so when nobody wrote this text for this reader and channel."""
    key = f"{step.to.value}.{step.by.value}"
    is_written = key in load().texts.get(step.send, {})
    return None if is_written else french(f"Le texte « {step.send} » ({key}) n’est pas écrit.")


def label_missing(kind: str, rule: TaskRule) -> str | None:
    """The same for a task that has neither words in the catalogue nor a title of its pathway's own."""
    is_written = rule.title or (has_label("task", kind) and has_label("task_next", kind))
    return None if is_written else french(f"Le libellé de la tâche « {kind} » n’est pas écrit.")


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """The template engine of the texts: it sees the values of the context and nothing else."""
    return environment_of(load().parts)


def environment_of(parts: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    """The same over other shared parts; a new one each time."""
    sources = dict(parts)
    for name, readers in load().texts.items():
        for key, text in readers.items():
            sources |= {f"{name}/{key}/subject": text.subject, f"{name}/{key}/body": text.body}
    texts = ImmutableSandboxedEnvironment(
        loader=DictLoader(sources),
        undefined=StrictUndefined,
        autoescape=False,  # plain text: mail.py escapes it for HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # a part ends its line
        cache_size=-1,
    )
    texts.filters |= {
        "day": _day,
        "moment": _moment,
        "slot": _slot,
        "phone": _phone,
        "first_name": _first_name,
        "label": lambda code, kind: label(kind, code),
        "inside": inside,
    }
    return texts


@pass_context
def _day(context: Context, when: datetime | date) -> str:
    day = _local(context, when).date() if isinstance(when, datetime) else when
    return wording.day(day, today=context.get("today"))


@pass_context
def _moment(context: Context, instant: datetime) -> str:
    return wording.moment(_local(context, instant), context["zone"], today=context.get("today"))


@pass_context
def _slot(context: Context, starts_at: datetime) -> str:
    """`mercredi 5 novembre, de 14 h à 16 h`; the start alone when the end is unknown."""
    start, end = wording.hour(_local(context, starts_at)), context.get("visit_ends_at")
    hours = f"à {start}" if end is None else f"de {start} à {wording.hour(_local(context, end))}"
    return f"{_day(context, starts_at)}, {hours}"


def _local(context: Context, instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("a naive datetime cannot be told: give it a zone")
    zone: ZoneInfo = context["zone"]
    return instant.astimezone(zone)


def _phone(number: str) -> str:
    """A number kept in E.164 in groups of two; another is said as the programme wrote it."""
    return wording.phone(number) if number.startswith("+") else number.replace(" ", NBSP)


def _first_name(name: str) -> str:
    first, _, rest = name.partition(" ")
    return name if not rest or first.lower() in ARTICLES else first


def one_line(text: str) -> str:
    """Without line breaks; `str.split()` alone would also lose the non-breaking spaces."""
    return NBSP.join(" ".join(part.split()) for part in text.split(NBSP)).strip()


def tidy(body: str) -> str:
    """Blocks apart by one blank line, lines without trailing spaces."""
    lines = [line.strip() for line in body.strip().splitlines()]
    kept = [line for before, line in zip(["", *lines], lines, strict=False) if line or before]
    return "\n".join(kept) + "\n"


def _is_reader(key: str) -> bool:
    party, _, channel = key.partition(".")
    return party in set(Party) and (channel in set(Channel) or channel == SCREEN)


def _has_subject(key: str) -> bool:
    return key.endswith((f".{Channel.EMAIL.value}", f".{Channel.LETTER.value}"))

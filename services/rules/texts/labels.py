"""The French word of a code, and the sentence of an event on the timeline."""

import re
import string
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError

from models.events import FACTS, Fact
from models.vocabulary import CaseState, Channel, MessageState
from services.foundation import wording, yaml_files
from services.foundation.errors import Setup
from services.rules.texts.typography import french

# A kind that speaks only where its own word differs, then asks the others in turn.
FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "theme_mail": ("theme",),
        "giver_news_helped": ("giver_news",),
        "household_state_helped": ("household_state",),
        "household_state_past": ("household_state",),
        "message_state_email": ("message_state",),
        "message_state_sms": ("message_state",),
        "message_state_letter": ("message_state",),
        "reason": (
            "decline_reason",
            "failure_reason",
            "rejection_reason",
            "hold_reason",
            "withdraw_reason",
            "void_reason",
            "gap_reason",
        ),
    }
)


class LabelMissing(Setup):
    """No French word is written for a code: the pathway or the vocabulary is ahead of the labels."""

    code = "label-missing"

    def __init__(self, kind: str, code: str) -> None:
        """`kind` and `code` as they were asked."""
        super().__init__(f"Le libellé « {code} » manque au catalogue des libellés ({kind}).")
        self.kind, self.missing = kind, code


class _Labels(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int
    labels: dict[str, dict[str, str]]


def label(kind: str, code: str) -> str:
    """The word for `code`, standing alone (capital first, except parties: « la coordination »).

    `kind` is an enumeration's name in snake case (`case_state`), or one of the kinds of `labels.fr.yaml` (`task`,
    `task_next`, `event`, `theme_mail`, `theme_plain`…). `reason` finds the reason of a decline, a failure or a
    rejection. Raises `LabelMissing`.
    """
    written = _written()
    for place in (kind, *FALLBACKS.get(kind, ())):
        if found := written.get(place, {}).get(code):
            return found
    raise LabelMissing(kind, code)


def choices(kind: str) -> list[tuple[str, str]]:
    """Every (code, label) of a kind, in the order of the file: the options of a form."""
    return list(_written()[kind].items())


def has_label(kind: str, code: str) -> bool:
    """Whether `label` would answer."""
    return any(code in _written().get(place, {}) for place in (kind, *FALLBACKS.get(kind, ())))


def message_label(state: MessageState, channel: Channel) -> str:
    """The state of a message in the words of its channel: a mail is handed over, a letter posted."""
    return label(f"message_state_{channel.value}", state.value)


def event_sentence(
    event_type: str, payload: Mapping[str, Any], zone: ZoneInfo, *, said: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The line of the timeline for an event, filled from its codes, numbers and dates only.

    `said` gives the words of a field that the labels do not know, as the title of a task of the pathway's own. An event
    that this version cannot read says that.
    """
    fact = fact_of(event_type, payload)
    if fact is None:
        return label("event_set_aside", "unreadable")
    sentence = label("event", event_type)
    words = {field: said.get(field) or _words(getattr(fact, field), field, zone) for field in placeholders(sentence)}
    return french(sentence.format_map(words))


def fact_of(event_type: str, payload: Mapping[str, Any]) -> Fact | None:
    """What an event says; None where this version cannot read it, which is why it may have been set aside."""
    try:
        return FACTS[event_type].model_validate(payload)
    except (KeyError, ValidationError):
        return None


@cache
def placeholders(sentence: str) -> tuple[str, ...]:
    """The fields that a sentence asks for."""
    return tuple(field for _, field, _, _ in string.Formatter().parse(sentence) if field)


def inside(words: str) -> str:
    """The same words inside a sentence: first letter lowered, unless it begins an acronym."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def to_party(party: str) -> str:
    """`à la coordination`, `au ménage`."""
    return f"à {label('party', party)}".replace("à le ", "au ")


def kind_of(enumeration: type[Enum]) -> str:
    """`CaseState` → `case_state`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enumeration.__name__).lower()


def _words(value: object, field: str, zone: ZoneInfo) -> str:
    """A field's word, or those of a list, each once."""
    several = value if isinstance(value, list) else [value]
    return ", ".join(dict.fromkeys(_word(each, field, zone) for each in several))


def _word(value: object, field: str, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return wording.moment(value, zone)
    if isinstance(value, date):
        return wording.day(value)
    if field == "kind" and not isinstance(
        value, Enum
    ):  # of a task: a pathway may define its own, which has no label here
        return inside(label("task", str(value))) if has_label("task", str(value)) else str(value).replace("_", " ")
    named = _name(value, field)
    return inside(label(*named)) if named else str(value)


def _name(value: object, field: str) -> tuple[str, str] | None:
    """The kind and the code of the label that says it; None for a number or a word of its own."""
    if isinstance(value, Enum):
        return kind_of(type(value)), value.value
    if isinstance(value, bool):
        return field, "yes" if value else "no"
    if field == "state":  # a reopened case says its state as a bare code
        return kind_of(CaseState), str(value)
    return None


@cache
def _written() -> dict[str, dict[str, str]]:
    source = resources.files(__package__).joinpath("labels.fr.yaml").read_text(encoding="utf-8")
    kinds = _Labels.model_validate(yaml_files.read(source)).labels
    return {kind: {code: french(words) for code, words in codes.items()} for kind, codes in kinds.items()}

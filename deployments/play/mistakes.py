"""What is wrong in a story, in one sentence with the names that come closest, for whoever wrote it without our code."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.foundation.wording import NBSP

Way = tuple[int | str, ...]
"""The way to a value inside what is written: names of fields, numbers of lines."""

CODED = frozenset({"enum", "literal_error"})
_SENTENCES = {
    "missing": "il manque « {name} »",
    "less_than_equal": "« {name} » vaut au plus {le}",
    "greater_than_equal": "« {name} » vaut au moins {ge}",
    "bool_parsing": "« {name} » se dit true ou false",
    "bool_type": "« {name} » se dit true ou false",
    "int_parsing": "« {name} » se dit en chiffres",
    "int_type": "« {name} » se dit en chiffres",
    "decimal_parsing": "« {name} » se dit en chiffres",
    "date_from_datetime_parsing": "« {name} » est un jour (2025-10-06)",
    "date_type": "« {name} » est un jour (2025-10-06)",
    "string_too_short": "« {name} » est vide",
    "too_short": "« {name} » est vide",
    "string_pattern_mismatch": "« {name} » n’a pas la forme voulue",
    "list_type": "« {name} » est une liste",
    "tuple_type": "« {name} » est une liste",
    "dict_type": "« {name} » se dit mot par mot",
    "model_type": "« {name} » se dit mot par mot",
    "string_type": "« {name} » est un texte, entre guillemets s’il contient un deux-points ou une virgule, ou s’il n’a "
    "que des chiffres",
}


NAMES = frozenset({
    "about", "channel", "colleague", "delegate", "from", "into", "item", "name", "officer", "operator", "organisation",
    "partner", "party", "person", "phone", "replaces", "second_officer", "service", "starts", "task", "text", "to",
    "until", "with",
})  # fmt: skip
LISTS = frozenset({"also", "communes", "days", "enter", "leave", "rows", "themes", "to_partners"})
MAPPINGS = frozenset({"changes", "criteria", "helps", "items", "on_behalf"})


def misshapen(given: Mapping[str, Any]) -> Iterator[tuple[Way, str]]:
    """Words of a step that hold what no act could read: a number for a name, one name for a list."""
    kinds = ((NAMES, str, "string_type"), (LISTS, list, "list_type"), (MAPPINGS, Mapping, "dict_type"))
    for words, kind, sentence in kinds:
        for word in given:
            if word in words and not isinstance(given[word], kind):
                yield (word,), _SENTENCES[sentence].format(name=word)


def typed(text: str) -> str:
    """With the spaces and the apostrophe that a keyboard writes, so that a story need not know ours."""
    return text.replace(NBSP, " ").replace("\N{NARROW NO-BREAK SPACE}", " ").replace("’", "'")


def closest(name: str, known: Iterable[str]) -> str:
    """` (proche : accept_case, accept_referral)`; nothing when no known name looks like it."""
    near = get_close_matches(name, [str(each) for each in known], n=3, cutoff=0.5)
    return f" (proche\u00a0: {', '.join(near)})" if near else ""


def cut_off(words: str) -> str:
    """A text that a comma cut in two: YAML takes its end for a word that says nothing."""
    return f"« {words} » n’est pas un mot\u00a0: un texte qui contient une virgule se met entre guillemets"


def explained(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """All that does not fit, each with its place; `model` is that of the step's own words, where there is one."""
    return "\u00a0; ".join(dict.fromkeys(sentence for _, sentence in each_explained(error, model)))


def each_explained(
    error: ValidationError, model: type[BaseModel] | None = None, *, only_words: bool = False
) -> Iterator[tuple[Way, str]]:
    """The same one by one, with the way to each; codes of which one may stand at a place are told together.
    `only_words`: those about words that nobody knows.
    """
    errors, codes = error.errors(), dict[Way, list[str]]()
    if only_words:
        errors = [found for found in errors if found["type"] == "extra_forbidden"]
    for found in errors:
        found["loc"] = tuple(part for part in found["loc"] if "[" not in str(part))  # names of alternatives
        if found["type"] in CODED:
            codes.setdefault(found["loc"], []).extend(_codes(found))
    for found in errors:
        if found["loc"] not in codes:
            yield found["loc"], _sentence(found, model)
        elif known := codes[found["loc"]]:
            yield found["loc"], _unknown_code(found, known)
            codes[found["loc"]] = []


def _codes(found: ErrorDetails) -> list[str]:
    expected = str(found.get("ctx", {}).get("expected", ""))
    return [each.strip(" '") for each in expected.replace(" or ", ",").split(",")]


def _unknown_code(found: ErrorDetails, codes: list[str]) -> str:
    name = ".".join(str(part) for part in found["loc"])
    near = closest(str(found["input"]), codes) or f" (possible\u00a0: {', '.join(codes)})"
    return f"« {name} » ne connaît pas « {found['input']} »{near}"


def _sentence(found: ErrorDetails, model: type[BaseModel] | None) -> str:
    name = ".".join(str(part) for part in found["loc"])
    if found["type"] == "value_error":  # an address has a reason, in English
        said = found.get("ctx", {}).get("error")
        return str(said) if said else f"« {name} » n’est pas une adresse électronique\u00a0: {found['input']}"
    if found["type"] == "extra_forbidden" and found["input"] is None and " " in str(found["loc"][-1]):
        return cut_off(str(found["loc"][-1]))
    if found["type"] == "extra_forbidden":
        fields = _fields(model, found["loc"][:-1])
        known = f", mots possibles\u00a0: {', '.join(fields)}" if fields else ""
        return f"mot inconnu « {name} »{closest(str(found['loc'][-1]), fields) or known}"
    written = _SENTENCES.get(found["type"])
    if written:
        return written.format(name=name, **found.get("ctx", {}))
    return f"« {name} »\u00a0: valeur {found['input']!r} impossible" if name else "rien n’est dit"


def _fields(model: type[BaseModel] | None, place: Iterable[int | str]) -> list[str]:
    """The words that may stand at a place of a model."""
    for part in place:
        if model is None or not isinstance(part, str) or part not in model.model_fields:
            continue
        model = _inner(model.model_fields[part].annotation)
    return sorted(model.model_fields) if model else []


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model inside a list, a union or a dictionary; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = [found for each in get_args(annotation) if (found := _inner(each))]
    return inside[0] if inside else None

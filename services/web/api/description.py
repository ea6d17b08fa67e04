"""What the OpenAPI description says beyond the signatures: French words, codes in clear, one example for each body."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from models import vocabulary
from services.foundation import errors, yaml_files
from services.rules.texts.labels import has_label, kind_of, label
from services.rules.texts.typography import french
from services.web import problems
from services.web.problems import MEDIA_TYPE, Problem

Json = dict[str, Any]
JSON: Final = "application/json"
VERSION: Final = "1"
REF: Final = "#/components/schemas/"
OF_FORMAT: Final = {
    "uuid": "0199b6c2-8a10-7c54-9d3c-000000000002",
    "date": "2025-11-17",
    "date-time": "2025-11-17T17:00:00Z",
}
"""The example of a value that has no word of its own."""
VERSIONED: Final = frozenset({"Receipt", "CaseAnswer"})
"""The answers that carry the version of a case."""


class ExampleMissing(LookupError):
    """Nobody wrote an example for a field, and its type does not give one."""


class _Said(BaseModel):
    means: str
    example: str


class _Catalogue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    about: str
    answers: dict[str | int, str]
    places: dict[str, str]
    headers: dict[str, _Said]
    said: dict[str, str]
    examples: dict[str, Any]


def describe(description: Json, tags: list[dict[str, str]]) -> Json:
    """Complete what FastAPI drew from the routes. What nobody wrote an example for goes without: a test says which."""
    said = _catalogue()
    description["info"] = {"title": said.title, "version": VERSION, "description": french(said.about)}
    description["tags"] = tags
    schemas: Json = description["components"]["schemas"]
    for name, schema in schemas.items():
        _say_schema(name, schema)
    for path, method, operation in operations(description):
        for parameter in operation.get("parameters", ()):
            _say_parameter(parameter)
        body = operation.get("requestBody", {}).get("content", {})
        for content in body.values():
            _show(content, schemas)
            if path.startswith("/api/"):
                _say_body(content["schema"], schemas, operation["summary"])
        for status, response in operation["responses"].items():
            _say_response(status, response, method, schemas)
    return description


def operations(description: Json) -> Iterator[tuple[str, str, Json]]:
    """Each path, method and operation."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def example(schema: Json, schemas: Json, place: str = "") -> Any:
    """A fictional value of this schema: `place` is `Schema.field`, looked up before the field's name alone."""
    written = _catalogue().examples
    for key in (place, place.rpartition(".")[2]):
        if key and key in written:
            return written[key]
    if "$ref" in schema:
        return _of_schema(schema["$ref"].removeprefix(REF), schemas)
    if "anyOf" in schema:
        return example(next(each for each in schema["anyOf"] if each.get("type") != "null"), schemas, place)
    if schema.get("type") == "array":
        return [example(schema["items"], schemas, place)]
    return _by_itself(schema, place)


def _by_itself(schema: Json, place: str) -> Any:
    """What the type of a value gives away: a default, a first code, any date."""
    for several in ("examples", "enum"):
        if schema.get(several):
            return schema[several][0]
    for one in ("const", "default"):
        if one in schema:
            return schema[one]
    if schema.get("format") in OF_FORMAT:
        return OF_FORMAT[schema["format"]]
    raise ExampleMissing(place or str(schema))


def _show(content: Json, schemas: Json) -> None:
    with suppress(ExampleMissing):
        content["example"] = example(content["schema"], schemas)


def _of_schema(name: str, schemas: Json) -> Any:
    schema = schemas[name]
    if "properties" not in schema:
        return example(schema, schemas, name)
    return {field: example(each, schemas, f"{name}.{field}") for field, each in schema["properties"].items()}


def _say_schema(name: str, schema: Json) -> None:
    """The codes of an enumeration in clear; what a field means, where its own class does not say it in French."""
    if "enum" in schema:
        kind = kind_of(getattr(vocabulary, name)) if hasattr(vocabulary, name) else name
        known = [code for code in schema["enum"] if has_label(kind, code)]
        schema["description"] = " ; ".join(f"`{code}` : {label(kind, code)}" for code in known)
        return
    said = _catalogue().said
    for field, each in schema.get("properties", {}).items():
        if "description" not in each:
            words = said.get(f"{name}.{field}") or said.get(field)
            if words:
                each["description"] = words


def _say_parameter(parameter: Json) -> None:
    words = _catalogue().places.get(parameter["name"])
    if parameter["in"] == "path" and words:
        parameter["description"] = words
        parameter["example"] = _catalogue().examples.get(parameter["name"], OF_FORMAT["uuid"])


def _say_body(schema: Json, schemas: Json, summary: str) -> None:
    """The class of a form speaks to programmers; whoever sends it reads what it is for."""
    wanted = [schema, *schema.get("anyOf", ())]
    for each in wanted:
        if "$ref" in each:
            schemas[each["$ref"].removeprefix(REF)]["description"] = summary


def _say_response(status: str, response: Json, method: str, schemas: Json) -> None:
    said = _catalogue()
    for media_type, content in response.get("content", {}).items():
        if media_type == MEDIA_TYPE:
            content["example"] = refusals().get(int(status), refusals()[409]).model_dump(mode="json")
        elif content.get("schema"):
            _show(content, schemas)
    if not status.startswith("2"):
        return
    response["description"] = said.answers["get"] if method == "get" else said.answers[int(status)]
    name = response.get("content", {}).get(JSON, {}).get("schema", {}).get("$ref", "").removeprefix(REF)
    if name in VERSIONED:
        wanted = [name for name in said.headers if name == "ETag" or method == "post"]
        response["headers"] = {name: _header(said.headers[name]) for name in wanted}


def _header(said: _Said) -> Json:
    return {"description": said.means, "schema": {"type": "string"}, "example": said.example}


@cache
def refusals() -> Mapping[int, Problem]:
    """One refusal for each status, in the words that the software uses."""
    found = (
        problems.problem("key-missing", 400, "L’en-tête Idempotency-Key est obligatoire : 1 à 200 caractères ASCII."),
        problems.of_refusal(errors.SignInRefused()),
        problems.of_refusal(errors.Denied()),
        problems.of_refusal(errors.NotFound()),
        problems.of_refusal(errors.GuardRefused("Aucune visite n’est prévue.")),
        problems.of_refusal(errors.LinkExpired()),
        problems.of_refusal(problems.Stale()),
        problems.of_refusal(errors.InvalidInput("until", "Choisissez un jour à venir.")),
        problems.problem("internal", 500, "Une erreur inattendue est survenue : rien n’a été enregistré."),
        problems.of_refusal(errors.Unavailable()),
    )
    return {each.status: each for each in found}


@cache
def _catalogue() -> _Catalogue:
    source = resources.files(__package__).joinpath("description.fr.yaml").read_text(encoding="utf-8")
    return _Catalogue.model_validate(yaml_files.read(source))

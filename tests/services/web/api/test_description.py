"""The OpenAPI description: every operation says in French what it does, with examples that its own models accept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from services.foundation.runtime import build
from services.foundation.settings import Settings
from services.web.api import PREFIX
from services.web.api.description import example, operations, refusals
from services.web.app import create_app
from services.web.problems import MEDIA_TYPE, TITLES, Problem

Json = dict[str, Any]
OUTSIDE = {"/healthz", "/readyz"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """An application that nobody asks anything of."""
    return create_app(build(Settings(data_folder=tmp_path_factory.mktemp("described"), database_url=None)))


@pytest.fixture(scope="module")
def described(app: FastAPI) -> Json:
    return app.openapi()


def contents(operation: Json) -> Iterator[Json]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for response in operation["responses"].values():
        yield from response.get("content", {}).values()


def test_every_operation_says_what_it_does_and_shows_it(described: Json) -> None:
    for path, _, operation in operations(described):
        assert operation["summary"], path
        assert operation["description"], path
        for each in contents(operation):
            if each.get("schema") and "example" not in each:  # this says of which field, for description.fr.yaml
                example(each["schema"], described["components"]["schemas"])
        assert "Successful Response" not in str(operation["responses"]), path
        silent = [each["name"] for each in operation.get("parameters", ()) if not each.get("description")]
        assert silent == [], path


def test_every_operation_says_how_it_refuses(described: Json) -> None:
    for path, _, operation in operations(described):
        problems = {status for status, each in operation["responses"].items() if MEDIA_TYPE in each.get("content", {})}
        assert path in OUTSIDE or {"400", "401", "403", "404", "409", "410", "412", "422"} <= problems, path
    for status, refusal in refusals().items():
        assert Problem.model_validate(refusal.model_dump()).status == status
        assert refusal.title in TITLES.values()


def test_every_field_and_every_code_is_explained(described: Json) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert schema.get("description") or name.startswith("Body_"), name
        silent = [
            field for field, each in schema.get("properties", {}).items() if not each.get("description", "$ref" in each)
        ]
        assert silent == [], f"{name}: say it in description.fr.yaml"


def test_examples_are_accepted_by_their_own_models(app: FastAPI, described: Json) -> None:
    tried = 0
    for route in iter_route_contexts(app.routes):
        if not str(route.path).startswith(PREFIX):
            continue
        method = next(iter(route.methods or ()))
        operation = described["paths"].get(route.path, {}).get(method.lower())
        if operation is None:  # a provider's own door, which the description leaves out
            continue
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            TypeAdapter(route.body_field.field_info.annotation).validate_python(body["example"])
            tried += 1
        done = [each for status, each in operation["responses"].items() if status.startswith("2")]
        for each in (each["content"]["application/json"] for each in done if route.response_field):
            TypeAdapter(route.response_field.field_info.annotation).validate_python(each["example"])
            tried += 1
    assert tried > len(described["paths"])


def test_the_description_names_nobody_and_no_server(described: Json, tmp_path: Path) -> None:
    assert described["info"]["title"] == "Relais"
    assert {tag["name"] for tag in described["tags"]} >= {
        tag for _, _, operation in operations(described) for tag in operation["tags"]
    }
    assert "servers" not in described

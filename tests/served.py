"""The application of the tests: its routes take a tenth of a second to make, so each process makes them once."""

from typing import Final

from fastapi import FastAPI

from services.foundation.runtime import Runtime
from services.web.app import create_app

_made: Final[list[FastAPI]] = []


def served(runtime: Runtime) -> FastAPI:
    """The application, protections included, working with this runtime until a call gives another."""
    if not _made:
        _made.append(create_app(runtime, engine_wait_s=0))
    app = _made[0]
    if app.state.runtime is not runtime:
        app.state.runtime, app.middleware_stack = runtime, None
    return app

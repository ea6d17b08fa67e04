"""Runs Prefect's server as `relais up` needs it: `python -m deployments.prefect_server`, its settings in PREFECT_*.

Under SQLAlchemy 2.1 the scheduler of Prefect 3.8.8 fails at every turn ("Can't evaluate bulk DML statement"): it
inserts flow runs in bulk with a key that names a hybrid property, which 2.0 ignored. Here it is ignored again.
"""

from typing import Any

import uvicorn
from prefect.server.api.server import create_app
from prefect.server.database import orm_models
from prefect.settings import get_current_settings
from sqlalchemy.orm import class_mapper


def ignore_states_in_bulk() -> None:
    """Let bulk inserts carry a `state`, which Prefect inserts apart."""
    for model in (orm_models.FlowRun, orm_models.TaskRun):
        state: Any = class_mapper(model).all_orm_descriptors["state"]
        state.bulk_dml_setter = lambda *_: None


def main() -> None:
    """Serve until stopped."""
    ignore_states_in_bulk()
    api = get_current_settings().server.api
    uvicorn.run(create_app(final=True), host=api.host, port=api.port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()

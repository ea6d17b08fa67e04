"""Run by Alembic for every migration command: works on the connection that it was given, and never opens one."""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.dialects.postgresql import JSONB

import models.engine  # noqa: F401 - the tables must be known before they are compared
from models.base import Base, UtcDateTime


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | Literal[False]:
    """Write plain types, imported by the script itself: a migration outlives the code that it was drawn from."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSONB):
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return "postgresql.JSONB()"
    return False


connection = context.config.attributes["connection"]
if not isinstance(connection, sa.Connection):
    raise TypeError("migrations run on a given connection: see deployments.migrating")
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table="relais_version",
    render_as_batch=True,
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

"""A link scanner as mail gateways have them: opens every link of every mail, follows no form, must change nothing."""

from sqlalchemy import select

from deployments.play.screens import links, read
from models.engine import Message
from services.foundation.runtime import Runtime


def open_every_link(runtime: Runtime) -> None:
    """GET each of our links in each mail."""
    with runtime.database.read() as unit:
        bodies = unit.session.scalars(select(Message.body).where(Message.body.is_not(None))).all()
    read(runtime, links(runtime, bodies))

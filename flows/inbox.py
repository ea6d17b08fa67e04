"""The inbox: answers to our mails are read and filed. Called by the relay and, as a safety net, by Prefect."""

import asyncio
import logging
from typing import Final

from prefect import flow

from services.channels.inbox import Received, open_inbox
from services.correspondence import replies
from services.foundation.runtime import runtime
from services.rules.work import describe

LOG: Final = logging.getLogger(__name__)
BATCH: Final = 50


async def read_inbox() -> int:
    """File what nobody has read, a transaction a mail; how many were new. Raises `InboxUnavailable`.

    A mail that cannot be filed stays unseen, is said, and holds back no other.
    """
    return await asyncio.to_thread(_read)


def _read() -> int:
    with open_inbox(runtime().settings) as inbox:
        new = 0
        for received in inbox.unseen(BATCH):
            filed = _file(received)
            if filed is not None:
                inbox.handled(received.uid)
                new += filed
        return new


def _file(received: Received) -> bool | None:
    """Whether it was new; None if it could not be filed now."""
    try:
        with runtime().database.write("inbox") as unit:
            return replies.receive(unit, received, own=runtime().settings.mail_sender) is not None
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one mail, the others are read
        told = describe(error)
    LOG.error("a mail cannot be filed and stays unseen: %s", told)
    return None


@flow(name="inbox")
async def inbox() -> int:
    """Read the mailbox, as the relay does, when Prefect's schedule asks."""
    return await read_inbox()

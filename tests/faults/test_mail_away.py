"""A mail server away for half an hour, with a backlog before it: no attempt is spent, and no herd comes back."""

import asyncio
from collections import Counter
from typing import Final

import pytest
from sqlalchemy import select

from flows.delivery import deliver_due
from models.engine import Message
from models.vocabulary import Channel, MessageState
from services.channels.mail import MailConnection, MailServer
from services.channels.sms import FolderSms
from services.correspondence.delivery import Postman
from services.foundation.runtime import Runtime
from tests.messages import Office, make_message
from tests.sink import Sink
from tests.waiting import Watch

POSTMEN: Final = 2
CONNECTIONS: Final = 2
OUTAGE_S: Final = 1800
STEP_S: Final = 150


def postman(runtime: Runtime, sink: Sink, watch: Watch) -> Postman:
    server = MailServer(host=sink.host, port=sink.port, local_name="localhost")
    folder = FolderSms(runtime.settings.data_folder, now=runtime.clock.now)
    return Postman(
        runtime=runtime,
        aftermath=Office().aftermath,
        mail=[MailConnection(server, monotonic=watch) for _ in range(CONNECTIONS)],
        sms=folder,
        evidence={Channel.EMAIL: sink, Channel.SMS: folder},
        monotonic=watch,
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_after_half_an_hour_without_a_server_a_backlog_leaves_once_without_a_herd(
    runtime: Runtime, all_points: bool
) -> None:
    count = 2000 if all_points else 60
    for number in range(count):
        make_message(runtime.database, address=f"bo{number}@relais.test")

    with Sink() as sink:
        sink.refuse_connections()
        watch = Watch()
        postmen = [postman(runtime, sink, watch) for _ in range(POSTMEN)]
        asyncio.run(outage(postmen, watch))
        assert states(runtime) == Counter({(MessageState.QUEUED, 0): count})

        sink.accept_connections()
        watch.at += 60
        asyncio.run(deliver(postmen))

        assert states(runtime) == Counter({(MessageState.ACCEPTED, 1): count})
        assert len({mail["Message-ID"] for mail in sink.messages}) == len(sink.messages) == count
        assert sink.most_at_once <= POSTMEN * CONNECTIONS


async def outage(postmen: list[Postman], watch: Watch) -> None:
    for _ in range(OUTAGE_S // STEP_S):
        await asyncio.gather(*(deliver_due(carrier=one) for one in postmen))
        watch.at += STEP_S


async def deliver(postmen: list[Postman]) -> None:
    await asyncio.gather(*(deliver_due(carrier=one) for one in postmen))
    for one in postmen:
        for connection in one.mail:
            await connection.close()


def states(runtime: Runtime) -> Counter[tuple[str, int]]:
    with runtime.database.read() as unit:
        return Counter(
            (row.state, row.attempts) for row in unit.session.execute(select(Message.state, Message.attempts))
        )

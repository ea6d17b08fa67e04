"""A delivery worker in a process of its own, killed where a test says; forked from one that has imported all."""

import asyncio
import math
import os
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

from flows.webhooks import tell_due
from models.vocabulary import Channel
from services.channels.mail import MailConnection, MailServer
from services.channels.sms import FolderSms
from services.correspondence.delivery import Postman
from services.foundation.clock import SetClock
from services.foundation.crashpoints import VARIABLE
from services.foundation.runtime import Runtime, build, use
from services.foundation.settings import Settings
from tests.messages import Office

PATIENCE_S = 60


def run_until_killed(runtime: Runtime, *, smtp_port: int, point: str, nth: int = 1) -> int | None:
    """Deliver one batch in another process, dying at this crash point. Returns its exit code: -9 if it was killed."""
    return _run(runtime, _work, smtp_port, point, nth)


def tell_until_killed(runtime: Runtime, point: str) -> int | None:
    """The same for what other software is told."""
    return _run(runtime, _tell, runtime.clock.now(), point)


def _run(runtime: Runtime, work: Callable[..., None], *given: object) -> int | None:
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    url = runtime.database.url.render_as_string(hide_password=False)
    worker = context.Process(target=work, args=(runtime.settings.data_folder, url, *given))
    worker.start()
    worker.join(PATIENCE_S)
    return worker.exitcode


def _tell(folder: Path, url: str, now: datetime, point: str) -> None:
    os.environ[VARIABLE] = f"{point}:1"
    with use(build(Settings(data_folder=folder, database_url=url), clock=SetClock(now))):
        asyncio.run(tell_due())


def _work(folder: Path, url: str, port: int, point: str, nth: int) -> None:
    os.environ[VARIABLE] = f"{point}:{nth}"
    runtime = build(Settings(data_folder=folder, database_url=url))
    mail = MailConnection(MailServer(host="127.0.0.1", port=port, local_name="localhost"))
    sms = FolderSms(folder, now=runtime.clock.now)
    asyncio.run(Postman(runtime, Office().aftermath, [mail], sms, {}).deliver(Channel.EMAIL, until=math.inf))

"""`relais doctor`: looks at an installation and says, line by line, what is well and what is not."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import func, select

from deployments import environment, migrating
from deployments.preflight import check_folder
from deployments.publishing import stored_problems
from models.engine import Work
from models.refusals import CaseworkError
from models.vocabulary import WorkState
from services.channels.inbox import InboxUnavailable, open_inbox
from services.correspondence import webhooks
from services.foundation.runtime import Runtime, build
from services.foundation.settings import Settings
from services.operations import health
from services.rules import obligations

SIGNS: Final = {"well": "✓", "look": "!", "wrong": "✗"}
LATE_S: Final = 60
TIMEOUT_S: Final = 5


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    state: Literal["well", "look", "wrong"]
    sentence: str

    @property
    def is_wrong(self) -> bool:
        """Whether it must be mended."""
        return self.state == "wrong"

    def __str__(self) -> str:
        """A sign and a sentence."""
        return f"{SIGNS[self.state]} {self.sentence}"


def examine(settings: Settings) -> list[Finding]:
    """Every finding; what rests on something broken is left out. Changes nothing but the data folder's existence."""
    settings = environment.located(settings)
    environment.set_for_prefect(settings)
    with ExitStack() as at_the_end:
        try:
            check_folder(settings.data_folder)
            runtime = build(settings)
            at_the_end.callback(runtime.database.dispose)
            migrating.require_current(runtime.database)
        except CaseworkError as refusal:
            return [Finding("wrong", refusal.sentence), _mail(settings), *_inbox(settings)]
        first = Finding("well", f"Les réglages se lisent\u00a0; dossier des données\u00a0: {settings.data_folder}.")
        base = Finding("well", "La base de données répond et sa version est celle de ce Relais.")
        return [first, base, *_pathways(runtime), *_work(runtime), _mail(settings), *_inbox(settings)]


def _pathways(runtime: Runtime) -> Iterator[Finding]:
    lacking = stored_problems(runtime.database)
    for problem in lacking:
        yield Finding("wrong", f"Un parcours de la base ne peut pas être suivi\u00a0: {problem}.")
    if not lacking:
        yield Finding("well", "Tous les parcours de la base peuvent être suivis.")


def _work(runtime: Runtime) -> Iterator[Finding]:
    with runtime.database.read() as unit:
        oldest = unit.session.scalar(select(func.min(Work.created_at)).where(Work.state != WorkState.PARKED))
        parked = unit.session.scalar(select(func.count()).where(Work.state == WorkState.PARKED)) or 0
        failing, doubts = obligations.failing(unit), health.messages_in_doubt(unit)
        untold = webhooks.abandoned(unit)
    age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0
    if age > LATE_S:
        sentence = f"Le plus ancien événement attend depuis {age / 60:.0f}\u00a0min\u00a0: le relais tourne-t-il\u00a0?"
        yield Finding("wrong", sentence)
    else:
        yield Finding("well", "Aucun événement n’attend plus d’une minute.")
    if parked:
        where = "«\u00a0relais events parked\u00a0» les montre."
        yield Finding("look", f"Événements mis de côté après leurs essais\u00a0: {parked}. {where}")
    if failing:
        yield Finding("look", f"Rappels en échec, essayés de nouveau chaque jour au moins\u00a0: {failing}.")
    if doubts:
        yield Finding("look", f"Messages dont personne ne sait s’ils sont partis\u00a0: {doubts}.")
    if untold:
        where = "«\u00a0relais webhooks list\u00a0» dit où."
        yield Finding("look", f"Événements qu’un autre logiciel n’a pas reçus en quatre jours\u00a0: {untold}. {where}")


def _mail(settings: Settings) -> Finding:
    host = settings.smtp_host or "127.0.0.1"
    port = settings.catcher_smtp_port if settings.catches_mail else settings.smtp_port
    kind: Callable[..., smtplib.SMTP] = (
        smtplib.SMTP_SSL if settings.smtp_host and settings.smtp_security == "tls" else smtplib.SMTP
    )
    try:
        with kind(host, port, timeout=TIMEOUT_S) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        if settings.catches_mail:
            return Finding("look", "La boîte locale n’est pas lancée\u00a0: «\u00a0relais up\u00a0» la lance.")
        return Finding("wrong", f"Le serveur de courrier {host}:{port} ne répond pas ({type(error).__name__}).")
    return Finding("well", f"Le serveur de courrier {host}:{port} répond.")


def _inbox(settings: Settings) -> Iterator[Finding]:
    """The mailbox of replies, signed into as the relay does; nothing to say where none is set."""
    if not settings.reads_replies:
        return
    place = f"{settings.imap_host}:{settings.imap_port}"
    try:
        with open_inbox(settings):
            yield Finding("well", f"La boîte des réponses {place} s’ouvre.")
    except InboxUnavailable as refusal:
        yield Finding("wrong", f"La boîte des réponses {place} ne s’ouvre pas ({refusal.detail}).")

"""Links in messages: a task link opens one task for one reader; an alert link opens one organisation's form; a sign-in
link shows a partner the household of one referral, once, in the browser that asked.

The token is an HMAC of the row's id and version, so nothing secret is stored and a retry writes the same body.
A link dies when its task changes state, or ten working days after its date and after the last mail that leads there; it
does not age while its task is paused. A partner who is awaited has a new one sent if he asks, which ends his others.
`held`, for the transaction of an act: whoever takes a link back waits until it is over, or was first and is heeded.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from models.cases import Alert, Case
from models.engine import Message, Task
from models.programmes import Organisation, Service, SignInLink
from models.vocabulary import MessageState, Party, ReferralState, TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import LinkAged, LinkExpired, NotFound
from services.foundation.runtime import Runtime
from services.rules.policy import Actor
from services.rules.published import calendar_of, pathway_of

GRACE_WORKING_DAYS: Final = 10
_TASK: Final = "task-link"
_ALERT: Final = "alert-link"
_SIGN_IN: Final = "sign-in-link"
_SHEET: Final = "sheet-link"
_REQUESTS: Final = "requests-link"
_LETTER: Final = "letter-link"
_SHARED: Final = {"read": True}
"""Acts go on beside each other; who changes the row waits for them."""
REQUESTS_LAST: Final = timedelta(days=400)
"""From the request on, and as long as the case is open, whichever is longer; then `AFTER_END` at least."""
AFTER_END: Final = timedelta(days=60)
_TAKEN: Final = "Cette demande est acceptée : l’e-mail qui a suivi la réponse mène aux coordonnées du ménage."
_TAKEN_BACK: Final = "La coordination a repris cette demande : vous n’avez plus rien à faire."
_BECAME: Final = {
    ReferralState.ACCEPTED: _TAKEN,
    ReferralState.IN_PROGRESS: _TAKEN,
    ReferralState.ON_HOLD: _TAKEN,
    ReferralState.COMPLETED: "Cette demande est terminée : vous n’avez plus rien à faire.",
    ReferralState.DECLINED: "Cette demande est déclinée : vous n’avez plus rien à faire.",
    ReferralState.EXPIRED: "Cette demande est restée sans réponse à sa date : la coordination l’a reprise.",
    ReferralState.WITHDRAWN: _TAKEN_BACK,
    ReferralState.SUPERSEDED: _TAKEN_BACK,
}
"""What the holder of a link that has been used reads of the request that it was about."""


def task_url(runtime: Runtime, task: Task) -> str:
    """The address of a task's page for its reader."""
    signature = runtime.secrets.sign(_TASK, f"{task.id}:{task.link_version}")
    return f"{runtime.settings.public_url}/l/{task.id.hex}.{signature}"


def alert_url(runtime: Runtime, organisation: Organisation) -> str:
    """The secret address of an organisation's form."""
    signature = runtime.secrets.sign(_ALERT, f"{organisation.id}:{organisation.alert_link_version}")
    return f"{runtime.settings.public_url}/demande/{organisation.id.hex}.{signature}"


def poster_url(runtime: Runtime, organisation: Organisation) -> str:
    """Where an alert giver's team finds the sheet for its wall; it ends with the link of the form."""
    return f"{alert_url(runtime, organisation)}/affiche"


def has_alert_link(organisation: Organisation) -> bool:
    """Whether its secret address opens the form: not once it was revoked, nor when the service has ended."""
    return organisation.alert_link_revoked_at is None and organisation.ended_on is None


def requests_url(runtime: Runtime, alert: Alert) -> str:
    """Where whoever sent an alert reads what became of all of his; renewing his service's link ends it."""
    return f"{runtime.settings.public_url}/demandes/{alert.id.hex}.{runtime.secrets.sign(_REQUESTS, _version(alert))}"


def open_requests_link(unit: UnitOfWork, runtime: Runtime, token: str, *, held: bool = False) -> Alert:
    """The alert with which a link was sent. Raises `LinkExpired` for a late, renewed or forged one."""
    alert_id, signature = _parts(token)
    alert = unit.session.get(Alert, alert_id)
    if held and alert is not None and alert.organisation is not None:
        unit.session.refresh(alert.organisation, with_for_update=_SHARED)
    if alert is None or not runtime.secrets.verify(_REQUESTS, _version(alert), signature):
        raise LinkExpired
    ended_at = alert.case.closed_at or unit.now
    if max(alert.received_at + REQUESTS_LAST, ended_at + AFTER_END) < unit.now:
        raise LinkExpired
    return alert


def letter_url(runtime: Runtime, message: Message) -> str:
    """Where whoever got a letter of the month stops it, or asks for it again; it opens nothing else and never ages."""
    signature = runtime.secrets.sign(_LETTER, str(message.id))
    return f"{runtime.settings.public_url}/lettre-du-mois/{message.id.hex}.{signature}"


def open_letter_link(unit: UnitOfWork, runtime: Runtime, token: str) -> Message:
    """The letter that a link came with. Raises `LinkExpired` for a forged one."""
    message_id, signature = _parts(token)
    message = unit.session.get(Message, message_id)
    if message is None or not runtime.secrets.verify(_LETTER, str(message_id), signature):
        raise LinkExpired
    return message


def _version(alert: Alert) -> str:
    return f"{alert.id}:{alert.organisation.alert_link_version if alert.organisation else 0}"


def sheet_url(runtime: Runtime, service: Service) -> str:
    """The address of a partner's own sheet of the directory; it shows nothing of any household."""
    signature = runtime.secrets.sign(_SHEET, f"{service.id}:{service.sheet_link_version}")
    return f"{runtime.settings.public_url}/fiche/{service.id.hex}.{signature}"


def open_sheet_link(unit: UnitOfWork, runtime: Runtime, token: str, *, held: bool = False) -> tuple[Actor, Service]:
    """The partner of a sheet and the sheet. Raises `LinkExpired`; what ended opens nothing."""
    service_id, signature = _parts(token)
    service = unit.session.get(Service, service_id)
    if held and service is not None:  # the partner first, as when he ends; his sheet is what the act writes
        unit.session.refresh(service.organisation, with_for_update=_SHARED)
        unit.session.refresh(service, with_for_update={"of": Service})
    if service is None or service.ended_on is not None or service.organisation.ended_on is not None:
        raise LinkExpired
    if not runtime.secrets.verify(_SHEET, f"{service.id}:{service.sheet_link_version}", signature):
        raise LinkExpired
    partner = service.organisation
    actor = Actor("form", partner.id, programme_id=partner.programme_id, organisation_id=partner.id, name=partner.name)
    return actor, service


def sign_in_url(runtime: Runtime, link: SignInLink) -> str:
    """The address that a sign-in mail leads to: a person's own, or a partner's."""
    place = "connexion/lien" if link.person_id else "acces"
    return f"{runtime.settings.public_url}/{place}/{link.id.hex}.{runtime.secrets.sign(_SIGN_IN, str(link.id))}"


def asking_url(runtime: Runtime) -> str:
    """Where somebody of the team asks for a sign-in link; it opens nothing by itself."""
    return f"{runtime.settings.public_url}/connexion/lien"


def sign_in_link_of(unit: UnitOfWork, runtime: Runtime, token: str) -> SignInLink:
    """The link of a sign-in mail, whether it still opens anything or not. Raises `LinkExpired` for a forged one."""
    link_id, signature = _parts(token)
    link = unit.session.get(SignInLink, link_id)
    if link is None or not runtime.secrets.verify(_SIGN_IN, str(link.id), signature):
        raise LinkExpired
    return link


def open_task_link(unit: UnitOfWork, runtime: Runtime, token: str, *, held: bool = False) -> tuple[Actor, Task]:
    """The holder of a task link and the task. Raises `LinkExpired` for a used, late, revoked or forged one; `LinkAged`
    if its partner is still awaited.
    """
    task = task_of(unit, runtime, token, held=held)
    _check_open(task)
    if not _is_version(runtime, task, token, task.link_version) or _is_late(unit, task):
        raise LinkAged(f"/l/{token}/nouveau") if may_renew(task) else LinkExpired
    return holder_of(unit, task), task


def may_renew(task: Task) -> bool:
    """Whether the link of a task is sent again to whoever asks: to a partner who is still awaited."""
    return task.state == TaskState.OPEN and task.party == Party.PARTNER and task.referral_id is not None


def _is_late(unit: UnitOfWork, task: Task) -> bool:
    """Whether ten working days have passed since its date and since the last mail that leads there was written."""
    if task.paused_at is not None:
        return False
    calendar = calendar_of(unit, task.programme_id)
    if unit.now <= calendar.due_after(task.due_at, working_days=GRACE_WORKING_DAYS):
        return False
    mails = select(func.max(Message.created_at, type_=Message.created_at.type)).where(
        Message.case_id == task.case_id,
        Message.task_id == task.id,
        Message.party == task.party,
        Message.state.not_in((MessageState.CANCELLED, MessageState.REFUSED)),
    )
    written_at = unit.session.scalar(mails)
    return written_at is None or calendar.due_after(written_at, working_days=GRACE_WORKING_DAYS) < unit.now


def _check_open(task: Task) -> None:
    """Raise `LinkExpired`, with what became of the request that an ended task was about."""
    if task.state == TaskState.OPEN:
        return
    if task.referral and task.referral.state in _BECAME:
        raise LinkExpired(_BECAME[ReferralState(task.referral.state)])
    raise LinkExpired


def task_for_link(unit: UnitOfWork, actor: Actor, action: str) -> Task:
    """The open task that a link's holder may do this to, held by its case.

    Raises `NotFound` for what his link does not list; `LinkExpired`, with what became of the request, for a task that
    somebody ended in the same instant.
    """
    task = unit.session.get(Task, actor.task_id) if actor.kind == "link" and actor.task_id else None
    if task is None or action not in actor.actions:
        raise NotFound
    _hold(unit, task)
    _check_open(task)
    return task


def _hold(unit: UnitOfWork, task: Task) -> None:
    """Lock the case, as whoever ends a task does, and read both again, with the request."""
    locked = select(Case).where(Case.id == task.case_id).with_for_update(of=Case)
    unit.session.scalars(locked, execution_options={"populate_existing": True}).one()
    unit.session.refresh(task)
    if task.referral is not None:
        unit.session.refresh(task.referral)


def task_of(unit: UnitOfWork, runtime: Runtime, token: str, *, held: bool = False) -> Task:
    """The task of a link, of its last or of one before: it opens nothing by itself. Raises `LinkExpired` if forged."""
    task_id, _ = _parts(token)
    task = unit.session.get(Task, task_id)
    if task is None:
        raise LinkExpired
    if held:
        _hold(unit, task)
    if not any(_is_version(runtime, task, token, each + 1) for each in range(task.link_version)):
        raise LinkExpired
    return task


def _is_version(runtime: Runtime, task: Task, token: str, version: int) -> bool:
    return runtime.secrets.verify(_TASK, f"{task.id}:{version}", _parts(token)[1])


def holder_of(unit: UnitOfWork, task: Task) -> Actor:
    """Whoever holds the link of a task, as an actor: this task, the acts that its rule lists, nothing else."""
    case = unit.session.get_one(Case, task.case_id)
    rule = pathway_of(unit, case.pathway_hash).tasks[task.kind]
    return Actor(
        "link",
        task.id,
        programme_id=task.programme_id,
        organisation_id=task.organisation_id,
        name=task.organisation.name if task.organisation else "",
        task_id=task.id,
        actions=frozenset(rule.actions),
    )


def open_alert_link(
    unit: UnitOfWork, runtime: Runtime, token: str, *, held: bool = False
) -> tuple[Actor, Organisation]:
    """The holder of an alert link and the organisation. Raises `LinkExpired`."""
    organisation_id, signature = _parts(token)
    organisation = unit.session.get(Organisation, organisation_id, with_for_update=_SHARED if held else None)
    if organisation is None or not has_alert_link(organisation):
        raise LinkExpired
    value = f"{organisation.id}:{organisation.alert_link_version}"
    if not runtime.secrets.verify(_ALERT, value, signature):
        raise LinkExpired
    actor = Actor(
        "form",
        organisation.id,
        programme_id=organisation.programme_id,
        organisation_id=organisation.id,
        name=organisation.name,
    )
    return actor, organisation


def _parts(token: str) -> tuple[UUID, str]:
    identifier, _, signature = token.partition(".")
    try:
        return UUID(hex=identifier), signature
    except ValueError:
        raise LinkExpired from None

"""Links in messages: a task link opens one task for one reader; an alert link opens one organisation's form; a sign-in
link shows a partner the household of one referral, once, in the browser that asked.

The token is an HMAC of the row's id and version, so nothing secret is stored and a retry writes the same body.
A link dies when its task changes state, or ten working days after its date; it does not age while its task is paused.
"""

from typing import Final
from uuid import UUID

from models.cases import Case
from models.engine import Task
from models.programmes import Organisation, SignInLink
from models.vocabulary import TaskState
from services.foundation.database import UnitOfWork
from services.foundation.errors import LinkExpired
from services.foundation.runtime import Runtime
from services.rules.policy import Actor
from services.rules.published import calendar_of, pathway_of

GRACE_WORKING_DAYS: Final = 10
_TASK: Final = "task-link"
_ALERT: Final = "alert-link"
_SIGN_IN: Final = "sign-in-link"


def task_url(runtime: Runtime, task: Task) -> str:
    """The address of a task's page for its reader."""
    signature = runtime.secrets.sign(_TASK, f"{task.id}:{task.link_version}")
    return f"{runtime.settings.public_url}/l/{task.id.hex}.{signature}"


def alert_url(runtime: Runtime, organisation: Organisation) -> str:
    """The secret address of an organisation's form."""
    signature = runtime.secrets.sign(_ALERT, f"{organisation.id}:{organisation.alert_link_version}")
    return f"{runtime.settings.public_url}/demande/{organisation.id.hex}.{signature}"


def sign_in_url(runtime: Runtime, link: SignInLink) -> str:
    """The address that a sign-in mail leads to."""
    return f"{runtime.settings.public_url}/acces/{link.id.hex}.{runtime.secrets.sign(_SIGN_IN, str(link.id))}"


def sign_in_link_of(unit: UnitOfWork, runtime: Runtime, token: str) -> SignInLink:
    """The link of a sign-in mail, whether it still opens anything or not. Raises `LinkExpired` for a forged one."""
    link_id, signature = _parts(token)
    link = unit.session.get(SignInLink, link_id)
    if link is None or not runtime.secrets.verify(_SIGN_IN, str(link.id), signature):
        raise LinkExpired
    return link


def open_task_link(unit: UnitOfWork, runtime: Runtime, token: str) -> tuple[Actor, Task]:
    """The holder of a task link and the task. Raises `LinkExpired` for a used, late, revoked or forged one."""
    task_id, signature = _parts(token)
    task = unit.session.get(Task, task_id)
    if task is None or not runtime.secrets.verify(_TASK, f"{task.id}:{task.link_version}", signature):
        raise LinkExpired
    calendar = calendar_of(unit, task.programme_id)
    late = task.paused_at is None and calendar.due_after(task.due_at, working_days=GRACE_WORKING_DAYS) < unit.now
    if task.state != TaskState.OPEN or late:
        raise LinkExpired
    case = unit.session.get_one(Case, task.case_id)
    rule = pathway_of(unit, case.pathway_hash).tasks[task.kind]
    actor = Actor(
        "link",
        task.id,
        programme_id=task.programme_id,
        organisation_id=task.organisation_id,
        name=task.organisation.name if task.organisation else "",
        task_id=task.id,
        actions=frozenset(rule.actions),
    )
    return actor, task


def open_alert_link(unit: UnitOfWork, runtime: Runtime, token: str) -> tuple[Actor, Organisation]:
    """The holder of an alert link and the organisation. Raises `LinkExpired`."""
    organisation_id, signature = _parts(token)
    organisation = unit.session.get(Organisation, organisation_id)
    if organisation is None:
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

"""What a story expects of one case, and what it finds instead.

| word | meaning |
|---|---|
| stage, state, outcome, danger | of the case; `none` for no outcome or no danger |
| waiting_for | everybody who has an open task: a party, or the organisation's name in the setting |
| tasks | all open tasks: kind, and any of owner, due (day, or day and hour), provisional |
| messages | each is there exactly once, or `count` times: text, to, by, state, on (when it ended, or is due) |
| no_messages | none is there |
| sees, cannot_see | for each reader `case` (may open it) or texts that he may read, wherever they are written to him |
| letters_to_print | how many letters wait for the printer |

`to` is a name of the setting, `household`, or an address. What a partner or an alert giver reads is every mail that
he received, and for a partner the household that his browser may show him now; what somebody with an account reads is
his case pages' story and mails.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import func, select

from deployments.play.story import Setting
from models.cases import Case, Household, Referral
from models.engine import Message, Task
from models.programmes import Organisation, PartnerSession, Programme
from models.vocabulary import Channel, MessageState, Party, TaskState
from services import desk, partner_access, programmes, timeline
from services.foundation.database import UnitOfWork
from services.foundation.errors import NotFound
from services.rules.policy import may_know_household

NONE: Final = "none"
CASE: Final = "case"
LINK: Final = re.compile(r"https?://\S+")
"""Left out of what is read: its signs are chance, and may spell anything."""


def _several(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


Moment = str
"""A local day, or a local day and hour: `2025-10-09`, `2025-10-09 18:00`."""
Texts = Annotated[list[str], BeforeValidator(_several)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedTask(_Strict):
    """An open task."""

    kind: str
    owner: str | None = None
    due: Moment | None = None
    provisional: bool | None = None


class ExpectedMessage(_Strict):
    """A message, or several alike."""

    text: str
    to: str | None = None
    by: str | None = None
    state: str | None = None
    on: Moment | None = None
    count: int = 1


class Expected(_Strict):
    """All that may be expected at one instant; what is left out is not looked at."""

    stage: str | None = None
    state: str | None = None
    outcome: str | None = None
    danger: str | None = None
    waiting_for: Texts | None = None
    tasks: list[ExpectedTask] | None = None
    messages: list[ExpectedMessage] = []
    no_messages: list[ExpectedMessage] = []
    sees: dict[str, Texts] = {}
    cannot_see: dict[str, Texts] = {}
    letters_to_print: int | None = None


def surprises(unit: UnitOfWork, setting: Setting, case: Case, expected: Expected) -> list[str]:
    """A line for everything that is not as expected; none if all is well."""
    look = _Look(unit, setting, case)
    return [
        *look.case_itself(expected),
        *look.tasks(expected),
        *look.messages(expected),
        *look.readers(expected),
        *look.letters(expected),
    ]


class _Look:
    """One case looked at from all sides."""

    def __init__(self, unit: UnitOfWork, setting: Setting, case: Case) -> None:
        self.unit, self.setting, self.case = unit, setting, case
        self.names = {address: name for name, address in _addresses(setting)}

    def case_itself(self, expected: Expected) -> Iterator[str]:
        for name in ("stage", "state", "outcome", "danger"):
            wanted, found = getattr(expected, name), getattr(self.case, name) or NONE
            if wanted is not None and wanted != found:
                yield f"{name}\u00a0: {wanted} attendu, {found} trouvé"

    def tasks(self, expected: Expected) -> Iterator[str]:
        query = select(Task).where(Task.case_id == self.case.id, Task.state == TaskState.OPEN)
        left = list(self.unit.session.scalars(query.order_by(Task.due_at, Task.id)))
        found = ", ".join(self._told_task(task) for task in left) or "aucune"
        if expected.waiting_for is not None:
            waiting = sorted({self._owner(task) for task in left})
            if waiting != sorted(expected.waiting_for):
                yield f"en attente de\u00a0: {expected.waiting_for} attendu, {waiting} trouvé"
        if expected.tasks is None:
            return
        for wanted in expected.tasks:
            match = next((task for task in left if self._is_task(task, wanted)), None)
            if match is None:
                yield f"tâche attendue {_told(wanted)}\u00a0; ouvertes\u00a0: {found}"
            else:
                left.remove(match)
        for task in left:
            yield f"tâche inattendue {self._told_task(task)}"

    def messages(self, expected: Expected) -> Iterator[str]:
        query = select(Message).where(Message.case_id == self.case.id).order_by(Message.created_at, Message.id)
        known = list(self.unit.session.scalars(query))
        wanted = [*expected.messages, *(none.model_copy(update={"count": 0}) for none in expected.no_messages)]
        for each in wanted:
            count = sum(self._is_message(message, each) for message in known)
            if count != each.count:
                alike = [self._told_message(message) for message in known if message.text == each.text]
                yield f"message attendu {_told(each)}, trouvé {count} fois\u00a0; il y a {alike or 'aucun tel texte'}"

    def readers(self, expected: Expected) -> Iterator[str]:
        for who, texts in expected.sees.items():
            yield from (f"{who} devrait voir {text!r}" for text in texts if not self._sees(who, text))
        for who, texts in expected.cannot_see.items():
            yield from (f"{who} ne devrait pas voir {text!r}" for text in texts if self._sees(who, text))

    def letters(self, expected: Expected) -> Iterator[str]:
        waiting = self.unit.session.scalar(
            select(func.count()).where(
                Message.case_id == self.case.id,
                Message.channel == Channel.LETTER,
                Message.state == MessageState.QUEUED,
                Message.due_at <= self.unit.now,
            )
        )
        if expected.letters_to_print not in {None, waiting}:
            yield f"lettres à imprimer\u00a0: {expected.letters_to_print} attendues, {waiting} trouvées"

    # -- How things are compared and told

    def _is_task(self, task: Task, wanted: ExpectedTask) -> bool:
        return (
            task.kind == wanted.kind
            and wanted.owner in {None, self._owner(task)}
            and self._is_moment(task.due_at, wanted.due)
            and wanted.provisional in {None, task.provisional}
        )

    def _is_message(self, message: Message, wanted: ExpectedMessage) -> bool:
        return (
            message.text == wanted.text
            and wanted.to in {None, message.address, message.party, self._reader(message)}
            and wanted.by in {None, message.channel}
            and wanted.state in {None, message.state}
            and self._is_moment(message.done_at or message.due_at, wanted.on)
        )

    def _is_moment(self, found: datetime, wanted: str | None) -> bool:
        return wanted is None or self._local(found).startswith(wanted)

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(self.setting.zone).strftime("%Y-%m-%d %H:%M")

    def _owner(self, task: Task) -> str:
        organisation = self.unit.session.get(Organisation, task.organisation_id) if task.organisation_id else None
        return organisation.slug if organisation and task.party != Party.COORDINATOR else task.party

    def _reader(self, message: Message) -> str:
        owner = message.organisation.slug if message.organisation else message.party
        return self.names.get(message.address, owner)

    def _told_task(self, task: Task) -> str:
        return f"{task.kind} ({self._owner(task)}, {self._local(task.due_at)})"

    def _told_message(self, message: Message) -> str:
        at = self._local(message.done_at or message.due_at)
        return f"{self._reader(message)} par {message.channel}, {message.state} {at}"

    def _sees(self, who: str, text: str) -> bool:
        is_staff = who in self.setting.staff
        if text == CASE:
            return is_staff and self._opens(who)
        told = [*self._mails(self.setting.address(who) or who), *self._opened(who)]
        return any(text in each for each in [*told, *(self._pages() if is_staff and self._opens(who) else [])])

    def _opened(self, who: str) -> Iterator[str]:
        """What the partner's browser shows him of this case."""
        sessions = self.unit.session.execute(
            select(PartnerSession.expires_at, Referral)
            .join(Referral, Referral.id == PartnerSession.referral_id)
            .join(Organisation, Organisation.id == PartnerSession.organisation_id)
            .where(Referral.case_id == self.case.id, Organisation.slug == who)
        )
        for expires_at, referral in sessions:
            if expires_at > self.unit.now and may_know_household(self.unit, referral):
                found = partner_access.details(referral)
                yield "\n".join((found.name, *found.phones, *found.address, found.brief))

    def _opens(self, who: str) -> bool:
        programme = self.unit.session.get_one(Programme, self.case.programme_id)
        actor = programmes.member(self.unit, programme.id, self.setting.staff[who].email)
        try:
            desk.readable(self.unit, actor, self.case.id)
        except NotFound:
            return False
        return True

    def _mails(self, address: str) -> Sequence[str]:
        received = self.unit.session.scalars(
            select(Message).where(
                Message.case_id == self.case.id, Message.address == address, Message.state == MessageState.ACCEPTED
            )
        )
        return [f"{mail.subject}\n{LINK.sub('', mail.body or '')}" for mail in received]

    def _pages(self) -> Sequence[str]:
        household = self.unit.session.get_one(Household, self.case.household_id)
        story = timeline.of_case(self.unit, self.case.id, self.setting.zone)
        return [household.name, *(f"{entry.text} {entry.quote}" for entry in story)]


def _addresses(setting: Setting) -> Iterator[tuple[str, str]]:
    for organisation in setting.organisations:
        if organisation.email:
            yield organisation.slug, organisation.email
    yield from ((name, giver.email) for name, giver in setting.alert_givers.items())
    yield from ((name, person.email) for name, person in setting.staff.items())


def _told(wanted: BaseModel) -> dict[str, Any]:
    return wanted.model_dump(exclude_defaults=True)

"""The mail of generated cases: planned as the engine does, handed to nobody, written down as accepted or posted.

One mail a day for one address holds across cases, since all of them live in one time. What is not due yet when the
past ends stays planned. Texts are not kept: those of the past are older than the ninety days for which they are, or
were never handed over.
"""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from deployments.population import clocks
from deployments.population.office import NOON, Office, Row
from deployments.population.world import MAIL, World
from models.vocabulary import Channel, MessageState, Party, PermissionKind, VisitState
from services.foundation.phones import is_mobile
from services.rules.effects import mark
from services.rules.plan import PlanMessage
from services.rules.recipients import Recipient
from services.rules.relevance import NOBODY_READS

if TYPE_CHECKING:
    from deployments.population.life import Life

ABOUT_A_VISIT: Final = frozenset({"visit_reminder", "visit_confirmation", "visit_moved"})


class Bundle:
    """The messages that leave in one mail; the first that is written down carries the others."""

    first: UUID | None = None


class Post:
    """What left for whom and when, over all cases."""

    def __init__(self, world: World, office: Office, *, until: datetime) -> None:
        """Letters of the last day are left to print."""
        self.world, self.office = world, office
        self.printed_until = office.calendar.local_day(until)
        self.bundles: dict[tuple[str, datetime], Bundle] = {}
        self.batches: dict[date, Row] = {}
        self._daily_left: dict[str, datetime] = {}

    def plan(self, life: "Life", effect: PlanMessage) -> None:
        """A row for each reader; one who cannot be written to is written down with the reason."""
        task = self._task(life, effect)
        closed = effect.about_task is not None and task is None
        found = [Recipient(lacking="task_closed")] if closed else recipients(life, effect)
        for reader in found:
            if not (effect.once and _had(life, effect.text, reader.address)):
                self._add(life, effect, reader, task)

    def _task(self, life: "Life", effect: PlanMessage) -> UUID | None:
        if effect.about_task is None:
            return effect.about.task_id
        task = life.open_task(effect.about_task, effect.about.referral_id)
        return task["id"] if task else None

    def _add(self, life: "Life", effect: PlanMessage, reader: Recipient, task_id: UUID | None) -> None:
        key = f"{effect.key}:{reader.person_id or reader.alert_id or reader.organisation_id or effect.party}"
        message = life.add(
            "message",
            programme_id=self.office.programme_id,
            case_id=life.case["id"],
            event_id=effect.event_id,
            task_id=task_id,
            text=effect.text,
            party=effect.party.value,
            organisation_id=reader.organisation_id,
            person_id=reader.person_id,
            alert_id=reader.alert_id,
            referral_id=effect.about.referral_id,
            visit_id=effect.about.visit_id,
            channel=effect.channel.value,
            address=reader.address,
            state=MessageState.CANCELLED.value if reader.lacking else MessageState.QUEUED.value,
            error=reader.lacking,
            done_at=life.now if reader.lacking else None,
            urgent=effect.urgent,
            daily=effect.is_daily,
            created_at=life.now,
            due_at=self._leaves_at(life, effect, reader),
            effect_key=key,
        )
        message["message_id"] = f"<{message['id']}.{mark(key)}@relais>"
        if not reader.lacking:
            self._let_go(life, message)

    def _leaves_at(self, life: "Life", effect: PlanMessage, reader: Recipient) -> datetime:
        calendar = self.office.calendar
        start = max(life.now, effect.not_before or life.now)
        if effect.urgent or effect.channel is Channel.LETTER:
            return start
        first = calendar.next_sending_time(start)
        return self._after_the_days(reader.address, first) if effect.is_daily and not reader.lacking else first

    def _after_the_days(self, address: str, at: datetime) -> datetime:
        """The next morning for an address that had its mail of that day."""
        calendar, left = self.office.calendar, self._daily_left.get(address)
        day = calendar.local_day(at)
        return calendar.next_opening(day) if left and left < at and calendar.local_day(left) == day else at

    def _let_go(self, life: "Life", message: Row) -> None:
        at = message["due_at"]
        if message["channel"] == Channel.LETTER:
            at = self.office.next_post(at)
            if self.office.calendar.local_day(at) >= self.printed_until:
                return  # left to print
        life.waiting += 1
        self.world.at(at, partial(self._leave, life, message), MAIL)

    def _leave(self, life: "Life", message: Row) -> None:
        """Its reason is looked at again as it leaves; then its consequences are drawn."""
        life.waiting -= 1
        if message["state"] != MessageState.QUEUED:
            return
        at = self._after_the_days(message["address"], life.now) if message["daily"] else life.now
        if at > life.now:
            message["due_at"] = at
            self._let_go(life, message)
            return
        reason = _gone(life, message)
        if reason is not None:
            message["state"], message["error"] = MessageState.CANCELLED.value, reason
            message["done_at"] = life.now
            return
        message["attempts"], message["first_tried_at"] = 1, life.now
        if message["channel"] == Channel.LETTER:
            self._post(life, message)
            return
        message["state"], message["done_at"] = MessageState.ACCEPTED.value, life.now
        if message["daily"]:
            self._daily_left[message["address"]] = life.now
            message["bundle"] = self.bundles.setdefault((message["address"], life.now), Bundle())
        task = life.tasks.get(message["task_id"])
        if task is not None:
            clocks.start(life, task)

    def _post(self, life: "Life", message: Row) -> None:
        day = self.office.calendar.local_day(life.now)
        if day not in self.batches:
            self.batches[day] = {
                "id": life.new_id(),
                "programme_id": self.office.programme_id,
                "on": day,
                "ordinal": 1,
                "printed_at": life.now,
                "posted_on": day,
                "posted_by_id": self.office.coordinators[0].id,
            }
        message["batch_id"] = self.batches[day]["id"]
        message["state"] = MessageState.POSTED.value
        message["done_at"] = datetime.combine(day, NOON, tzinfo=self.office.calendar.zone)


def _had(life: "Life", text: str, address: str) -> bool:
    return any(each["text"] == text and each["address"] == address for each in life.rows["message"])


def _gone(life: "Life", message: Row) -> str | None:
    """Why a message must not leave any more."""
    if message["task_id"] is not None and message["task_id"] not in life.tasks:
        return "task_closed"
    if message["channel"] == Channel.SMS and any(
        phone["number"] == message["address"] and phone["blocked_at"] for phone in life.rows["phone"]
    ):
        return "number_blocked"
    if message["party"] == Party.HOUSEHOLD and message["channel"] in NOBODY_READS.get(
        life.case.get("outcome") or "", ()
    ):
        return "household_gone"
    if message["text"] in ABOUT_A_VISIT and message["visit_id"] is not None:
        visit = next(each for each in life.rows["visit"] if each["id"] == message["visit_id"])
        if visit["state"] != VisitState.PLANNED or visit["starts_at"] <= life.now:
            return "visit_past"
    return None


def recipients(life: "Life", effect: PlanMessage) -> list[Recipient]:
    """Who a message is for, one by one; never empty."""
    match effect.party:
        case Party.HOUSEHOLD:
            return [_household(life, effect.channel)]
        case Party.COORDINATOR:
            return _coordination(life)
        case Party.ALERT_GIVER:
            found = [
                Recipient(alert["giver_email"], alert["organisation_id"], alert_id=alert["id"])
                for alert in life.rows["alert"]
                if alert["giver_email"]
            ]
        case Party.OPERATOR:
            found = _operator(life, effect)
        case Party.PARTNER:
            found = _partner(life, effect.about.referral_id)
    return found or [Recipient(lacking="no_address")]


def _coordination(life: "Life") -> list[Recipient]:
    return [Recipient(member.email, person_id=member.id) for member in life.office.coordinators]


def _household(life: "Life", channel: Channel) -> Recipient:
    if channel is Channel.LETTER:
        return Recipient()
    if channel is Channel.EMAIL:
        email = life.rows["household"][0]["email"]
        return Recipient(email) if email else Recipient(lacking="no_address")
    agreed = any(each["kind"] == PermissionKind.SMS and not each["revoked_at"] for each in life.rows["permission"])
    for phone in life.rows["phone"]:
        if phone["blocked_at"] is None and is_mobile(phone["number"]) and (phone["reached_at"] or agreed):
            return Recipient(phone["number"])
    return Recipient(lacking="sms_not_allowed")


def _operator(life: "Life", effect: PlanMessage) -> list[Recipient]:
    visit = next((each for each in life.rows["visit"] if each["id"] == effect.about.visit_id), None)
    operator = next((each for each in life.office.operators if each.id == life.case["operator_id"]), None)
    if visit is not None and visit["officer_id"] is not None and operator is not None:
        officer = next(each for each in operator.officers if each.id == visit["officer_id"])
        return [Recipient(officer.email, operator.id, person_id=officer.id)]
    if operator is None or not operator.email:
        return _coordination(life)
    return [Recipient(operator.email, operator.id)]


def _partner(life: "Life", referral_id: UUID | None) -> list[Recipient]:
    partner_id = life.referral(referral_id)["partner_id"] if referral_id else None
    partner = next((each for each in life.office.partners if each.id == partner_id), None)
    return [Recipient(partner.email, partner.id)] if partner and partner.email else []

"""What is to come as pages show it: to whom, what, when, why, whether it will really leave, and what may be decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models.cases import Alert, Case, Dwelling, Household, Referral
from models.engine import Event, Message, Task
from models.programmes import Organisation
from models.vocabulary import Channel, Party, PermissionKind
from services.cases import tasks
from services.correspondence import messages
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.tokens import new_token
from services.overview import timeline
from services.overview.coming import Departure, may_decide
from services.overview.desk import Sheet
from services.rules import pauses
from services.rules.policy import Actor, Right, known, rights
from services.rules.published import pathway_of
from services.rules.recipients import said_of_sms, sms_number
from services.rules.texts.labels import inside, label
from services.rules.titles import task_title, text_title, title_of
from services.rules.view import numbers_of
from services.web.pages.visitor import Visitor
from services.web.returning import leading_back

CHANNELS: Final = {Channel.EMAIL: "E-mail", Channel.SMS: "SMS", Channel.LETTER: "Courrier"}


@dataclass(frozen=True)
class Behind:
    """What the lines of one page speak of, read at once."""

    cases: Mapping[UUID, Case]
    tasks: Mapping[UUID, Task]
    organisations: Mapping[UUID, Organisation]
    givers: Mapping[UUID, str]
    sms_agreed: Mapping[UUID, bool]
    causes: Mapping[UUID, Event]


def lines(
    unit: UnitOfWork, visitor: Visitor, departures: Sequence[Departure], *, back: str = ""
) -> list[dict[str, Any]]:
    """The lines of a list, in the same order; acts lead back to `back`. Reads as much for a hundred as for one."""
    found = _lines(unit, visitor, departures, _behind(unit, visitor.actor, departures)) if departures else []
    for line in found:
        line["acts"] = [_leading_back(act, back) for act in line["acts"]]
    return found


def of_case(unit: UnitOfWork, visitor: Visitor, found: Sheet, *, most: int) -> list[dict[str, Any]]:
    """The next steps of the clocks of one case, told with what its page has read already."""
    return _lines(unit, visitor, [each for each in found.coming if each.clock][:most], _behind_case(found))


def _lines(unit: UnitOfWork, visitor: Visitor, departures: Sequence[Departure], behind: Behind) -> list[dict[str, Any]]:
    words: dict[UUID, timeline.Words] = {}
    return [_line(unit, visitor, each, behind, words) for each in departures]


def _leading_back(act: dict[str, Any], back: str) -> dict[str, Any]:
    way = "post" if "post" in act else "href"
    return act | {way: leading_back(act[way], back)}


def _behind(unit: UnitOfWork, actor: Actor, departures: Sequence[Departure]) -> Behind:
    session = unit.session
    case_ids = {each.case_id for each in departures}
    readable = known(unit, actor, case_ids)
    cases = session.scalars(
        select(Case)
        .where(Case.id.in_(case_ids))
        .options(
            joinedload(Case.dwelling).joinedload(Dwelling.commune),
            joinedload(Case.household).selectinload(Household.phones),
        )
    )
    found = session.scalars(
        select(Task)
        .where(Task.id.in_({each.task_id for each in departures if each.task_id}))
        .options(joinedload(Task.referral).joinedload(Referral.need), joinedload(Task.organisation))
    )
    organisations = session.scalars(
        select(Organisation).where(Organisation.id.in_({each.organisation_id for each in departures}))
    )
    givers = session.execute(
        select(Alert.case_id, Alert.giver_name).where(Alert.case_id.in_(case_ids), Alert.giver_email.is_not(None))
        .order_by(Alert.received_at.desc())
    )  # fmt: skip
    causes = session.execute(
        select(Message.id, Event)
        .join(Event, Event.id == Message.event_id)
        .where(Message.id.in_({each.message_id for each in departures if each.message_id}))
    )
    somebody = _party(Party.ALERT_GIVER)
    return Behind(
        {case.id: case for case in cases},
        {task.id: task for task in found},
        {each.id: each for each in organisations},
        {row.case_id: row.giver_name if row.case_id in readable else somebody for row in givers},
        said_of_sms(unit, case_ids),
        {row[0]: row[1] for row in causes},
    )


def _behind_case(found: Sheet) -> Behind:
    case, tasks = found.case, [*found.tasks, *found.paused]
    given = [*(task.organisation for task in tasks), *(alert.organisation for alert in case.alerts), case.operator]
    giver = next((alert for alert in case.alerts if alert.giver_email is not None), None)
    named = giver.giver_name if giver and found.is_known else _party(Party.ALERT_GIVER)
    sms = [each.revoked_at is None for each in found.permissions if each.kind == PermissionKind.SMS]
    return Behind(
        {case.id: case},
        {task.id: task for task in tasks},
        {each.id: each for each in given if each is not None},
        {case.id: named} if giver else {},
        {case.id: any(sms)} if sms else {},
        {},
    )


def _line(
    unit: UnitOfWork, visitor: Visitor, each: Departure, behind: Behind, words: dict[UUID, timeline.Words]
) -> dict[str, Any]:
    case = behind.cases[each.case_id]
    task = behind.tasks.get(each.task_id) if each.task_id else None
    local = each.at.astimezone(visitor.zone)
    return {
        "on": local.date(),
        "hour": wording.hour(local),
        "reference": case.number,
        "href": f"/situations/{case.id}",
        "commune": case.dwelling.commune.name,
        "what": _what(unit, case, each, task),
        "to": reader(each, behind.organisations, behind.givers),
        "why": _why(unit, visitor, each, case, task, behind, words),
        "held": _held(visitor, each, case, behind),
        "waits": each.message_id is not None,
        "acts": _acts(unit, visitor, each, case, task),
    }


def _what(unit: UnitOfWork, case: Case, each: Departure, task: Task | None) -> str:
    if each.channel is not None:
        return f"{CHANNELS[each.channel]} : {text_title(each.text)}"
    title = task_title(pathway_of(unit, case.pathway_hash), task.kind if task else each.kind)
    return f"{title} : échéance"


def reader(each: Departure, organisations: Mapping[UUID, Organisation], givers: Mapping[UUID, str]) -> str:
    """Who it is for: the organisation by its name, else the party."""
    organisation = organisations.get(each.organisation_id) if each.organisation_id else None
    if organisation is not None:
        return organisation.name
    if each.party is Party.ALERT_GIVER and each.case_id in givers:
        return givers[each.case_id]
    return _party(each.party)


def _party(party: Party) -> str:
    words = label("party", party.value)
    return wording.capital(words)


def _why(  # noqa: PLR0917 - what a reason may speak of
    unit: UnitOfWork, visitor: Visitor, each: Departure, case: Case, task: Task | None, behind: Behind,
    words: dict[UUID, timeline.Words],
) -> str:  # fmt: skip
    if each.message_id is not None:
        if case.id not in words:
            words[case.id] = timeline.words_of(unit, case, visitor.zone)
        return words[case.id].why(behind.causes[each.message_id])
    if task is None:
        return each.why
    return f"{inside(title_of(pathway_of(unit, case.pathway_hash), task))}, {each.why}"


def _held(visitor: Visitor, each: Departure, case: Case, behind: Behind) -> str:
    """Why it will not leave, as things stand; empty when it will."""
    if each.closed_until is not None:
        return f"Ne partira pas : organisme fermé jusqu’au {wording.day(each.closed_until, today=visitor.today)}"
    lacking = _lacking(each, case, behind) if each.message_id is None else None
    return f"Ne partira pas : {timeline.WHY_NOT[lacking]}" if lacking else ""


def _lacking(each: Departure, case: Case, behind: Behind) -> str | None:
    """What its reader has not got, by the code that the message would have."""
    if each.channel is Channel.EMAIL:
        organisation = behind.organisations.get(each.organisation_id) if each.organisation_id else None
        unknown = {
            Party.HOUSEHOLD: not case.household.mail_address,
            Party.PARTNER: organisation is not None and not organisation.email,
            Party.ALERT_GIVER: case.id not in behind.givers,
        }
        refuses = each.party is Party.HOUSEHOLD and case.household.email_refused_at is not None
        return ("address_refused" if refuses else "no_address") if unknown.get(each.party) else None
    if each.channel is Channel.SMS:
        number = sms_number(numbers_of(case.household.phones), agreed=behind.sms_agreed.get(case.id))
        return None if number else "sms_not_allowed"
    return None


def _acts(unit: UnitOfWork, visitor: Visitor, each: Departure, case: Case, task: Task | None) -> list[dict[str, Any]]:
    if each.message_id is not None:
        may = Right.SEND_NOW in rights(visitor.actor) and each.at > unit.now and each.channel is not None
        quiet = messages.keeps_hours(unit, case.programme_id, each.party, each.channel or "")
        address = f"/situations/{case.id}/messages/{each.message_id}/envoyer"
        return [{"label": "Envoyer maintenant", "post": address, "once": new_token()}] if may and not quiet else []
    acts: list[dict[str, Any]] = []
    if each.clock is not None and may_decide(visitor.actor, each):
        address = f"/situations/{case.id}/envois/{each.clock.id}"
        at = {"generation": each.clock.generation, "step": each.clock.step}
        query = f"generation={each.clock.generation}&step={each.clock.step}"
        acts += [
            {"label": "Envoyer maintenant", "post": f"{address}/maintenant", "once": new_token(), "hidden": at},
            {"label": "Ne pas envoyer", "href": f"{address}/passer?{query}"},
        ]
    if each.clock is not None and each.clock.is_next and task is not None and _may_put_off(unit, visitor, case, task):
        acts.append({"label": "Reporter", "href": f"/situations/{case.id}/taches/{task.id}/reporter"})
    return acts


def _may_put_off(unit: UnitOfWork, visitor: Visitor, case: Case, task: Task) -> bool:
    may = tasks.may_act(visitor.actor, task) and task.kind not in pauses.NEVER
    return may and task.snoozes < pathway_of(unit, case.pathway_hash).snoozes

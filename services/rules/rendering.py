"""Writes a message at the moment it leaves: facts read again, link made, or a reason why it must not leave."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select

from models.cases import Alert, Case, Referral, SupplyCut, Visit
from models.engine import Event, Message, Task
from models.events import VisitCancelled, VisitMissed, VisitMoved
from models.programmes import Organisation, Programme, SignInLink
from models.vocabulary import (
    Channel,
    Energy,
    LossReason,
    Party,
    Role,
    Stage,
    TaskState,
)
from services.foundation.database import UnitOfWork
from services.foundation.runtime import runtime
from services.rules import relevance
from services.rules.aged_sheets import VERIFY, aged
from services.rules.household import visit_word
from services.rules.links import asking_url, letter_url, requests_url, sheet_url, sign_in_url, task_url
from services.rules.news import MONTHLY, letters, solutions, stopped
from services.rules.own_words import TextKey, own_words
from services.rules.presence import Reader, side, team, works
from services.rules.published import pathway_of, today_of
from services.rules.relevance import SIGN_IN, Suppressed, is_good, sign_in_link
from services.rules.supply_cuts import first_lawful_day
from services.rules.texts import catalogue, own
from services.rules.texts.catalogue import TextContext, render
from services.rules.texts.gathering import gathered
from services.rules.titles import task_title
from services.rules.view import meeting_to_come

COORDINATION: Final = "La coordination"
FOLLOW_UP_QUESTION: Final = "follow_up_question"
"""What a household answers by itself; its task is the operator's, its link the household's."""
REORIENT: Final = "reorient"
PROPOSED: Final = "milestone_proposed"
"""What tells which types of solution were asked."""
CUT_ANNOUNCED: Final = "cut_announced"
CALENDAR_TEXTS: Final = {"visit_invitation": "REQUEST", "visit_cancellation": "CANCEL", "visit_taken_over": "CANCEL"}


class Rendered(NamedTuple):
    """What leaves. `ics` is a calendar part for e-mails about a visit; `stop_link` ends all mails like this one."""

    subject: str
    body: str
    ics: bytes | None = None
    stop_link: str | None = None


def render_message(unit: UnitOfWork, message: Message) -> Rendered:
    """Subject, body and calendar part of a message; raises `Suppressed` when its reason is gone."""
    if message.text == MONTHLY:
        return _of_month(unit, message)
    if message.text == VERIFY:
        return _of_sheets(unit, message)
    if message.case_id is None:
        return _of_account(unit, message)
    relevance.check(unit, message)
    context = context_of(unit, message)
    channel = Channel(message.channel)
    subject, body = _written(unit, message, context)
    return Rendered(subject, body, _calendar_part(unit, message) if channel is Channel.EMAIL else None)


def _written(unit: UnitOfWork, message: Message, context: TextContext) -> catalogue.Rendered:
    """In the programme's own words when it has some for this text; of what is not as usual in ours: its own would say
    something else."""
    key = TextKey(message.text, Party(message.party), Channel(message.channel))
    unusual = context.for_good or context.same_time or context.others_asked
    words = None if unusual else own_words(unit, message.programme_id).get(key)
    return own.write(words, *key, context) if words else render(*key, context)


def _of_account(unit: UnitOfWork, message: Message) -> Rendered:
    """A mail about an account, which knows of no case."""
    link = unit.session.get(SignInLink, message.sign_in_link_id) if message.sign_in_link_id else None
    if message.sign_in_link_id and not is_good(unit, link):
        raise Suppressed("link_past")
    programme, current = unit.session.get_one(Programme, message.programme_id), runtime()
    address = sign_in_url(current, link) if link else asking_url(current)
    context = replace(about_programme(unit, programme, signer=COORDINATION), link=address)
    return Rendered(*render(message.text, Party(message.party), Channel(message.channel), context))


def _of_month(unit: UnitOfWork, message: Message) -> Rendered:
    """The letter of the month, about several cases: what was new at its round, as it stands now."""
    address, current = message.address.lower(), runtime()
    if stopped(unit, message.programme_id, [address]):
        raise Suppressed("news_stopped")
    letter = letters(unit, message.programme_id, [address], message.created_at).get(address)
    if letter is None:
        raise Suppressed("nothing_new")
    programme = unit.session.get_one(Programme, message.programme_id)
    context = replace(
        about_programme(unit, programme),
        requests=letter.groups,
        other_requests=letter.others or None,
    )
    subject, body = render(message.text, Party(message.party), Channel(message.channel), context)
    return Rendered(subject, body, stop_link=letter_url(current, message))


def _of_sheets(unit: UnitOfWork, message: Message) -> Rendered:
    """A partner's sheets that still wait to be looked at."""
    found, current = aged(unit, message.programme_id, partner_id=message.organisation_id), runtime()
    if not found:
        raise Suppressed("nothing_new")
    programme = unit.session.get_one(Programme, message.programme_id)
    context = replace(
        about_programme(unit, programme),
        sheets=tuple((each.name, sheet_url(current, each)) for each in found),
    )
    return Rendered(*render(message.text, Party(message.party), Channel(message.channel), context))


def gather(unit: UnitOfWork, messages: Sequence[Message]) -> Rendered:
    """One mail of several messages for one address, written before: each keeps its own text."""
    texts = [catalogue.Rendered(message.subject or "", message.body or "") for message in messages]
    parties = {Party(message.party) for message in messages}
    reader = parties.pop() if len(parties) == 1 else Party.COORDINATOR
    of_case = next((message for message in messages if message.case_id is not None), None)
    if of_case is not None:
        context = context_of(unit, of_case)
    else:
        programme = unit.session.get_one(Programme, messages[0].programme_id)
        context = about_programme(unit, programme)
    return Rendered(*gathered(texts, context, reader=reader))


def about_programme(unit: UnitOfWork, programme: Programme, *, signer: str = "") -> TextContext:
    """What every text may say: the programme, its day and who signs, a coordinator unless it is said; of no case."""
    return TextContext(
        programme_name=programme.public_name,
        programme_phone=programme.phone,
        programme_email=programme.email,
        carrier=programme.carrier,
        postal_address=programme.postal_address,
        dpo_contact=programme.email,
        city=programme.city,
        zone=programme.zone,
        today=today_of(unit, programme.id),
        reference="",
        commune="",
        signer_name=signer or signer_of(unit, programme.id),
        signer_phone=programme.phone,
    )


def context_of(unit: UnitOfWork, message: Message) -> TextContext:
    """What the texts may say of a message's case; a household is named in its own letters only."""
    case = unit.session.get_one(Case, message.case_id)
    programme = unit.session.get_one(Programme, case.programme_id)
    event = unit.session.get_one(Event, message.event_id)
    cut = unit.session.get_one(SupplyCut, UUID(event.payload["cut_id"])) if message.text == CUT_ANNOUNCED else None
    task = unit.session.get(Task, message.task_id) if message.task_id else _first_owed(unit, cut)
    visit = unit.session.get(Visit, message.visit_id) if message.visit_id else None
    referral, signer = _referral(unit, message), _signer(unit, programme.id)
    return replace(
        about_programme(unit, programme),
        to_signer=True if signer is not None and message.address == signer.email else None,
        reference=_reference(unit, message, case),
        commune=case.dwelling.commune.name,
        organisation=_organisation(unit, message, case),
        addressee=case.household.greeted_as if message.party == Party.HOUSEHOLD else None,
        theme=referral.need.theme if referral else None,
        partner=referral.partner.name if referral else None,
        task=task_title(pathway_of(unit, case.pathway_hash), task.kind) if task else None,
        responsible=task.party if task else None,
        due_at=task.due_at if task else None,
        visit_starts_at=visit.starts_at if visit else None,
        visit_ends_at=visit.ends_at if visit else None,
        meets_at=meeting_to_come(unit, referral),
        officer=visit.officer.name if visit and visit.officer and works(unit, visit.officer, case) else None,
        visit_word=visit_word(runtime().secrets, visit.id) if visit else None,
        reason=event.payload.get("reason"),
        outcome=event.payload.get("outcome"),
        stage=case.stage,
        danger=event.payload.get("danger") or case.danger,
        urgent=True if referral is not None and referral.urgent else None,
        for_good=_no_other_visit(event, case),
        same_time=(event.type == VisitMoved.type and event.payload.get("same_time")) or None,
        others_asked=(message.text == REORIENT and event.payload.get("others_asked")) or None,
        link=_link(unit, message, task),
        requests_link=_requests_link(unit, message),
        destination=case.transferred_to,
        destination_phone=case.transferred_phone,
        solutions=solutions(unit, case.id) if message.text == PROPOSED else None,
        cut_on=cut.cut_on if cut else None,
        cut_lawful_on=_put_off_to(cut),
    )


def _first_owed(unit: UnitOfWork, cut: SupplyCut | None) -> Task | None:
    """What is to be done first about a cut."""
    if cut is None:
        return None
    owed = select(Task).where(Task.cut_id == cut.id, Task.state == TaskState.OPEN)
    return unit.session.scalars(owed.order_by(Task.due_at, Task.id)).first()


def _put_off_to(cut: SupplyCut | None) -> date | None:
    """The first day of a cut that the law allows, where it is not the announced one."""
    if cut is None:
        return None
    day, reasons = first_lawful_day(Energy(cut.energy), cut.cut_on, cut.aid_filed_on)
    return day if reasons else None


def _no_other_visit(event: Event, case: Case) -> bool | None:
    """True where nobody looks for another date: the visit's end says so, or the report is given."""
    if event.type not in {VisitCancelled.type, VisitMissed.type}:
        return None
    said = event.payload.get("for_good") or event.payload.get("reason") == LossReason.REFUSED_AT_DOOR
    return said or case.stage in {Stage.ORIENTATION, Stage.FOLLOW_UP} or None


def _reference(unit: UnitOfWork, message: Message, case: Case) -> str:
    """As its reader knows it: an alert giver by the request that he made, whatever it was joined to since."""
    alert = unit.session.get(Alert, message.alert_id) if message.alert_id else None
    return ((alert and alert.received_on) or case).number if message.party == Party.ALERT_GIVER else case.number


def _referral(unit: UnitOfWork, message: Message) -> Referral | None:
    return unit.session.get(Referral, message.referral_id) if message.referral_id else None


def _organisation(unit: UnitOfWork, message: Message, case: Case) -> str | None:
    if message.text == "household_notice":
        alert = next(iter(case.alerts), None)
        return alert.organisation.name if alert and alert.organisation else None
    organisation = unit.session.get(Organisation, message.organisation_id) if message.organisation_id else None
    alert = unit.session.get(Alert, message.alert_id) if message.alert_id else None
    return organisation.name if organisation else (alert.giver_name if alert else None)


def _requests_link(unit: UnitOfWork, message: Message) -> str | None:
    """What became of all the requests of whoever is written to about his own."""
    alert = unit.session.get(Alert, message.alert_id) if message.alert_id else None
    return requests_url(runtime(), alert) if alert and message.party == Party.ALERT_GIVER else None


def _link(unit: UnitOfWork, message: Message, task: Task | None) -> str | None:
    """A link of its own for those who have no account; the case's page (which asks who you are) for the others."""
    current = runtime()
    if message.text == SIGN_IN:
        link = sign_in_link(unit, message)
        return sign_in_url(current, link) if link else None
    if message.party in {Party.PARTNER, Party.ALERT_GIVER}:
        return task_url(current, task) if task and task.party == message.party else None
    if message.party == Party.HOUSEHOLD and message.text == FOLLOW_UP_QUESTION:
        return task_url(current, task) if task else None
    if message.party in {Party.COORDINATOR, Party.OPERATOR}:
        return f"{current.settings.public_url}/situations/{message.case_id}"
    return None


def signer_of(unit: UnitOfWork, programme_id: UUID) -> str:
    """Who signs: the first coordinator by name; the coordination where there is none."""
    found = _signer(unit, programme_id)
    return found.name if found else COORDINATION


def _signer(unit: UnitOfWork, programme_id: UUID) -> Reader | None:
    return next(iter(side(team(unit, programme_id), Role.COORDINATOR)), None)


def _calendar_part(unit: UnitOfWork, message: Message) -> bytes | None:
    method = CALENDAR_TEXTS.get(message.text)
    if method is None or message.visit_id is None:
        return None
    from services.channels.ics import Invitation, invitation  # noqa: PLC0415 - the pages would start later

    visit = unit.session.get_one(Visit, message.visit_id)
    case = unit.session.get_one(Case, message.case_id)
    programme = unit.session.get_one(Programme, case.programme_id)
    return invitation(
        Invitation(
            uid=f"{visit.id}@relais",
            sequence=visit.sequence,
            reference=case.number,
            commune=case.dwelling.commune.name,
            starts_at=visit.starts_at,
            duration=max(visit.ends_at - visit.starts_at, timedelta(minutes=30)),
            organiser_name=programme.public_name,
            organiser_email=programme.email,
            attendees=(message.address,),
            stamped_at=message.created_at,
            zone=programme.zone,
        ),
        method="CANCEL" if method == "CANCEL" else "REQUEST",
    )

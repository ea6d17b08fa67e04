"""Referrals: ask a partner, take his answer (from the mail's page or on his behalf), his news, his outcome."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final, TypedDict
from uuid import UUID

from sqlalchemy import Select, exists, not_, select

from models import events as e
from models.base import new_id
from models.cases import Case, Need, Referral
from models.engine import Task
from models.lifecycles import CASE_MOVES, UNANSWERED, UNDER_WAY, CaseAction, ReferralAction, next_referral_state
from models.programmes import Organisation
from models.vocabulary import (
    CaseState,
    DeclineReason,
    Loop,
    Obstacle,
    OrganisationKind,
    PermissionKind,
    ReferralKind,
    ReferralState,
    TaskState,
    Theme,
    WithdrawReason,
)
from services.cases import agreements, households, picking
from services.cases.notes import joined, keep_from_partners, write_note
from services.forms import Answer, Completion, Decline, Failure, Question, ReferralForm, TakeBack
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput, NotFound
from services.network.directory import fill
from services.rules import casework, obligations, open_tasks
from services.rules.casework import Act, Hand
from services.rules.links import task_for_link
from services.rules.policy import Actor, Right, case_for, locked_case
from services.rules.published import pathway_of, today_of
from services.rules.ranking import READ

NEWS: Final = ("report_outcome", "follow_outside")
"""Whose date is when news of an accepted request is asked for."""
_ASKED: Final = (UNANSWERED | UNDER_WAY) - {ReferralState.DRAFT}
"""A partner has the need in his hands."""


def send(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ReferralForm) -> Referral:
    """Ask a partner, with the household's permission. The answer's clock starts when his mail server accepts.

    With `also_ids` several partners are asked at once: the first to accept has it, the others are told. A request that
    still lives and is replaced is over, as by `rerouting.transfer`.
    """
    case = case_for(unit, hand.actor, case_id, Right.REFER)
    pool = new_id() if form.also_ids else None
    need = _need(unit, case, form, _replaced(unit, case, form))
    asked = []
    for partner_id in dict.fromkeys([form.partner_id, *form.also_ids]):
        one = form.model_copy(update={"partner_id": partner_id})
        referral = _draft(unit, case, one, need, pool=pool)
        _launch(unit, hand, case, referral, one)
        asked.append(referral)
    return asked[0]


def prepare(unit: UnitOfWork, hand: Hand, case_id: UUID, form: ReferralForm) -> Referral:
    """Keep a request for later: nothing leaves, no permission is needed yet."""
    case = case_for(unit, hand.actor, case_id, Right.REFER)
    referral = _draft(unit, case, form, _need(unit, case, form, _replaced(unit, case, form)), pool=None)
    casework.record(unit, case, about(referral, e.ReferralPrepared), hand=hand, action=CaseAction.REFER)
    return referral


def send_draft(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: ReferralForm) -> Referral:
    """Let a prepared request leave, to the partner and with the words of the form."""
    referral = held(unit, hand.actor, referral_id, Right.REFER)
    case = referral.case
    partner = _partner(unit, case, form)
    if partner.id != referral.partner_id:
        keep_from_partners(unit, referral)
    referral.partner_id, referral.partner = partner.id, partner
    referral.brief, referral.brief_is_open = form.brief, form.brief_is_open
    referral.need = _need(unit, case, form, referral)
    _launch(unit, hand, case, referral, form)
    return referral


def _need(unit: UnitOfWork, case: Case, form: ReferralForm, before: Referral | None) -> Need:
    """The need of the request before, unless another kind of help is asked for now. Then it is a new one, so that the
    partner, the figures and the directory all speak of the help that is asked for."""
    if before is not None and before.need.theme == form.theme:
        return before.need
    return Need(case_id=case.id, theme=form.theme.value, created_at=unit.now)


def _draft(unit: UnitOfWork, case: Case, form: ReferralForm, need: Need, *, pool: UUID | None) -> Referral:
    partner = _partner(unit, case, form)
    referral = Referral(
        case_id=case.id,
        case=case,
        need=need,
        partner_id=partner.id,
        partner=partner,
        replaces_id=form.replaces_id,
        pool_id=pool,
        kind=form.kind.value,
        check_on=form.check_on,
        urgent=form.urgent,
        state=ReferralState.DRAFT.value,
        loop=Loop.OPEN.value,
        brief=form.brief,
        brief_is_open=form.brief_is_open,
        file_number=form.file_number,
    )
    unit.session.add_all([need, referral])
    unit.session.flush()
    return referral


def _launch(unit: UnitOfWork, hand: Hand, case: Case, referral: Referral, form: ReferralForm) -> None:
    """From draft to sent: permission, a way to reach the partner, what he was at that moment; the place it takes."""
    partner = referral.partner
    _refuse_twice(unit, referral)
    if not form.permission:
        raise InvalidInput("permission", "Sans l’accord du ménage, ce partenaire ne peut pas être contacté.")
    if form.kind is ReferralKind.MAIL and not partner.email:
        raise InvalidInput("partner_id", "Ce partenaire n’a pas d’adresse électronique : complétez l’annuaire.")
    if form.kind is ReferralKind.OUTSIDE_PORTAL:
        _check_day(unit, case, form)
    if form.brief_is_open and households.is_named_in(case, form.brief):
        raise InvalidInput("brief", "Ce texte dit qui est le ménage : enlevez nom, rue et numéro, ou décochez la case.")
    despite = _check_directory(unit, hand.actor, case, form)
    referral.state = next_referral_state(ReferralState(referral.state), ReferralAction.SEND).value
    referral.kind, referral.check_on, referral.sent_at = form.kind.value, form.check_on, unit.now
    referral.urgent = form.urgent
    referral.snapshot = {"partner": partner.name, "email": partner.email}
    unit.session.flush()
    share, mode = PermissionKind.SHARE_WITH_PARTNER, form.permission_mode
    agreements.written(unit, case, share, organisation_id=form.partner_id, mode=mode, by=hand.actor.name)
    until = form.check_on if form.kind is ReferralKind.OUTSIDE_PORTAL else None
    fact = e.ReferralSent(
        **ids(referral),
        until=until,
        despite=despite,
        urgent=referral.urgent,
        recall_until=casework.recall_until(unit, hand),
    )
    casework.record(unit, case, fact, hand=hand, action=_moves(case, form))
    if despite:  # the team's, with no event: what is said of a referral its partner reads
        write_note(unit, case, hand, f"{partner.name} : {form.despite}")
    _take_over(unit, hand, referral)


def _moves(case: Case, form: ReferralForm) -> CaseAction | None:
    """An orientation follows the report; making a dwelling safe waits for nothing, and leaves the case where it is."""
    return None if form.theme is Theme.EMERGENCY and is_only_for_safety(case) else CaseAction.REFER


def is_only_for_safety(case: Case) -> bool:
    """Whether it is too early to orient the household for anything but its safety."""
    return not case.is_closed and (CaseState(case.state), CaseAction.REFER) not in CASE_MOVES


def _check_directory(unit: UnitOfWork, actor: Actor, case: Case, form: ReferralForm) -> list[Obstacle]:
    """Why the directory sets the partner aside, if it does. Raises `InvalidInput` when nobody says why he is asked."""
    pick = picking.pick_of(unit, actor, case, form.theme, form.partner_id)
    if pick is None or not pick.obstacles:
        return []
    if not form.despite:
        today = today_of(unit, case.programme_id)
        why = ", ".join(picking.reasons(pick, commune=case.dwelling.commune.name, today=today))
        raise InvalidInput("despite", f"{pick.offer.partner} {why} : dites pourquoi lui demander quand même.")
    return list(pick.obstacles)


def _check_day(unit: UnitOfWork, case: Case, form: ReferralForm) -> None:
    today = today_of(unit, case.programme_id)
    if form.check_on is None or form.check_on <= today:
        raise InvalidInput("check_on", "Dites quel jour sa réponse sera cherchée : un jour à venir.")


def _partner(unit: UnitOfWork, case: Case, form: ReferralForm) -> Organisation:
    partner = unit.session.get(Organisation, form.partner_id)
    if partner is None or partner.programme_id != case.programme_id or partner.kind != OrganisationKind.PARTNER:
        raise InvalidInput("partner_id", "Choisissez un partenaire de ce dispositif.")
    if partner.ended_on is not None:
        raise InvalidInput("partner_id", "Ce partenaire ne travaille plus avec le dispositif.")
    if form.theme.value not in partner.themes:
        raise InvalidInput("partner_id", "Ce partenaire n’intervient pas pour ce type de solution.")
    return partner


def _refuse_twice(unit: UnitOfWork, referral: Referral) -> None:
    """One live request for a need, unless it is replaced now or several were asked at once. Source: peers 3.2, send."""
    living = unit.session.scalars(
        select(Referral).where(
            Referral.case_id == referral.case_id,
            Referral.id != referral.id,
            Referral.state.in_(_ASKED),
        )
    ).all()
    if any(other.partner_id == referral.partner_id and other.need.theme == referral.need.theme for other in living):
        raise GuardRefused("Ce partenaire a déjà cette demande : attendez sa réponse, ou demandez à un autre.")
    for other in living:
        together = other.pool_id is not None and other.pool_id == referral.pool_id
        if other.need_id == referral.need.id and other.id != referral.replaces_id and not together:
            raise GuardRefused(
                f"Cette demande est déjà chez un partenaire ({other.partner.name}) : demandez à un autre à sa place."
            )


def _replaced(unit: UnitOfWork, case: Case, form: ReferralForm) -> Referral | None:
    if form.replaces_id is None:
        return None
    replaced = unit.session.get(Referral, form.replaces_id)
    if replaced is None or replaced.case_id != case.id:
        raise InvalidInput("replaces_id", "L’orientation à remplacer n’est pas de cette situation.")
    if ReferralState(replaced.state) is ReferralState.DRAFT:
        raise GuardRefused("Cette demande est en préparation : envoyez-la, ou retirez-la.")
    return replaced


def accept(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Answer) -> Referral:
    """The partner takes it; what he did is asked for next."""
    referral, hand = answerer(unit, hand, referral_id, "accept", form)
    move(referral, ReferralAction.ACCEPT, form)
    referral.answered_at = unit.now
    tell(unit, hand, referral, e.ReferralAccepted(**ids(referral), urgent=referral.urgent), form)
    for other in _rivals(unit, referral):
        supersede(unit, hand, other, by=referral, taken=True)
    return referral


def supersede(unit: UnitOfWork, hand: Hand, referral: Referral, *, by: Referral, taken: bool = False) -> None:
    """Another referral stands in its place; its link dies and its partner is told."""
    move(referral, ReferralAction.TRANSFER, Answer())
    referral.ended_at = unit.now
    fact = e.ReferralSuperseded(**ids(referral), by_referral_id=by.id, taken=taken)
    casework.record(unit, referral.case, fact, hand=hand)


def _replaced_alive(unit: UnitOfWork, referral: Referral) -> Referral | None:
    """The request in whose place this one stands, if it has left and is not over."""
    old = unit.session.get(Referral, referral.replaces_id) if referral.replaces_id else None
    return old if old is not None and ReferralState(old.state) in _ASKED else None


def _take_over(unit: UnitOfWork, hand: Hand, referral: Referral) -> None:
    """The request that this one replaces is over: at once, or once this one can no longer be taken back."""
    old = _replaced_alive(unit, referral)
    if old is None:
        return
    referral.takes_over_at = casework.recall_until(unit, hand)
    if referral.takes_over_at is None:
        supersede(unit, hand, old, by=referral)


def take_over_due(unit: UnitOfWork) -> bool:
    """The timer's act, one request at a time: what was to be taken over is, unless the new request ended meanwhile.

    False when nothing was due.
    """
    due = select(Referral).where(Referral.takes_over_at <= unit.now).order_by(Referral.takes_over_at).limit(1)
    new = unit.session.scalars(due).first()
    if new is None:
        return False
    lock(unit, new)
    if new.takes_over_at is None or new.takes_over_at > unit.now:  # taken back while the case was awaited
        return True
    new.takes_over_at = None
    old = _replaced_alive(unit, new)
    if old is not None and ReferralState(new.state) in UNANSWERED | UNDER_WAY:
        supersede(unit, casework.timer_hand(), lock(unit, old), by=new)
    return True


def _rivals(unit: UnitOfWork, referral: Referral) -> list[Referral]:
    """The other partners who were asked at the same time and have not answered."""
    if referral.pool_id is None:
        return []
    query = select(Referral).where(
        Referral.pool_id == referral.pool_id, Referral.id != referral.id, Referral.state.in_(UNANSWERED)
    )
    return list(unit.session.scalars(query.order_by(Referral.id)))


def decline(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Decline) -> Referral:
    """The partner cannot; the coordinator owns what is next. "At capacity" is noted in the directory."""
    referral, hand = answerer(unit, hand, referral_id, "decline", form)
    move(referral, ReferralAction.DECLINE, form)
    referral.answered_at = referral.ended_at = unit.now
    referral.reason = form.reason.value
    if form.reason is DeclineReason.CAPACITY:
        days = timedelta(days=pathway_of(unit, referral.case.pathway_hash).full_days)
        fill(unit, referral.partner, Theme(referral.need.theme), today_of(unit, referral.case.programme_id) + days)
    others = bool(_rivals(unit, referral))
    tell(unit, hand, referral, e.ReferralDeclined(**ids(referral), reason=form.reason, others_asked=others), form)
    return referral


def ask(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Question) -> Referral:
    """The partner wants to know more; the first question gives him the answer's delay again, once."""
    referral, hand = answerer(unit, hand, referral_id, "ask", form)
    first = ReferralState(referral.state) is ReferralState.SENT
    move(referral, ReferralAction.ASK, form)
    if first:
        extend(unit, referral)
    tell(unit, hand, referral, about(referral, e.QuestionAsked), form)
    return referral


def answer_question(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Question) -> Referral:
    """Answer the partner's question; he reads it on his page."""
    referral = held(unit, hand.actor, referral_id, Right.REFER)
    if ReferralState(referral.state) is not ReferralState.UNDER_REVIEW:
        raise GuardRefused("Ce partenaire n’attend pas de réponse à une question.")
    fact = e.QuestionAnswered(**ids(referral), recall_until=casework.recall_until(unit, hand))
    tell(unit, hand, referral, fact, form)
    return referral


def report_progress(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Answer) -> Referral:
    """The partner gives news: his clock starts again, and his link stays the one that he has."""
    referral, hand = answerer(unit, hand, referral_id, "report_progress", form)
    move(referral, ReferralAction.REPORT_PROGRESS, form)
    ask_news_later(unit, referral)
    tell(unit, hand, referral, about(referral, e.ReferralProgressed), form)
    return referral


def complete(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Completion) -> Referral:
    """The help came to an outcome, as the partner reports it; the household's word comes at the follow-up."""
    referral, hand = answerer(unit, hand, referral_id, "complete", form)
    move(referral, ReferralAction.COMPLETE, form)
    referral.outcome, referral.amount_cents = form.outcome.value, form.amount_cents
    referral.loop, referral.ended_at = Loop.REPORTED.value, unit.now
    tell(unit, hand, referral, e.ReferralCompleted(**ids(referral), outcome=form.outcome), form)
    return referral


def fail(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: Failure) -> Referral:
    """The partner tried in vain; the coordinator owns what is next."""
    referral, hand = answerer(unit, hand, referral_id, "fail", form)
    move(referral, ReferralAction.FAIL, form)
    referral.reason, referral.ended_at = form.reason.value, unit.now
    tell(unit, hand, referral, e.ReferralFailed(**ids(referral), reason=form.reason), form)
    return referral


def withdraw(unit: UnitOfWork, hand: Hand, referral_id: UUID, form: TakeBack | None = None) -> Referral:
    """Take the request back; the partner's link dies at once and he is told."""
    referral = held(unit, hand.actor, referral_id, Right.REFER)
    return take_back(unit, hand, referral, form.reason if form else WithdrawReason.OTHER)


def take_back(unit: UnitOfWork, hand: Hand, referral: Referral, reason: WithdrawReason) -> Referral:
    """The same without a question of rights: what a case holds ends with it."""
    move(referral, ReferralAction.WITHDRAW, Answer())
    referral.reason, referral.ended_at = reason.value, unit.now
    fact = e.ReferralWithdrawn(**ids(referral), reason=reason, sent=referral.sent_at is not None)
    casework.record(unit, referral.case, fact, hand=hand)
    return referral


def drop_need(unit: UnitOfWork, hand: Hand, case_id: UUID) -> Case:
    """Nothing more to orient: the follow-up begins, or goes on. Refused while a partner's answer is awaited."""
    case = case_for(unit, hand.actor, case_id, Right.REFER)
    if unit.session.scalar(_cases(case_id).where(_UNANSWERED)) is not None:
        raise GuardRefused("Un partenaire n’a pas encore répondu : attendez sa réponse ou retirez la demande.")
    undecided = unit.session.scalar(_cases(case_id).where(_UNDECIDED)) is not None
    if case.state == CaseState.IN_FOLLOW_UP and not undecided:
        raise GuardRefused("Il n’y a rien à réorienter : le suivi est déjà en cours.")
    casework.record(unit, case, e.FollowUpStarted(), hand=hand, action=CaseAction.FOLLOW_UP)
    return case


def expire(unit: UnitOfWork, task: Task) -> None:
    """The timer's act: the partner never answered. Does nothing on an answered referral, nor before he was warned."""
    referral = task.referral
    if referral is None or ReferralState(referral.state) not in UNANSWERED or referral.delivered_at is None:
        return
    if obligations.wait_for_partner(unit, task):
        return
    referral = lock(unit, referral)
    move(referral, ReferralAction.EXPIRE, Answer())
    referral.ended_at = unit.now
    fact = e.ReferralExpired(**ids(referral), others_asked=bool(_rivals(unit, referral)))
    casework.record(unit, referral.case, fact, hand=casework.timer_hand())


def settle(unit: UnitOfWork, *case_ids: UUID) -> None:
    """Move to the follow-up when no referral is awaited and none waits to be re-oriented. Safe to repeat."""
    lock = select(Case).order_by(Case.id).with_for_update(of=Case)
    cases = unit.session.scalars(lock.where(Case.id.in_(_settled(*case_ids)))).all()
    if not cases:
        return
    # Nobody was asked while the locks were awaited.
    still = set(unit.session.scalars(_settled(*(case.id for case in cases))))
    hand, action = casework.engine_hand(), CaseAction.FOLLOW_UP
    casework.record_all(unit, [Act(case, e.FollowUpStarted(), hand, action) for case in cases if case.id in still])


def unsettled(unit: UnitOfWork, case_ids: Collection[UUID]) -> set[UUID]:
    """Those that `settle` would move."""
    return set(unit.session.scalars(_settled(*case_ids)))


def _settled(*case_ids: UUID) -> Select[UUID]:
    """Those of these cases in orientation that wait for no answer and no decision: a query."""
    return _cases(*case_ids).where(Case.state == CaseState.ORIENTING, not_(_UNANSWERED), not_(_UNDECIDED))


def _cases(*case_ids: UUID) -> Select[UUID]:
    return select(Case.id).where(Case.id.in_(case_ids)).order_by(Case.id)


_UNANSWERED: Final = exists().where(Referral.case_id == Case.id, Referral.state.in_(UNANSWERED))
_UNDECIDED: Final = exists().where(
    Task.case_id == Case.id, Task.kind.in_(("reorient", "orient")), Task.state == TaskState.OPEN
)


def answerer(unit: UnitOfWork, hand: Hand, referral_id: UUID, action: str, form: Answer) -> tuple[Referral, Hand]:
    """The partner through his link, or somebody of the case who says from whom he has the answer."""
    if hand.actor.kind == "link":
        task = task_for_link(unit, hand.actor, action)
        if task.referral_id != referral_id:
            raise NotFound
        locked = lock(unit, found(unit, referral_id))
        locked.opened_at = locked.opened_at or unit.now
        return locked, hand
    referral = held(unit, hand.actor, referral_id, Right.ANSWER_FOR_PARTNER)
    if form.on_behalf is None:
        raise InvalidInput("said_by", "Dites qui a donné cette réponse, et comment.")
    return referral, Hand(hand.actor, hand.source, referral.partner_id, hand.occurred_at, hand.key)


def found(unit: UnitOfWork, referral_id: UUID) -> Referral:
    referral = unit.session.get(Referral, referral_id)
    if referral is None:
        raise NotFound
    return referral


def held(unit: UnitOfWork, actor: Actor, referral_id: UUID, right: Right) -> Referral:
    """A request that the actor may do this to, its case locked, as it is now."""
    referral = found(unit, referral_id)
    case_for(unit, actor, referral.case_id, right)
    unit.session.refresh(referral)
    return referral


def lock(unit: UnitOfWork, referral: Referral) -> Referral:
    """Read it again once its case is locked: two answers at once must not both find it unanswered."""
    locked_case(unit, referral.case_id)
    unit.session.refresh(referral)
    return referral


def move(referral: Referral, action: ReferralAction, form: Answer) -> None:
    before, referral.state = referral.state, next_referral_state(ReferralState(referral.state), action).value
    if before == ReferralState.ON_HOLD and referral.state != before:  # what was waited for, and until when
        referral.reason, referral.check_on = None, None
    number = form.file_number or (form.on_behalf.file_number if form.on_behalf else "")
    referral.file_number = number or referral.file_number


def tell(unit: UnitOfWork, hand: Hand, referral: Referral, fact: e.Fact, form: Answer) -> None:
    event = casework.record(unit, referral.case, fact, hand=hand)
    if hand.on_behalf_of is not None:
        # Whoever records a partner's answer for him has read what he wrote about it.
        casework.close(unit, open_tasks.of_referral(unit, referral.id, READ), TaskState.COMPLETED)
    said = f"{form.on_behalf.said_by} ({form.on_behalf.how})" if form.on_behalf else ""
    write_note(unit, referral.case, hand, joined(said, form.note), event=event)


def extend(unit: UnitOfWork, referral: Referral) -> None:
    """The answer's delay starts again at the first question. Source: ladder of answers, extended once."""
    for task in open_tasks.of_referral(unit, referral.id, "answer_referral"):
        if not task.provisional:
            obligations.rearm(unit, task, since=unit.now)


def ask_news_later(unit: UnitOfWork, referral: Referral) -> None:
    """The delay of the news starts again now, on the task that is there: its link is the partner's."""
    for task in open_tasks.of_referral(unit, referral.id, *NEWS):
        if task.paused_at is None:
            obligations.rearm(unit, task, since=unit.now)


class Ids(TypedDict):
    referral_id: UUID
    partner_id: UUID
    theme: Theme
    outside: bool


def ids(referral: Referral) -> Ids:
    return {
        "referral_id": referral.id,
        "partner_id": referral.partner_id,
        "theme": Theme(referral.need.theme),
        "outside": referral.kind == ReferralKind.OUTSIDE_PORTAL,
    }


def about(referral: Referral, fact: Callable[..., e.Fact]) -> e.Fact:
    return fact(**ids(referral))

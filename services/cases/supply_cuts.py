"""A cut of electricity or gas that a supplier announced: its clocks run backwards from its day."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple, TypedDict
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from models import events as e
from models.cases import Case, SupplyCut
from models.engine import Event
from models.vocabulary import CaseState, CutOutcome, Energy, TaskState, Urgency
from services.cases.notes import write_note
from services.forms import Form, FreeText, TeamNote
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.rules import casework, open_tasks
from services.rules.casework import Hand
from services.rules.policy import Right, case_for
from services.rules.published import today_of
from services.rules.supply_cuts import Reason, first_lawful_day

FARTHEST: Final = timedelta(days=366)


class CutForm(Form):
    """A cut that a supplier announced."""

    energy: Energy = Field(description="Ce qui serait coupé")
    cut_on: date = Field(description="Jour de coupure annoncé")
    note: TeamNote = ""


class WhichCut(Form):
    """Which cut is meant: said where two are followed, of electricity and of gas."""

    energy: Energy | None = Field(None, description="Laquelle, si deux coupures sont suivies")


class NewDay(WhichCut):
    """Another day for the cut: the supplier put it off, or the aid was decided."""

    cut_on: date = Field(description="Nouveau jour de coupure")
    note: TeamNote = ""


class SupplierCall(WhichCut):
    """What the supplier's solidarity desk said."""

    new_day: date | None = Field(None, description="Nouveau jour de coupure, s’il l’a reportée")
    note: FreeText = Field(min_length=1, description="Ce que le fournisseur a dit")


class AidFiled(WhichCut):
    """A request for aid against the debt was filed."""

    filed_on: date | None = Field(None, description="Jour du dépôt ; vide : aujourd’hui")
    note: TeamNote = ""


class CutEnd(WhichCut):
    """How the cut ended."""

    outcome: CutOutcome = Field(description="Ce qui s’est passé")
    note: TeamNote = ""


class Ahead(NamedTuple):
    """A cut with the first day on which the law allows it."""

    cut: SupplyCut
    day: date
    reasons: list[Reason]


class Told(NamedTuple):
    """A cut that is announced; `told_on` is the local day on which we heard of it."""

    energy: Energy
    cut_on: date
    told_on: date


def followed(unit: UnitOfWork, case_id: UUID) -> Sequence[SupplyCut]:
    """The cuts that threaten or last, at most one of each energy, the nearest first."""
    query = select(SupplyCut).where(SupplyCut.case_id == case_id, SupplyCut.restored_on.is_(None))
    query = query.where(SupplyCut.outcome.is_(None) | (SupplyCut.outcome == CutOutcome.HAPPENED))
    return unit.session.scalars(query.order_by(SupplyCut.cut_on, SupplyCut.id)).all()


def ahead(cut: SupplyCut) -> Ahead:
    """What the law makes of the announced day."""
    day, reasons = first_lawful_day(Energy(cut.energy), cut.cut_on, cut.aid_filed_on)
    return Ahead(cut, day, reasons)


def announce(unit: UnitOfWork, hand: Hand, case_id: UUID, form: CutForm) -> SupplyCut:
    """A cut threatens: the supplier is called, aid asked for and the cut averted before its day."""
    case = case_for(unit, hand.actor, case_id, Right.CUT)
    casework.check_open(case)
    if form.energy in {cut.energy for cut in followed(unit, case.id)}:
        raise GuardRefused("Cette coupure est déjà suivie : changez son jour, ou dites comment elle finit.")
    check_ahead(unit, case, form.cut_on)
    return _follow(unit, hand, case, form, told_on=today_of(unit, case.programme_id))


def told(unit: UnitOfWork, case: Case) -> list[Told]:
    """The cuts that threaten a household, the nearest of each energy, whether somebody follows them or not yet.

    What an alert tells is followed once, from the day of the alert; what passed meanwhile is left to the first call.
    """
    known = unit.session.scalars(select(SupplyCut).where(SupplyCut.case_id == case.id)).all()
    taken_up = {(cut.energy, cut.told_on) for cut in known}
    cuts = [Told(Energy(cut.energy), cut.cut_on, cut.told_on) for cut in known if cut.outcome is None]
    today = today_of(unit, case.programme_id)
    for alert in case.alerts:
        received_on = alert.received_at.astimezone(case.programme.zone).date()
        if not alert.cut_energy or not alert.cut_on or (alert.cut_energy, received_on) in taken_up:
            continue
        if alert.cut_on >= today:
            cuts.append(Told(Energy(alert.cut_energy), alert.cut_on, received_on))
    nearest = sorted(cuts, key=lambda cut: cut.cut_on, reverse=True)
    return sorted({cut.energy: cut for cut in nearest}.values(), key=lambda cut: cut.cut_on)


def take_up(unit: UnitOfWork, hand: Hand, case: Case) -> list[SupplyCut]:
    """Follow the cuts that alert givers told of, now that somebody can avert them; returns the new ones. A case that
    had ended also follows again those that it had."""
    follow_again(unit, hand, case)
    known = {cut.energy for cut in followed(unit, case.id)}
    return [
        _follow(unit, hand, case, CutForm(energy=cut.energy, cut_on=cut.cut_on), told_on=cut.told_on)
        for cut in told(unit, case)
        if cut.energy not in known
    ]


def join(unit: UnitOfWork, hand: Hand, case: Case, kept: Case) -> list[SupplyCut]:
    """The cuts that threaten a double are followed on the case that goes on: those that it had not itself.

    A case that nobody has taken up yet has those of its alerts followed then.
    """
    if kept.state in (CaseState.SUBMITTED, CaseState.TRIAGE):
        return []
    known = {cut.energy for cut in followed(unit, kept.id)}
    new = [cut for cut in followed(unit, case.id) if cut.outcome is None and cut.energy not in known]
    for cut in new:
        cut.case_id = kept.id
        _announce(unit, hand, kept, cut)
    return [*new, *take_up(unit, hand, kept)]


def part(unit: UnitOfWork, case: Case, kept: Case, cut_ids: Collection[UUID], since: Sequence[Event]) -> list[Energy]:
    """Give a double that lives again its own cuts and those that its alerts told. A cut that somebody has seen to on
    the other case stays there; returns the energies of those that stay.

    `cut_ids` came with the merge, `since` is what happened on the other case after it.
    """
    seen_to = {event.payload["cut_id"] for event in since if event.type in _SEEN_TO}
    since_then = {event.payload["cut_id"] for event in since if event.type == e.CutAnnounced.type}
    its = _told_by(case) - _told_by(kept)
    known, stay = {cut.energy for cut in followed(unit, case.id)}, []
    for cut in unit.session.scalars(select(SupplyCut).where(SupplyCut.case_id == kept.id)).all():
        came = cut.id in cut_ids or (str(cut.id) in since_then and (cut.energy, cut.told_on) in its)
        if came and str(cut.id) in seen_to:
            stay.append(Energy(cut.energy))
        elif came and cut.energy not in known:
            asked = [task for task in open_tasks.of_case(unit, kept.id) if task.cut_id == cut.id]
            casework.close(unit, asked, TaskState.SUPERSEDED)
            cut.case_id = case.id
    return stay


_SEEN_TO: Final = frozenset(
    fact.type for fact in (e.CutMoved, e.CutSupplierCalled, e.CutAidFiled, e.CutAverted, e.CutHappened)
)


def _told_by(case: Case) -> set[tuple[str | None, date]]:
    """The cuts that its alerts tell, each by its energy and the local day on which we heard of it."""
    return {(alert.cut_energy, alert.received_at.astimezone(case.programme.zone).date()) for alert in case.alerts}


def follow_again(unit: UnitOfWork, hand: Hand, case: Case) -> None:
    """Ask again for what the cuts of a case need: its end had closed their tasks."""
    owned = {task.cut_id for task in open_tasks.of_case(unit, case.id)}
    for cut in (each for each in followed(unit, case.id) if each.id not in owned):
        fact = e.CutFollowedAgain(**_ids(cut), **_standing(cut), lasts=cut.outcome is not None)
        casework.record(unit, case, fact, hand=hand)


def _follow(unit: UnitOfWork, hand: Hand, case: Case, form: CutForm, *, told_on: date) -> SupplyCut:
    cut = SupplyCut(case_id=case.id, energy=form.energy.value, cut_on=form.cut_on, told_on=told_on)
    unit.session.add(cut)
    unit.session.flush()
    _announce(unit, hand, case, cut, form.note)
    return cut


def _announce(unit: UnitOfWork, hand: Hand, case: Case, cut: SupplyCut, note: str = "") -> None:
    if case.urgency == Urgency.NONE:
        case.urgency = Urgency.CUT_ANNOUNCED.value
    _tell(unit, hand, case, e.CutAnnounced(**_ids(cut), until=ahead(cut).day), note)


def move(unit: UnitOfWork, hand: Hand, case_id: UUID, form: NewDay) -> SupplyCut:
    """The cut is for another day: what is left to do is counted back from it. It does not stand on an older request."""
    case, cut = _meant(unit, hand, case_id, form)
    check_ahead(unit, case, form.cut_on)
    _tell(unit, hand, case, _moved(cut, form.cut_on), form.note)
    return cut


def note_call(unit: UnitOfWork, hand: Hand, case_id: UUID, form: SupplierCall) -> SupplyCut:
    """The supplier's solidarity desk was called; it may have put the cut off."""
    case, cut = _meant(unit, hand, case_id, form)
    today = today_of(unit, case.programme_id)
    if form.new_day is not None:
        check_ahead(unit, case, form.new_day, field="new_day")
    cut.supplier_called_on = today
    _tell(unit, hand, case, e.CutSupplierCalled(**_ids(cut)), form.note)
    if form.new_day is not None:
        _tell(unit, hand, case, _moved(cut, form.new_day), "")
    return cut


def note_aid(unit: UnitOfWork, hand: Hand, case_id: UUID, form: AidFiled) -> SupplyCut:
    """Aid was asked for: the supply is kept until the decision, two months at most, then the notice."""
    case, cut = _meant(unit, hand, case_id, form)
    today = today_of(unit, case.programme_id)
    filed_on = form.filed_on or today
    if filed_on > today:
        raise InvalidInput("filed_on", "Le dépôt ne peut pas être à venir.")
    cut.aid_filed_on = filed_on
    _tell(unit, hand, case, e.CutAidFiled(**_ids(cut), until=ahead(cut).day), form.note)
    return cut


def end(unit: UnitOfWork, hand: Hand, case_id: UUID, form: CutEnd) -> SupplyCut:
    """The cut was averted, or it happened: then the supply is to be restored."""
    case, cut = _meant(unit, hand, case_id, form)
    cut.ended_on, cut.outcome = today_of(unit, case.programme_id), form.outcome.value
    fact = e.CutAverted if form.outcome is CutOutcome.AVERTED else e.CutHappened
    _tell(unit, hand, case, fact(**_ids(cut)), form.note)
    _calm(unit, case)
    return cut


def restore(unit: UnitOfWork, hand: Hand, case_id: UUID, form: WhichCut | None = None) -> SupplyCut:
    """The supply is back."""
    case, cut = _meant(unit, hand, case_id, form or WhichCut(), lasts=True)
    cut.restored_on = today_of(unit, case.programme_id)
    _tell(unit, hand, case, e.CutRestored(**_ids(cut)), "")
    _calm(unit, case)
    return cut


def _calm(unit: UnitOfWork, case: Case) -> None:
    """Once no cut threatens or lasts, the case presses for none any more."""
    unit.session.flush()
    if case.urgency == Urgency.CUT_ANNOUNCED and not followed(unit, case.id):
        case.urgency = Urgency.NONE.value


def _meant(
    unit: UnitOfWork, hand: Hand, case_id: UUID, form: WhichCut, *, lasts: bool = False
) -> tuple[Case, SupplyCut]:
    """The cut that threatens, or that lasts; raises `InvalidInput` when nobody says which of two."""
    case = case_for(unit, hand.actor, case_id, Right.CUT)
    casework.check_open(case)
    cuts = [cut for cut in followed(unit, case.id) if (cut.outcome is not None) == lasts]
    cuts = [cut for cut in cuts if form.energy in {None, cut.energy}]
    if not cuts:
        raise GuardRefused("Aucune coupure n’est en cours." if lasts else "Aucune coupure n’est annoncée.")
    if len(cuts) > 1:
        raise InvalidInput("energy", "Deux coupures sont suivies : dites laquelle.")
    return case, cuts[0]


def _moved(cut: SupplyCut, day: date) -> e.CutMoved:
    """An older request for aid keeps nothing any more: whoever gives the new day knows of its decision."""
    done = _standing(cut)
    cut.cut_on, cut.aid_filed_on = day, None
    return e.CutMoved(**_ids(cut), **done | {"until": ahead(cut).day})


class _Standing(TypedDict):
    until: date
    supplier_called: bool
    aid_filed: bool


def _standing(cut: SupplyCut) -> _Standing:
    called, filed = cut.supplier_called_on is not None, cut.aid_filed_on is not None
    return {"until": ahead(cut).day, "supplier_called": called, "aid_filed": filed}


class _Ids(TypedDict):
    cut_id: UUID
    energy: Energy


def _ids(cut: SupplyCut) -> _Ids:
    return {"cut_id": cut.id, "energy": Energy(cut.energy)}


def _tell(unit: UnitOfWork, hand: Hand, case: Case, fact: e.Fact, note: str) -> None:
    event = casework.record(unit, case, fact, hand=hand)
    write_note(unit, case, hand, note, event=event)


def check_ahead(unit: UnitOfWork, case: Case, day: date, *, field: str = "cut_on") -> None:
    """Raise `InvalidInput` for a cut that is behind us, or so far ahead that its year was mistyped."""
    today = today_of(unit, case.programme_id)
    if day > today + FARTHEST:
        raise InvalidInput(field, "Cette date est dans plus d’un an : vérifiez l’année.")
    if day < today:
        raise InvalidInput(field, "Le jour de la coupure est déjà passé : notez plutôt que la fourniture est coupée.")

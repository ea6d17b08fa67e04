"""What somebody of a story may do to the life of a case, of a task, of a referral, beyond the straight path."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from deployments.play.by_mail import BY_MAIL
from deployments.play.scene import Action, Given, Scene, answer, bare, with_form
from deployments.play.story import instant
from models.cases import Case, Loan, Permission
from services import (
    endings,
    forms,
    loans,
    merging,
    partner_work,
    permissions,
    presence,
    referrals,
    reports,
    rerouting,
    suspension,
    tasks,
    triage,
)
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules.casework import Hand

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def transfer_case(scene: Scene, given: Given) -> object:
    """To another Slime, the household agreeing."""
    form = forms.Transfer.model_validate({"agreement": True, **given})
    return endings.transfer(scene.unit, scene.hand, scene.case.id, form)


def merge_case(scene: Scene, given: Given) -> object:
    """The double of the case named `into`."""
    kept = scene.unit.session.get_one(Case, scene.cases[given["into"]])
    form = forms.Merge(into_number=kept.number, note=given.get("note", ""))
    return merging.merge(scene.unit, scene.hand, scene.case.id, form)


def reassign_case(scene: Scene, given: Given) -> object:
    """To another operator."""
    form = forms.Reassignment(operator_id=scene.organisation(given["operator"]), note=given.get("note", ""))
    return triage.reassign(scene.unit, scene.hand, scene.case.id, form)


def return_loan(scene: Scene, given: Given) -> object:
    """The device is back."""
    query = select(Loan).where(Loan.case_id == scene.case.id, Loan.item == given["item"], Loan.returned_on.is_(None))
    found = scene.unit.session.scalars(query).first()
    if found is None:
        raise InvalidInput("item", f"Cet appareil n’est pas prêté : {given['item']}.")
    return loans.give_back(scene.unit, scene.hand, found.id)


def give_permission(scene: Scene, given: Given) -> object:
    """The household agrees to something, with a partner or not."""
    rest = {name: value for name, value in given.items() if name != "partner"}
    partner = scene.organisation(given["partner"]) if "partner" in given else None
    form = forms.PermissionForm.model_validate({**rest, "organisation_id": partner})
    return permissions.give(scene.unit, scene.hand, scene.case.id, form)


def revoke_permission(scene: Scene, given: Given) -> object:
    """The household takes an agreement back."""
    query = select(Permission).where(
        Permission.case_id == scene.case.id, Permission.kind == given["kind"], Permission.revoked_at.is_(None)
    )
    if "partner" in given:
        query = query.where(Permission.organisation_id == scene.organisation(given["partner"]))
    found = scene.unit.session.scalars(query.order_by(Permission.id)).first()
    if found is None:
        raise InvalidInput("kind", f"Aucun accord de cette sorte : {given['kind']}.")
    return permissions.revoke(scene.unit, scene.hand, found.id)


def of_task(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """An act on the open task of a kind."""

    def acting(scene: Scene, given: Given) -> object:
        rest = {name: value for name, value in given.items() if name != "task"}
        return act(scene.unit, scene.hand, scene.task(given["task"]).id, form.model_validate(rest))

    return acting


def take_task(scene: Scene, given: Given) -> object:
    """I do it."""
    return tasks.take(scene.unit, scene.hand, scene.task(given["task"]).id)


def hand_over(scene: Scene, given: Given) -> object:
    """To a colleague."""
    form = forms.HandOver(person_id=scene.person(given["to"]), note=given.get("note", ""))
    return tasks.hand_over(scene.unit, scene.hand, scene.task(given["task"]).id, form)


def _asking(scene: Scene, given: Given) -> forms.ReferralForm:
    rest = {name: value for name, value in given.items() if name not in {"partner", "from"}}
    named = {"partner_id": scene.organisation(given["partner"]), "permission": True}
    return forms.ReferralForm.model_validate({**named, **rest})


def prepare_referral(scene: Scene, given: Given) -> object:
    """A request kept for later."""
    return referrals.prepare(scene.unit, scene.hand, scene.case.id, _asking(scene, given))


def send_draft(scene: Scene, given: Given) -> object:
    """The request kept for later leaves."""
    return referrals.send_draft(scene.unit, scene.hand, scene.referral(given["partner"]).id, _asking(scene, given))


def transfer_referral(scene: Scene, given: Given) -> object:
    """From a partner who has it to another."""
    return rerouting.transfer(scene.unit, scene.hand, scene.referral(given["from"]).id, _asking(scene, given))


def of_referral(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """An act of the team on the latest referral to a partner."""

    def acting(scene: Scene, given: Given) -> object:
        rest = {name: value for name, value in given.items() if name != "partner"}
        return act(scene.unit, scene.hand, scene.referral(given["partner"]).id, form.model_validate(rest))

    return acting


def confirm_referral(scene: Scene, given: Given) -> object:
    """The household says that the help came, or cannot be asked any more."""
    verified = bool(given.get("verified", True))
    return partner_work.confirm(scene.unit, scene.hand, scene.referral(given["partner"]).id, verified=verified)


def be_absent(scene: Scene, given: Given) -> object:
    """Away, oneself or a colleague."""
    form = presence.AbsenceForm.model_validate(
        {"first_on": given["from"], "last_on": given["until"], **_people(scene, given, "person", "delegate")}
    )
    return presence.declare_absence(scene.unit, scene.hand, form)


def work_on(scene: Scene, given: Given) -> object:
    """At work on some days of the week."""
    days = frozenset(WEEKDAYS.index(day) for day in given["days"])
    return presence.set_work_days(
        scene.unit, scene.hand, presence.WorkForm.model_validate({"weekdays": days, **_people(scene, given, "person")})
    )


def be_on_duty(scene: Scene, given: Given) -> object:
    """On duty between two instants."""
    zone = scene.setting.zone
    times = {"from_at": instant(given["from"], zone), "to_at": instant(given["until"], zone)}
    form = presence.DutyForm.model_validate(times | _people(scene, given, "person"))
    return presence.set_duty(scene.unit, scene.hand, form)


def close_partner(scene: Scene, given: Given) -> object:
    """A partner is closed for some days."""
    form = presence.ClosingForm(
        organisation_id=scene.organisation(given["partner"]),
        first_on=date.fromisoformat(given["from"]),
        last_on=date.fromisoformat(given["until"]),
    )
    return presence.close_organisation(scene.unit, scene.hand, form)


def _people(scene: Scene, given: Given, *roles: str) -> dict[str, UUID]:
    return {f"{role}_id": scene.person(given[role]) for role in roles if role in given}


LIVES: Final[Mapping[str, Action]] = {
    "suspend_case": with_form(suspension.suspend, forms.Suspension),
    "resume_case": bare(suspension.resume),
    "disqualify_case": with_form(endings.disqualify, forms.Disqualification),
    "withdraw_case": with_form(endings.withdraw, forms.Withdrawal),
    "transfer_case": transfer_case,
    "merge_case": merge_case,
    "undo_merge": bare(merging.undo),
    "reassign_case": reassign_case,
    "finish_diagnosis": bare(reports.finish_diagnosis),
    "lend": with_form(loans.lend, forms.LoanForm),
    "return_loan": return_loan,
    "give_permission": give_permission,
    "revoke_permission": revoke_permission,
    "take_task": take_task,
    "return_task": of_task(tasks.give_back, forms.TaskReturn),
    "hand_over": hand_over,
    "snooze_task": of_task(tasks.snooze, forms.Snooze),
    "complete_task": of_task(tasks.complete, forms.TaskDone),
    "prepare_referral": prepare_referral,
    "send_draft": send_draft,
    "acknowledge_referral": answer(partner_work.acknowledge, forms.Answer, "acknowledge"),
    "start_referral": answer(partner_work.start, forms.Answer, "start"),
    "hold_referral": answer(partner_work.hold, forms.Hold, "hold"),
    "resume_referral": answer(partner_work.resume, forms.Answer, "resume"),
    "transfer_referral": transfer_referral,
    "reopen_referral": of_referral(rerouting.reopen, forms.Reopening),
    "void_referral": of_referral(rerouting.void, forms.Voiding),
    "confirm_referral": confirm_referral,
    "be_absent": be_absent,
    "work_on": work_on,
    "be_on_duty": be_on_duty,
    "close_partner": close_partner,
    **BY_MAIL,
    "dispute_referral": of_referral(partner_work.dispute, forms.NoteForm),
}

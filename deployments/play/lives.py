"""What somebody of a story may do to the life of a case, of a task, of a referral, beyond the straight path."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from deployments.play.by_file import BY_FILE
from deployments.play.by_mail import BY_MAIL
from deployments.play.directory import DIRECTORY
from deployments.play.mistakes import closest
from deployments.play.scene import (
    OF_REFERRAL,
    OF_TASK,
    Action,
    FormAction,
    Given,
    Scene,
    answer,
    bare,
    filled,
    with_form,
    without,
)
from deployments.play.story import day, instant
from models.cases import Loan, Permission
from models.engine import Obligation, Task
from models.programmes import Organisation, PartnerAbsence, PartnerColleague, Service
from models.vocabulary import Channel, Party
from services import forms
from services.cases import (
    circumstances,
    endings,
    loans,
    merging,
    partner_team,
    partner_work,
    permissions,
    recalling,
    referrals,
    reminding,
    reports,
    rerouting,
    supply_cuts,
    suspension,
    tasks,
    triage,
)
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, InvalidInput
from services.network import sheets, territory
from services.overview import coming
from services.programme import closures, organisations, presence, programmes, publishing, texts
from services.rules.casework import Hand
from services.rules.links import open_sheet_link, sheet_url
from services.rules.outline import TextKey
from services.rules.policy import Actor

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def transfer_case(scene: Scene, given: Given) -> object:
    """To another Slime, the household agreeing."""
    form = filled(forms.Transfer, {"agreement": True, **given})
    return endings.transfer(scene.unit, scene.hand, scene.case.id, form)


def merge_case(scene: Scene, given: Given) -> object:
    """The double of the case named `into`."""
    kept = scene.named(given["into"])
    form = forms.Merge(into_number=kept.number, note=given.get("note", ""))
    return merging.merge(scene.unit, scene.hand, scene.case.id, form)


def reassign_case(scene: Scene, given: Given) -> object:
    """To another operator."""
    form = forms.Reassignment(operator_id=scene.organisation(given["operator"]), note=given.get("note", ""))
    return triage.reassign(scene.unit, scene.hand, scene.case.id, form)


def return_loan(scene: Scene, given: Given) -> object:
    """The device is back, or lost."""
    query = select(Loan).where(Loan.case_id == scene.case.id, Loan.item == given["item"], Loan.returned_on.is_(None))
    found = scene.unit.session.scalars(query.order_by(Loan.lent_on, Loan.id)).first()
    if found is None:
        raise InvalidInput("item", f"Cet appareil n’est pas prêté : {given['item']}.")
    end = loans.write_off if given.get("lost") else loans.give_back
    return end(scene.unit, scene.hand, found.id)


def give_permission(scene: Scene, given: Given) -> object:
    """The household agrees to something, with a partner or not."""
    rest = without(given, "partner")
    partner = scene.organisation(given["partner"]) if "partner" in given else None
    form = filled(forms.PermissionForm, {**rest, "organisation_id": partner})
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


def _task(scene: Scene, given: Given) -> Task:
    return scene.task(given["task"], given.get("partner"))


def of_task(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """An act on the open task of a kind."""

    def acting(scene: Scene, given: Given) -> object:
        return act(scene.unit, scene.hand, _task(scene, given).id, filled(form, without(given, *OF_TASK)))

    return FormAction(acting, form, OF_TASK)


def next_reminder(scene: Scene, given: Given) -> tuple[UUID, dict[str, Any]]:
    """The clock that chases the open task of a kind, where it stands, and what else was said of it."""
    query = select(Obligation).where(Obligation.task_id == _task(scene, given).id, Obligation.next_at.is_not(None))
    clock = scene.unit.session.scalars(query).first()
    if clock is None:
        raise InvalidInput("task", f"Aucune relance n’est à venir : {given['task']}.")
    return clock.id, {"generation": clock.generation, "step": clock.next_step, **without(given, "task", "partner")}


def skip_reminder(scene: Scene, given: Given) -> object:
    """The next reminder of a task does not leave."""
    clock, said = next_reminder(scene, given)
    return coming.skip(scene.unit, scene.hand, scene.case.id, clock, filled(forms.Skip, said))


def send_reminder(scene: Scene, given: Given) -> object:
    """The next reminder of a task leaves now."""
    clock, said = next_reminder(scene, given)
    return coming.leave_now(scene.unit, scene.hand, scene.case.id, clock, filled(forms.NextStep, said))


def take_task(scene: Scene, given: Given) -> object:
    """I do it."""
    return tasks.take(scene.unit, scene.hand, _task(scene, given).id)


def remind(scene: Scene, given: Given) -> object:
    """Whoever owes it hears of it now."""
    return reminding.remind(scene.unit, scene.hand, _task(scene, given).id)


def hand_over(scene: Scene, given: Given) -> object:
    """To a colleague."""
    form = forms.HandOver(person_id=scene.person(given["to"]), note=given.get("note", ""))
    return tasks.hand_over(scene.unit, scene.hand, _task(scene, given).id, form)


def _asking(scene: Scene, given: Given) -> forms.ReferralForm:
    rest = without(given, "partner", "from", "about")
    named = {"partner_id": scene.organisation(given["partner"]), "permission": True}
    return filled(forms.ReferralForm, {**named, **rest})


def prepare_referral(scene: Scene, given: Given) -> object:
    """A request kept for later."""
    return referrals.prepare(scene.unit, scene.hand, scene.case.id, _asking(scene, given))


def send_draft(scene: Scene, given: Given) -> object:
    """The request kept for later leaves."""
    draft = scene.referral(given["partner"], given.get("about"), draft=True)
    return referrals.send_draft(scene.unit, scene.hand, draft.id, _asking(scene, given))


def propose_meeting(scene: Scene, given: Given) -> object:
    """A day and an hour for the household; with a zone, or local as everywhere."""
    said = dict(given)
    if "T" not in str(said.get("meets_at", "T")):
        said["meets_at"] = instant(said["meets_at"], scene.setting.zone)
    return answer(partner_work.propose, forms.Meeting, "propose")(scene, said)


def transfer_referral(scene: Scene, given: Given) -> object:
    """From a partner who has it to another."""
    had = scene.referral(given["from"], given.get("about"))
    return rerouting.transfer(scene.unit, scene.hand, had.id, _asking(scene, given))


def of_referral(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """An act of the team on the latest referral to a partner."""

    def acting(scene: Scene, given: Given) -> object:
        referral = scene.referral(given["partner"], given.get("about"))
        return act(scene.unit, scene.hand, referral.id, filled(form, without(given, *OF_REFERRAL)))

    return FormAction(acting, form, OF_REFERRAL)


def confirm_referral(scene: Scene, given: Given) -> object:
    """The household says that the help came, or cannot be asked any more."""
    verified = bool(given.get("verified", True))
    referral = scene.referral(given["partner"], given.get("about"))
    return partner_work.confirm(scene.unit, scene.hand, referral.id, verified=verified)


def _sheet(scene: Scene, given: Given) -> tuple[Actor, Service]:
    """The sheet of the partner who acts, by its link."""
    partner = programmes.organisation(scene.unit, scene.programme.id, scene.step.who)
    known = {each.name: each for each in partner.services}
    named = given.get("service") or next(iter(known), "")
    if named not in known:
        raise InvalidInput("service", f"Aucune fiche ne s’appelle ainsi\u00a0: {named}{closest(named, known)}.")
    token = sheet_url(scene.runtime, known[named]).rsplit("/", 1)[1]
    return open_sheet_link(scene.unit, scene.runtime, token)


def confirm_sheet(scene: Scene, given: Given) -> None:
    """It is right."""
    sheets.confirm(scene.unit, *_sheet(scene, given))


def propose_sheet(scene: Scene, given: Given) -> object:
    """What should change; the rest as it stands."""
    actor, service = _sheet(scene, given)
    rest = without(given, "service")
    form = filled(sheets.SheetForm, {**sheets.as_said(service), **rest})
    return sheets.propose(scene.unit, actor, service, form)


def decide_sheet(scene: Scene, given: Given) -> object:
    """Take what the partner proposed, or leave the sheet as it is."""
    wanted = scene.organisation(given["partner"])
    waiting = sheets.waiting(scene.unit, scene.hand.actor)
    found = next((each for each in waiting if each.service.organisation_id == wanted), None)
    if found is None:
        raise InvalidInput("partner", f"Aucune fiche de {given['partner']} n’attend d’être relue.")
    act = sheets.take if given["taken"] else sheets.refuse
    return act(scene.unit, scene.hand, found.id)


def of_partner(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """What a partner says of himself behind the link of any mail of his; people of his are given by name."""

    def acting(scene: Scene, given: Given) -> object:
        partner = programmes.organisation(scene.unit, scene.programme.id, scene.step.who)
        known = {each.name: each.id for each in scene.unit.session.scalars(
            select(PartnerColleague).filter_by(organisation_id=partner.id))}  # fmt: skip
        said = {f"{name}_id" if name in {"colleague", "delegate"} else name: known.get(value, value)
                if name in {"colleague", "delegate"} else value for name, value in given.items()}  # fmt: skip
        hand = scene.through_mail("accept", "report_progress")
        asked = scene.referral(scene.step.who, given.get("about")) if form is forms.PassOn else partner
        return act(scene.unit, hand, asked.id, filled(form, without(said, "about")))

    return acting


def end_colleague(scene: Scene, given: Given) -> None:
    """He reads for the partner no more."""
    hand, partner = _partner_himself(scene)
    query = select(PartnerColleague).filter_by(organisation_id=partner.id, name=given["colleague"])
    found = scene.unit.session.scalars(query).first()
    if found is None:
        raise InvalidInput("colleague", f"Personne de {partner.name} ne s’appelle {given['colleague']}.")
    partner_team.end_colleague(scene.unit, hand, partner.id, found.id)


def partner_back(scene: Scene, _given: Given) -> None:
    """Somebody reads there after all."""
    hand, partner = _partner_himself(scene)
    for each in scene.unit.session.scalars(select(PartnerAbsence).filter_by(organisation_id=partner.id)).all():
        partner_team.be_back(scene.unit, hand, partner.id, each.id)


def _partner_himself(scene: Scene) -> tuple[Hand, Organisation]:
    partner = programmes.organisation(scene.unit, scene.programme.id, scene.step.who)
    return scene.through_mail("accept", "report_progress"), partner


def be_absent(scene: Scene, given: Given) -> object:
    """Away, oneself or a colleague."""
    form = filled(
        presence.AbsenceForm,
        {
            "first_on": day(given["from"]),
            "last_on": day(given["until"]),
            "visits_given_up": bool(given.get("visits_given_up")),
            **_people(scene, given, "person", "delegate"),
        },
    )
    return presence.declare_absence(scene.unit, scene.hand, form)


def work_on(scene: Scene, given: Given) -> object:
    """At work on some days of the week."""
    if wrong := [each for each in given["days"] if each not in WEEKDAYS]:
        raise InvalidInput(
            "days", f"{wrong[0]} n’est pas un jour{closest(wrong[0], WEEKDAYS)}\u00a0: {', '.join(WEEKDAYS)}."
        )
    days = frozenset(WEEKDAYS.index(each) for each in given["days"])
    return presence.set_work_days(
        scene.unit, scene.hand, filled(presence.WorkForm, {"weekdays": days, **_people(scene, given, "person")})
    )


def be_on_duty(scene: Scene, given: Given) -> object:
    """On duty between two instants."""
    zone = scene.setting.zone
    times = {"from_at": instant(given["from"], zone), "to_at": instant(given["until"], zone)}
    form = filled(presence.DutyForm, times | _people(scene, given, "person"))
    return presence.set_duty(scene.unit, scene.hand, form)


def close_partner(scene: Scene, given: Given) -> object:
    """A partner or an operator is closed for some days."""
    return closures.close(scene.unit, scene.hand, _closing(given, scene.organisation(given["partner"])))


def close_office(scene: Scene, given: Given) -> object:
    """The programme is closed for some days."""
    return closures.close(scene.unit, scene.hand, _closing(given, None))


def _closing(given: Given, organisation_id: UUID | None) -> closures.ClosingForm:
    days = {"first_on": day(given["from"]), "last_on": day(given["until"])}
    return filled(closures.ClosingForm, {"organisation_id": organisation_id, **days, "label": given.get("label", "")})


def reopen(scene: Scene, given: Given) -> None:
    """Closures of the programme, or of a partner, are forgotten."""
    known = presence.planning(scene.unit, scene.hand.actor)
    about = scene.organisation(given["partner"]) if "partner" in given else None
    theirs = [each.id for each in known.closures if each.organisation_id == about]
    for closure_id in theirs if about else [each.id for each in known.days_off]:
        closures.reopen(scene.unit, scene.hand, closure_id)


def publish(scene: Scene, given: Given) -> None:
    """Other delays and counts are in force; with `move_open` the open cases follow them too."""
    changes = {name: str(said) for name, said in given["changes"].items()}
    form = publishing.Publishing(started_from=scene.programme.pathway_hash, changes=changes)
    pathway = publishing.adjust(scene.unit, scene.hand, form)
    for case in publishing.open_cases(scene.unit, scene.programme, pathway) if given.get("move_open") else ():
        publishing.move(scene.unit, case.id, pathway)


def set_text(scene: Scene, given: Given) -> object:
    """A text is said in the programme's own words; without words, as it ships."""
    if given["party"] not in (known := [*Party]):
        raise InvalidInput("party", f"{given['party']} n’est pas un lecteur\u00a0: {', '.join(known)}.")
    if given["channel"] not in (known := [*Channel]):
        raise InvalidInput("channel", f"{given['channel']} n’est pas un canal\u00a0: {', '.join(known)}.")
    key = TextKey(given["text"], Party(given["party"]), Channel(given["channel"]))
    version = texts.sheet(scene.unit, scene.hand.actor, key).line.version
    if "body" not in given:
        return texts.restore(scene.unit, scene.hand, key, texts.RestoreForm(version=version))
    form = texts.TextForm(subject=given.get("subject", ""), body=given["body"], version=version)
    return texts.save(scene.unit, scene.hand, key, form)


def be_back(scene: Scene, given: Given) -> None:
    """There after all: absences to come are cancelled."""
    known, who = presence.planning(scene.unit, scene.hand.actor), _people(scene, given, "person").get("person_id")
    for each in known.absences:
        if each.person_id == (who or scene.hand.actor.id):
            presence.cancel_absence(scene.unit, scene.hand, each.id)


def leave_duty(scene: Scene, given: Given) -> None:
    """Not on duty after all."""
    known, who = presence.planning(scene.unit, scene.hand.actor), _people(scene, given, "person").get("person_id")
    for each in known.duties:
        if each.person_id == (who or scene.hand.actor.id):
            presence.end_duty(scene.unit, scene.hand, each.id)


def _people(scene: Scene, given: Given, *roles: str) -> dict[str, UUID]:
    return {f"{role}_id": scene.person(given[role]) for role in roles if role in given}


def of_organisation(act: Callable[[UnitOfWork, Hand, UUID], object]) -> Action:
    """An act on an organisation of the setting."""
    return lambda scene, given: act(scene.unit, scene.hand, scene.organisation(given["organisation"]))


def add_organisation(scene: Scene, given: Given) -> object:
    """Somebody new works with the programme."""
    return organisations.add(scene.unit, scene.hand, filled(organisations.NewOrganisation, given))


def change_organisation(scene: Scene, given: Given) -> object:
    """What is said of it is so from now on; the rest stays."""
    known = programmes.organisation(scene.unit, scene.programme.id, given["organisation"])
    stands = {"name": known.name, "contact": known.contact, "email": known.email, "phone": known.phone}
    said = without(given, "organisation")
    form = filled(organisations.OrganisationDetails, {**stands, **said})
    return organisations.change(scene.unit, scene.hand, known.id, form)


def change_territory(scene: Scene, given: Given) -> object:
    """Communes enter and leave, by their codes."""
    return territory.change(scene.unit, scene.hand, filled(territory.TerritoryForm, given))


def take_back(scene: Scene, _given: Given) -> object:
    """What he sent from a page within the minute, the latest of this case."""
    found = [each for each in recalling.held(scene.unit, scene.hand.actor) if each.number == scene.case.number]
    if not found:
        raise GuardRefused("Rien n’est à reprendre ici\u00a0: l’envoi est parti, ou ne venait pas d’une page.")
    return recalling.recall(scene.unit, scene.hand, found[0].event_id)


LIVES: Final[Mapping[str, Action]] = {
    **DIRECTORY,
    **BY_FILE,
    "take_back": take_back,
    "add_organisation": add_organisation,
    "change_organisation": change_organisation,
    "end_organisation": of_organisation(organisations.end),
    "take_up_organisation": of_organisation(organisations.take_up),
    "renew_link": of_organisation(organisations.renew_link),
    "revoke_link": of_organisation(organisations.revoke_link),
    "change_territory": change_territory,
    "record_circumstances": with_form(circumstances.record, circumstances.CircumstancesForm),
    "suspend_case": with_form(suspension.suspend, forms.Suspension),
    "resume_case": bare(suspension.resume),
    "disqualify_case": with_form(endings.disqualify, forms.Disqualification),
    "withdraw_case": with_form(endings.withdraw, forms.Withdrawal),
    "transfer_case": transfer_case,
    "confirm_transfer": with_form(endings.confirm_transfer, forms.HandedOver),
    "merge_case": merge_case,
    "undo_merge": bare(merging.undo),
    "reassign_case": reassign_case,
    "finish_diagnosis": bare(reports.finish_diagnosis),
    "lend": with_form(loans.lend, forms.LoanForm),
    "return_loan": return_loan,
    "give_permission": give_permission,
    "revoke_permission": revoke_permission,
    "skip_reminder": skip_reminder,
    "send_reminder": send_reminder,
    "take_task": take_task,
    "remind": remind,
    "return_task": of_task(tasks.give_back, forms.TaskReturn),
    "hand_over": hand_over,
    "snooze_task": of_task(tasks.snooze, forms.Snooze),
    "complete_task": of_task(tasks.complete, forms.TaskDone),
    "prepare_referral": prepare_referral,
    "send_draft": send_draft,
    "acknowledge_referral": answer(partner_work.acknowledge, forms.Answer, "acknowledge"),
    "start_referral": answer(partner_work.start, forms.Answer, "start"),
    "propose_meeting": propose_meeting,
    "hold_referral": answer(partner_work.hold, forms.Hold, "hold"),
    "resume_referral": answer(partner_work.resume, forms.Answer, "resume"),
    "transfer_referral": transfer_referral,
    "reopen_referral": of_referral(rerouting.reopen, forms.Reopening),
    "void_referral": of_referral(rerouting.void, forms.Voiding),
    "confirm_referral": confirm_referral,
    "announce_cut": with_form(supply_cuts.announce, supply_cuts.CutForm),
    "move_cut": with_form(supply_cuts.move, supply_cuts.NewDay),
    "call_supplier": with_form(supply_cuts.note_call, supply_cuts.SupplierCall),
    "file_aid": with_form(supply_cuts.note_aid, supply_cuts.AidFiled),
    "end_cut": with_form(supply_cuts.end, supply_cuts.CutEnd),
    "restore_supply": with_form(supply_cuts.restore, supply_cuts.WhichCut),
    "confirm_sheet": confirm_sheet,
    "propose_sheet": propose_sheet,
    "decide_sheet": decide_sheet,
    "say_full": of_partner(partner_team.say_full, partner_team.FullForm),
    "prefer_mail": of_partner(partner_team.prefer, partner_team.PreferenceForm),
    "add_colleague": of_partner(partner_team.add_colleague, partner_team.ColleagueForm),
    "partner_away": of_partner(partner_team.be_away, partner_team.GoneForm),
    "end_colleague": end_colleague,
    "partner_back": partner_back,
    "pass_on": of_partner(partner_team.pass_on, forms.PassOn),
    "be_absent": be_absent,
    "work_on": work_on,
    "be_on_duty": be_on_duty,
    "be_back": be_back,
    "leave_duty": leave_duty,
    "close_partner": close_partner,
    "close_office": close_office,
    "reopen": reopen,
    "publish": publish,
    "set_text": set_text,
    **BY_MAIL,
    "dispute_referral": of_referral(partner_work.dispute, forms.NoteForm),
}

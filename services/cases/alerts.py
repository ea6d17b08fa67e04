"""Requests for a visit: what an alert giver sends becomes a case; the engine then looks for territory and doubles."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import joinedload

from models.cases import Alert, Case, Dwelling, Household, Phone, SearchWord
from models.engine import Event
from models.events import AlertSubmitted, CaseExamined
from models.lifecycles import CaseAction
from models.programmes import Commune, Programme, Territory
from models.vocabulary import OF_HEALTH, CaseState, Danger, PermissionKind, Stage, Urgency
from services.cases import agreements, derogations, supply_cuts
from services.forms import AlertForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, InvalidInput
from services.network.territory import communes_on
from services.rules import casework
from services.rules.casework import Act, Hand
from services.rules.finding import search_key, words_of
from services.rules.likeness import possible_duplicates
from services.rules.policy import Actor
from services.rules.published import today_of


def submit(unit: UnitOfWork, hand: Hand, form: AlertForm, *, origin: str = "form", silent: bool = False) -> Case:
    """Open a case from an alert. Refuses without the household's agreement. The engine does the rest.

    `silent`: the receipt and the coordinator's e-mails are planned, then cancelled; the household's letter stays.
    """
    (case,) = submit_all(unit, [(hand, form)], origin=origin, silent=silent)
    return case


def submit_all(
    unit: UnitOfWork, requests: Sequence[tuple[Hand, AlertForm]], *, origin: str, silent: bool
) -> list[Case]:
    """The same for many alerts at once; one refusal refuses them all."""
    programmes = _admitted(unit, requests)
    cases = [_case(unit, programmes[hand.actor.programme_id], form) for hand, form in requests]
    alerts, words, acts = [], [], []
    for case, (hand, form) in zip(cases, requests, strict=True):
        _check_cut(unit, case, form)
        if said := agreements.wrong_day(form.agreement_on, today_of(unit, case.programme_id)):
            raise InvalidInput("agreement_on", said)
        alerts.append(_alert(unit, case, hand.actor, form, origin))
        found = words_of(form.surname, form.first_name, form.street)
        words += [{"programme_id": case.programme.id, "word": word, "case_id": case.id} for word in found]
        fact = AlertSubmitted(alert_id=alerts[-1].id, urgency=form.urgency, motives=form.motives, silent=silent)
        acts.append(Act(case, fact, hand))
    unit.session.add_all(alerts)
    casework.record_all(unit, acts)
    if words:
        unit.session.connection().execute(_NEW_WORD, words)
    for case, (hand, form) in zip(cases, requests, strict=True):
        _agree(unit, case, form)
        if form.derogation:
            derogations.note(unit, replace(hand, key=None), case, form.derogation, by=form.giver_name)
    return cases


def _admitted(unit: UnitOfWork, requests: Sequence[tuple[Hand, AlertForm]]) -> dict[UUID | None, Programme]:
    """The programmes that are asked, each locked: whoever asks may, the household agrees, its commune is known."""
    for hand, form in requests:
        if hand.actor.programme_id is None or hand.actor.kind not in {"form", "person", "import"}:
            raise Denied
        if not form.agreement:
            raise InvalidInput("agreement", "Sans l’accord de la personne, la demande ne peut pas partir.")
    for code in sorted({form.commune_code for _, form in requests}):
        if unit.session.get(Commune, code) is None:
            raise InvalidInput("commune_code", "Cette commune n’est pas connue : choisissez-la dans la liste.")
    asked = Programme.id.in_({hand.actor.programme_id for hand, _ in requests})
    locked = select(Programme).where(asked).order_by(Programme.id).with_for_update()
    return {programme.id: programme for programme in unit.session.scalars(locked)}


def _check_cut(unit: UnitOfWork, case: Case, form: AlertForm) -> None:
    if (form.cut_on is None) != (form.cut_energy is None):
        if form.cut_on is None:
            raise InvalidInput("cut_on", "Quel jour la coupure est-elle annoncée ?")
        raise InvalidInput("cut_energy", "Dites ce qui serait coupé : l’électricité ou le gaz.")
    if form.cut_on is not None:
        supply_cuts.check_ahead(unit, case, form.cut_on)


def _alert(unit: UnitOfWork, case: Case, giver: Actor, form: AlertForm, origin: str) -> Alert:
    return Alert(
        case=case,
        organisation_id=giver.organisation_id,
        giver_name=form.giver_name,
        giver_email=form.giver_email.lower() if form.giver_email else None,
        giver_phone=form.giver_phone,
        origin=form.came_by.value if form.came_by and giver.kind == "person" else origin,
        motives=[motive.value for motive in form.motives],
        free_text=form.free_text,
        received_at=unit.now,
        cut_energy=form.cut_energy.value if form.cut_energy else None,
        cut_on=form.cut_on,
        income_class=form.income_class.value if form.income_class else None,
        followed_by=form.followed_by,
        notice_said=form.notice_said,
    )


def _case(unit: UnitOfWork, programme: Programme, form: AlertForm) -> Case:
    today = today_of(unit, programme.id)
    programme.case_count += 1
    return Case(
        programme=programme,
        programme_id=programme.id,  # its first event asks for it before anything is written
        number=f"{today.year}-{programme.case_count:05d}",
        pathway_hash=programme.pathway_hash,
        household=_household(form, today),
        dwelling=_dwelling(form),
        urgency=(Urgency.CUT_ANNOUNCED if form.cut_on and form.urgency is Urgency.NONE else form.urgency).value,
        danger=Danger.UNSPECIFIED.value if form.urgency is Urgency.DANGER else None,
        opened_at=unit.now,
        state=CaseState.SUBMITTED.value,
        stage=Stage.DETECTION.value,
        last_seq=0,
    )


def _household(form: AlertForm, today: date) -> Household:
    return Household(
        civility=form.civility,
        first_name=form.first_name,
        surname=form.surname,
        email=form.email,
        best_time=form.best_time.value,
        birth_year=form.birth_year,
        people=form.people,
        reference_income=form.reference_income,
        income_on=today if form.reference_income is not None else None,
        search_key=search_key(form.surname, form.first_name),
        children=form.children,
        language=form.language,
        companion=form.companion,
        guardian=form.guardian,
        guardian_phone=form.guardian_phone,
        vulnerabilities=[each.value for each in form.vulnerabilities if form.health_agreed or each not in OF_HEALTH],
        phones=_phones(form),
    )


def _dwelling(form: AlertForm) -> Dwelling:
    return Dwelling(
        street=form.street,
        complement=form.complement,
        postcode=form.postcode,
        commune_code=form.commune_code,
        tenure=form.tenure.value,
        landlord=form.landlord,
        heating=form.heating.value if form.heating else None,
        safety=form.safety,
        search_key=search_key(form.street),
    )


def _phones(form: AlertForm) -> list[Phone]:
    numbers = dict.fromkeys(number for number in (form.phone, form.other_phone) if number)
    return [Phone(number=number, rank=rank) for rank, number in enumerate(numbers, start=1)]


def _agree(unit: UnitOfWork, case: Case, form: AlertForm) -> None:
    by = form.agreement_by or form.giver_name
    for kind in _agreed(form):
        agreements.written(unit, case, kind, by=by, mode=form.agreement_mode, given_on=form.agreement_on)


def _agreed(form: AlertForm) -> list[PermissionKind]:
    """What the household said yes to through whoever asks for the visit."""
    kinds = [PermissionKind.CONTACT, *([PermissionKind.SMS] if form.sms_agreed else [])]
    if form.health_agreed and OF_HEALTH & set(form.vulnerabilities):
        kinds.append(PermissionKind.HEALTH)
    return kinds


_NEW_WORD: Final = insert(SearchWord)


def examine(unit: UnitOfWork, *events: Event) -> None:
    """Compare submitted cases with the territory and the known households; moves them to triage. Safe to repeat.

    What is found is shown to the coordinator only: an alert giver must not learn who is already known.
    """
    keys = {event.case_id: f"{event.id}:examined" for event in events}
    known = select(Event.case_id).where(Event.idempotency_key.in_(keys.values()))
    cases = unit.session.scalars(_whole(keys.keys() - set(unit.session.scalars(known)))).all() if keys else ()
    inside, doubles = _inside(unit, cases), possible_duplicates(unit, cases)
    acts = []
    for case in cases:
        in_territory, found = case.id in inside, doubles[case.id]
        case.checks = {"in_territory": in_territory, "possible_duplicates": [each.number for each in found]}
        fact = CaseExamined(in_territory=in_territory, possible_duplicates=[each.id for each in found])
        acts.append(Act(case, fact, casework.engine_hand(keys[case.id]), CaseAction.EXAMINE))
    casework.record_all(unit, acts)


def _whole(case_ids: Collection[UUID]) -> Select[Case]:
    """These cases, locked in the order in which everybody locks them, with what they are compared by."""
    household = joinedload(Case.household, innerjoin=True).selectinload(Household.phones)
    whole = select(Case).options(joinedload(Case.programme), joinedload(Case.dwelling, innerjoin=True), household)
    return whole.where(Case.id.in_(case_ids)).order_by(Case.id).with_for_update(of=Case)


def _inside(unit: UnitOfWork, cases: Sequence[Case]) -> set[UUID]:
    """Those that were in their programme's territory on the day of the alert."""
    by_day: defaultdict[tuple[UUID, date], list[Case]] = defaultdict(list)
    for case in cases:
        by_day[case.programme_id, case.opened_at.astimezone(case.programme.zone).date()].append(case)
    found: set[UUID] = set()
    for (programme_id, day), these in by_day.items():
        asked = Territory.commune_code.in_({case.dwelling.commune_code for case in these})
        communes = set(unit.session.scalars(communes_on(programme_id, day).where(asked)))
        found |= {case.id for case in these if case.dwelling.commune_code in communes}
    return found

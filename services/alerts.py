"""Requests for a visit: what an alert giver sends becomes a case; the engine then looks for territory and doubles."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from rapidfuzz import fuzz
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload

from models.base import new_id
from models.cases import Alert, Case, Dwelling, Household, Permission, Phone, SearchWord
from models.engine import Event
from models.events import AlertSubmitted, CaseExamined
from models.lifecycles import CaseAction
from models.programmes import Commune, Programme, Territory
from models.vocabulary import CaseState, Danger, PermissionKind, Stage, Urgency
from services import derogations, supply_cuts
from services.forms import AlertForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, InvalidInput
from services.rules import casework
from services.rules.casework import Hand
from services.rules.finding import plain, words_of

AGREEMENT_TEXT: Final = "accord-2026-11"
ALIKE: Final = 82
"""Score (0-100) of name and street from which two households are shown as possibly the same."""


def search_key(*parts: str) -> str:
    """Lower case, no accent, words only: the same on both databases. "BEN ALI" and "Benali" meet."""
    return "".join(plain(" ".join(parts)))


def submit(unit: UnitOfWork, hand: Hand, form: AlertForm, *, origin: str = "form", silent: bool = False) -> Case:
    """Open a case from an alert. Refuses without the household's agreement. The engine does the rest.

    `silent`: the receipt and the coordinator's e-mails are planned, then cancelled; the household's letter stays.
    """
    actor = hand.actor
    if actor.programme_id is None or actor.kind not in {"form", "person", "import"}:
        raise Denied
    if not form.agreement:
        raise InvalidInput("agreement", "Sans l’accord de la personne, la demande ne peut pas partir.")
    if unit.session.get(Commune, form.commune_code) is None:
        raise InvalidInput("commune_code", "Cette commune n’est pas connue : choisissez-la dans la liste.")
    case = _case(unit, actor.programme_id, form)
    _check_cut(unit, case, form)
    alert = Alert(
        id=new_id(),
        case=case,
        organisation_id=actor.organisation_id,
        giver_name=form.giver_name,
        giver_email=form.giver_email.lower() if form.giver_email else None,
        giver_phone=form.giver_phone,
        origin=origin,
        motives=[motive.value for motive in form.motives],
        free_text=form.free_text,
        received_at=unit.now,
        cut_energy=form.cut_energy.value if form.cut_energy else None,
        cut_on=form.cut_on,
        income_class=form.income_class.value if form.income_class else None,
        followed_by=form.followed_by,
    )
    unit.session.add(alert)
    unit.session.flush()
    _permissions(unit, case, form)
    fact = AlertSubmitted(alert_id=alert.id, urgency=form.urgency, motives=form.motives, silent=silent)
    casework.record(unit, case, fact, hand=hand)
    if form.derogation:
        derogations.note(unit, replace(hand, key=None), case, form.derogation, by=form.giver_name)
    return case


def _check_cut(unit: UnitOfWork, case: Case, form: AlertForm) -> None:
    if (form.cut_on is None) != (form.cut_energy is None):
        if form.cut_on is None:
            raise InvalidInput("cut_on", "Quel jour la coupure est-elle annoncée ?")
        raise InvalidInput("cut_energy", "Dites ce qui serait coupé : l’électricité ou le gaz.")
    if form.cut_on is not None:
        supply_cuts.check_ahead(unit, case, form.cut_on)


def _case(unit: UnitOfWork, programme_id: UUID, form: AlertForm) -> Case:
    programme = unit.session.scalars(select(Programme).where(Programme.id == programme_id).with_for_update()).one()
    today = unit.now.astimezone(ZoneInfo(programme.zone)).date()
    household = Household(
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
        vulnerabilities=[each.value for each in form.vulnerabilities],
        phones=_phones(form),
    )
    dwelling = Dwelling(
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
    programme.case_count += 1
    case = Case(
        id=new_id(),
        programme_id=programme.id,
        number=f"{today.year}-{programme.case_count:05d}",
        pathway_hash=programme.pathway_hash,
        household=household,
        dwelling=dwelling,
        urgency=(Urgency.CUT_ANNOUNCED if form.cut_on and form.urgency is Urgency.NONE else form.urgency).value,
        danger=Danger.PERSON.value if form.urgency is Urgency.DANGER else None,
        opened_at=unit.now,
        state=CaseState.SUBMITTED.value,
        stage=Stage.DETECTION.value,
        last_seq=0,
    )
    unit.session.add(case)
    unit.session.flush()
    for word in words_of(form.surname, form.first_name, form.street):
        unit.session.add(SearchWord(programme_id=programme.id, word=word, case_id=case.id))
    return case


def _phones(form: AlertForm) -> list[Phone]:
    numbers = dict.fromkeys(number for number in (form.phone, form.other_phone) if number)
    return [Phone(number=number, rank=rank) for rank, number in enumerate(numbers, start=1)]


def _permissions(unit: UnitOfWork, case: Case, form: AlertForm) -> None:
    kinds = [PermissionKind.CONTACT, *([PermissionKind.SMS] if form.sms_agreed else [])]
    for kind in kinds:
        unit.session.add(
            Permission(
                case_id=case.id,
                kind=kind.value,
                mode=form.agreement_mode.value,
                collected_by=form.agreement_by or form.giver_name,
                given_on=form.agreement_on or unit.now.astimezone(ZoneInfo(case.programme.zone)).date(),
                text_version=AGREEMENT_TEXT,
            )
        )


def examine(unit: UnitOfWork, *events: Event) -> None:
    """Compare submitted cases with the territory and the known households; moves them to triage. Safe to repeat.

    What is found is shown to the coordinator only: an alert giver must not learn who is already known.
    """
    keys = {event.case_id: f"{event.id}:examined" for event in events}
    known = select(Event.case_id).where(Event.idempotency_key.in_(keys.values()))
    new = keys.keys() - set(unit.session.scalars(known))
    for case in unit.session.scalars(_whole(new)).all():
        day = case.opened_at.astimezone(ZoneInfo(case.programme.zone)).date()
        own_commune = Territory.commune_code == case.dwelling.commune_code
        in_territory = unit.session.scalar(territory(case.programme_id, day).where(own_commune)) is not None
        doubles = possible_duplicates(unit, case)
        case.checks = {"in_territory": in_territory, "possible_duplicates": [found.number for found in doubles]}
        fact = CaseExamined(in_territory=in_territory, possible_duplicates=[found.id for found in doubles])
        casework.record(unit, case, fact, hand=casework.engine_hand(keys[case.id]), action=CaseAction.EXAMINE)


def _whole(case_ids: Collection[UUID]) -> Select[Case]:
    """These cases, locked in the order in which everybody locks them, with what they are compared by."""
    household = joinedload(Case.household, innerjoin=True).selectinload(Household.phones)
    whole = select(Case).options(joinedload(Case.programme), joinedload(Case.dwelling, innerjoin=True), household)
    return whole.where(Case.id.in_(case_ids)).order_by(Case.id).with_for_update(of=Case)


def territory(programme_id: UUID, day: date) -> Select[str]:
    """The INSEE codes of the communes in which the programme works that day: a query."""
    return select(Territory.commune_code).where(
        Territory.programme_id == programme_id,
        Territory.from_on <= day,
        or_(Territory.to_on.is_(None), Territory.to_on >= day),
    )


@dataclass(frozen=True)
class Likeness:
    """What tells whether two requests may come from one household: numbers (E.164), search keys, commune."""

    numbers: frozenset[str]
    name: str
    street: str
    commune_code: str

    def shares_number(self, other: "Likeness") -> bool:
        """Whether one number rings at both."""
        return not self.numbers.isdisjoint(other.numbers)

    def has_like_name(self, other: "Likeness") -> bool:
        """Whether the names are the same but for spelling, or one holds the other."""
        return max(fuzz.ratio(self.name, other.name), fuzz.partial_ratio(self.name, other.name)) >= ALIKE

    def is_neighbour(self, other: "Likeness") -> bool:
        """Whether name and street are alike in the same commune."""
        return (
            self.commune_code == other.commune_code
            and self.has_like_name(other)
            and fuzz.partial_ratio(self.street, other.street) >= ALIKE
        )


class Double(NamedTuple):
    """A case that may be of the same household."""

    id: UUID
    number: str


def likeness(case: Case) -> Likeness:
    """A known case, to be compared."""
    numbers = frozenset(phone.number for phone in case.household.phones)
    return Likeness(numbers, case.household.search_key, case.dwelling.search_key, case.dwelling.commune_code)


def possible_duplicates(unit: UnitOfWork, case: Case) -> list[Double]:
    """Other cases of the programme with the same number, or in the same commune with a like name and street.

    Each question is answered from an index; of a commune the latest two hundred are looked at. Who else has a number is
    asked first, by itself: in one question with the cases, a database may prefer to walk through all of them.
    """
    numbers = [phone.number for phone in case.household.phones]
    same_number = select(Phone.household_id).where(Phone.number.in_(numbers), Phone.household_id != case.household_id)
    households = unit.session.scalars(same_number).all()
    own = likeness(case)
    columns = (Case.opened_at, Case.id, Case.number, Household.search_key, Dwelling.search_key)
    others = (
        select(*columns)
        .join(Household, Household.id == Case.household_id)
        .join(Dwelling, Dwelling.id == Case.dwelling_id)
        .where(Case.programme_id == case.programme_id, Case.id != case.id)
    )
    alike = unit.session.execute(others.where(Case.household_id.in_(households))) if households else ()
    found = {row.id: row for row in alike}
    same_commune = others.where(Dwelling.commune_code == own.commune_code).order_by(Case.opened_at.desc()).limit(200)
    for row in unit.session.execute(same_commune):
        _, id_, _, name, street = row
        if own.is_neighbour(Likeness(frozenset(), name, street, own.commune_code)):
            found.setdefault(id_, row)
    latest = sorted(found.values(), key=lambda row: row.opened_at, reverse=True)
    return [Double(row.id, row.number) for row in latest]

"""Requests for a visit: what an alert giver sends becomes a case; the engine then looks for territory and doubles."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from rapidfuzz import fuzz, process
from sqlalchemy import Select, bindparam, insert, or_, select
from sqlalchemy.orm import joinedload

from models.cases import Alert, Case, Dwelling, Household, Permission, Phone, SearchWord
from models.engine import Event
from models.events import AlertSubmitted, CaseExamined
from models.lifecycles import CaseAction
from models.programmes import Commune, Programme, Territory
from models.vocabulary import OF_HEALTH, CaseState, Danger, PermissionKind, Stage, Urgency
from services import derogations, supply_cuts
from services.forms import AlertForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import Denied, InvalidInput
from services.foundation.lists import among
from services.rules import casework
from services.rules.casework import Act, Hand
from services.rules.finding import plain, words_of
from services.rules.policy import Actor
from services.rules.published import today_of

AGREEMENT_TEXT: Final = "accord-2026-11"
ALIKE: Final = 82
"""Score (0-100) of name and street from which two households are shown as possibly the same.

A proposal without a source, and one measure for all who ask: alerts, files taken in, the past that is generated.
"""


def search_key(*parts: str) -> str:
    """Lower case, no accent, words only: the same on both databases. "BEN ALI" and "Benali" meet."""
    return "".join(plain(" ".join(parts)))


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
    alerts, permissions, words, acts = [], [], [], []
    for case, (hand, form) in zip(cases, requests, strict=True):
        _check_cut(unit, case, form)
        alerts.append(_alert(unit, case, hand.actor, form, origin))
        permissions += _permissions(unit, case, form)
        found = words_of(form.surname, form.first_name, form.street)
        words += [{"programme_id": case.programme.id, "word": word, "case_id": case.id} for word in found]
        fact = AlertSubmitted(alert_id=alerts[-1].id, urgency=form.urgency, motives=form.motives, silent=silent)
        acts.append(Act(case, fact, hand))
    unit.session.add_all(alerts)
    casework.record_all(unit, acts)
    connection = unit.session.connection()
    connection.execute(_NEW_PERMISSION, permissions)
    if words:
        connection.execute(_NEW_WORD, words)
    for case, (hand, form) in zip(cases, requests, strict=True):
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
        vulnerabilities=[each.value for each in form.vulnerabilities if form.health_agreed or each not in OF_HEALTH],
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
    return Case(
        programme=programme,
        programme_id=programme.id,  # its first event asks for it before anything is written
        number=f"{today.year}-{programme.case_count:05d}",
        pathway_hash=programme.pathway_hash,
        household=household,
        dwelling=dwelling,
        urgency=(Urgency.CUT_ANNOUNCED if form.cut_on and form.urgency is Urgency.NONE else form.urgency).value,
        danger=Danger.UNSPECIFIED.value if form.urgency is Urgency.DANGER else None,
        opened_at=unit.now,
        state=CaseState.SUBMITTED.value,
        stage=Stage.DETECTION.value,
        last_seq=0,
    )


def _phones(form: AlertForm) -> list[Phone]:
    numbers = dict.fromkeys(number for number in (form.phone, form.other_phone) if number)
    return [Phone(number=number, rank=rank) for rank, number in enumerate(numbers, start=1)]


def _permissions(unit: UnitOfWork, case: Case, form: AlertForm) -> list[dict[str, Any]]:
    kinds = [PermissionKind.CONTACT, *([PermissionKind.SMS] if form.sms_agreed else [])]
    if form.health_agreed and OF_HEALTH & set(form.vulnerabilities):
        kinds.append(PermissionKind.HEALTH)
    return [
        {
            "case_id": case.id,
            "kind": kind.value,
            "mode": form.agreement_mode.value,
            "collected_by": form.agreement_by or form.giver_name,
            "given_on": form.agreement_on or today_of(unit, case.programme_id),
            "text_version": AGREEMENT_TEXT,
        }
        for kind in kinds
    ]


_NEW_PERMISSION: Final = insert(Permission)
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
        communes = set(unit.session.scalars(territory(programme_id, day).where(asked)))
        found |= {case.id for case in these if case.dwelling.commune_code in communes}
    return found


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
        return bool(_alike(self.name, [other.name], fuzz.ratio, fuzz.partial_ratio))

    def neighbours(self, others: Sequence["Likeness"]) -> list[int]:
        """The places, among `others` of its commune, of those with a like name and street: thousands at once."""
        named = sorted(_alike(self.name, [other.name for other in others], fuzz.ratio, fuzz.partial_ratio))
        streets = _alike(self.street, [others[at].street for at in named], fuzz.partial_ratio)
        return sorted(named[place] for place in streets)


def _alike(asked: str, texts: Sequence[str], *scorers: Callable[..., float]) -> set[int]:
    """The places of the texts that one of these finds alike."""
    found = (process.extract(asked, texts, scorer=each, score_cutoff=ALIKE, limit=None) for each in scorers)
    return {place for matches in found for _, _, place in matches}


class Double(NamedTuple):
    """A case that may be of the same household."""

    id: UUID
    number: str
    opened_at: datetime


def likeness(case: Case) -> Likeness:
    """A known case, to be compared."""
    numbers = frozenset(phone.number for phone in case.household.phones)
    return Likeness(numbers, case.household.search_key, case.dwelling.search_key, case.dwelling.commune_code)


def possible_duplicates(unit: UnitOfWork, cases: Sequence[Case]) -> dict[UUID, list[Double]]:
    """Of each, other cases of the programme with the same number, or with a like name and street in the same commune.

    Each question is answered from an index: the same name at the same address is found however old, a like one among
    the two hundred of the commune written last. The latest come first.
    """
    same_number, same_door = _same_number(unit, cases), _same_door(unit, cases)
    places = dict.fromkeys((case.programme_id, case.dwelling.commune_code) for case in cases)
    neighbours = {place: _latest_of(unit, *place) for place in places}
    found: dict[UUID, list[Double]] = {}
    for case in cases:
        doubles, others = neighbours[case.programme_id, case.dwelling.commune_code]
        alike = [doubles[at] for at in likeness(case).neighbours(others) if doubles[at].id != case.id]
        each = dict.fromkeys([*same_number[case.id], *same_door[case.id], *alike])
        found[case.id] = sorted(each, key=attrgetter("opened_at"), reverse=True)
    return found


def _same_number(unit: UnitOfWork, cases: Sequence[Case]) -> defaultdict[UUID, list[Double]]:
    """Who has a number is asked by itself: in one question with the cases, a database may walk through them all."""
    numbers = {phone.number for case in cases for phone in case.household.phones}
    holders: defaultdict[str, set[UUID]] = defaultdict(set)
    for number, household_id in unit.rows(_HOLDERS, numbers=numbers):
        holders[number].add(household_id)
    others = {
        case.id: {each for phone in case.household.phones for each in holders[phone.number]} - {case.household_id}
        for case in cases
    }
    found: defaultdict[UUID, list[Double]] = defaultdict(list)
    if households := set().union(*others.values()):
        known = unit.rows(_KNOWN, households=households)
        for case in cases:
            theirs = (row for row in known if row.household_id in others[case.id])
            found[case.id] = [Double(*row[:3]) for row in theirs if row.programme_id == case.programme_id]
    return found


def _same_door(unit: UnitOfWork, cases: Sequence[Case]) -> dict[UUID, list[Double]]:
    """Who has the same name at the same address."""
    names = {case.household.search_key for case in cases} - {""}  # erased: nobody
    streets = {case.dwelling.search_key for case in cases}
    known: defaultdict[tuple[UUID, str, str, str], list[Double]] = defaultdict(list)
    for id_, number, opened_at, programme_id, name, street, commune in unit.rows(
        _AT_DOOR, names=names, streets=streets
    ):
        known[programme_id, name, street, commune].append(Double(id_, number, opened_at))
    found = {}
    for case in cases:
        door = case.programme_id, case.household.search_key, case.dwelling.search_key, case.dwelling.commune_code
        found[case.id] = [each for each in known[door] if each.id != case.id]
    return found


def _latest_of(unit: UnitOfWork, programme_id: UUID, commune_code: str) -> tuple[list[Double], list[Likeness]]:
    """The programme is looked at here: asked for it, SQLite walks through all its cases rather than the commune's."""
    rows = [row for row in unit.rows(_LATEST, commune=commune_code) if row.programme_id == programme_id]
    return [Double(*row[:3]) for row in rows], [Likeness(frozenset(), row[3], row[4], commune_code) for row in rows]


_HOLDERS: Final = select(Phone.number, Phone.household_id).where(among(Phone.number, "numbers"))
_KNOWN: Final = select(Case.id, Case.number, Case.opened_at, Case.household_id, Case.programme_id).where(
    among(Case.household_id, "households")
)
_AT_DOOR: Final = (
    select(
        Case.id,
        Case.number,
        Case.opened_at,
        Case.programme_id,
        Household.search_key,
        Dwelling.search_key,
        Dwelling.commune_code,
    )
    .select_from(Household)
    .join(Case, Case.household_id == Household.id)
    .join(Dwelling, Dwelling.id == Case.dwelling_id)
    .where(among(Household.search_key, "names"), among(Dwelling.search_key, "streets"))
)
_OF_COMMUNE: Final = (
    select(Dwelling.id, Dwelling.search_key)
    .where(Dwelling.commune_code == bindparam("commune"))
    .order_by(Dwelling.id.desc())  # as they were written, from an index: a commune may have tens of thousands
    .limit(201)  # one of them may be the case's own
    .subquery()
)
_LATEST: Final = (
    select(Case.id, Case.number, Case.opened_at, Household.search_key, _OF_COMMUNE.c.search_key, Case.programme_id)
    .select_from(_OF_COMMUNE)
    .join(Case, Case.dwelling_id == _OF_COMMUNE.c.id)
    .join(Household, Household.id == Case.household_id)
)

"""A right is taken back while somebody uses it: one wins, nothing is half written, and who comes after is refused."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from models.cases import Alert, Note, Permission, Referral
from models.engine import Event, Task
from models.programmes import ApiKey, Membership, Organisation, PartnerPreference, Person, Service
from models.vocabulary import CaseState, PermissionKind, ReferralState, Role
from services.accounts import api_keys, partner_access
from services.accounts.accounts import create_account
from services.cases import alerts, loans, notes, permissions, referrals
from services.forms import Answer, LoanForm, OnBehalf, Remedy
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError
from services.foundation.tokens import token_hash
from services.programme import organisations, people
from services.rules.casework import Hand
from services.rules.links import alert_url, sheet_url, task_url
from services.rules.policy import ENGINE, Actor
from tests.factories import PASSWORD, Office, act, alert_form, deliver_mail, drain, make_case, referral_id_of, task_of
from tests.ledger import problems
from tests.services.web.browser import browser, send

T = TypeVar("T")
WRITERS: Final = 6
PATIENCE_S: Final = 60
WAITS_S: Final = 0.3


def meanwhile(office: Office, first: Callable[[UnitOfWork], object], second: Callable[[], T]) -> T:
    """What somebody gets who begins when another has written and not yet committed."""
    with ThreadPoolExecutor(1) as pool:
        with office.runtime.database.write("test") as unit:
            first(unit)
            unit.session.flush()
            late = pool.submit(copy_context().run, second)
            wait([late], timeout=WAITS_S)
        return late.result(PATIENCE_S)


def together(*acts: Callable[[], T]) -> list[T]:
    """What each gets of those who begin in the same instant."""
    ready = Barrier(len(acts), timeout=PATIENCE_S)

    def one(do: Callable[[], T]) -> T:
        ready.wait()
        return do()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [each.result(PATIENCE_S) for each in [pool.submit(copy_context().run, one, do) for do in acts]]


def sound(office: Office) -> bool:
    """Whether nothing is half written, once the engine has followed."""
    drain(office)
    with office.runtime.database.read() as unit:
        return problems(unit, drained=True) == []


def count(office: Office, *what: Any) -> int:
    with office.runtime.database.read() as unit:
        return unit.session.scalar(select(func.count()).where(*what)) or 0


@pytest.fixture
def asked(office: Office) -> UUID:
    """A case of which a partner was asked something."""
    case_id = make_case(office, CaseState.ORIENTING)
    deliver_mail(office, case_id)
    return case_id


def link_of(office: Office, case_id: UUID, kind: str) -> str:
    return task_url(office.runtime, task_of(office, case_id, kind)).removeprefix(office.runtime.settings.public_url)


def agreement(office: Office, case_id: UUID) -> UUID:
    with office.runtime.database.read() as unit:
        shared = Permission.case_id == case_id, Permission.kind == PermissionKind.SHARE_WITH_PARTNER
        return unit.session.scalars(select(Permission.id).where(*shared)).one()


def test_a_partner_does_not_accept_what_is_being_taken_back(office: Office, asked: UUID) -> None:
    referral_id, link, partner = (
        referral_id_of(office, asked),
        link_of(office, asked, "answer_referral"),
        browser(office),
    )

    answer = meanwhile(
        office,
        lambda unit: referrals.withdraw(unit, Hand(office.karim), referral_id),
        lambda: send(partner, link, answer="accept"),
    )

    assert (answer.status_code, "La coordination a repris cette demande" in answer.text) == (410, True)
    assert count(office, Referral.id == referral_id, Referral.state == ReferralState.WITHDRAWN) == 1
    assert count(office, Event.case_id == asked, Event.type == "referral.accepted") == 0
    assert sound(office)


def test_a_partner_does_not_accept_by_a_link_in_whose_place_another_is_being_sent(office: Office, asked: UUID) -> None:
    link, partner, task = (
        link_of(office, asked, "answer_referral"),
        browser(office),
        task_of(office, asked, "answer_referral"),
    )

    answer = meanwhile(
        office,
        lambda unit: partner_access.renew_link(unit, unit.session.get_one(Task, task.id)),
        lambda: send(partner, link, answer="accept"),
    )

    assert answer.status_code == 410
    assert count(office, Event.case_id == asked, Event.type == "referral.accepted") == 0


def test_a_partner_says_nothing_of_his_habits_while_his_request_is_taken_back(office: Office, asked: UUID) -> None:
    referral_id, link, partner = (
        referral_id_of(office, asked),
        link_of(office, asked, "answer_referral"),
        browser(office),
    )

    answer = meanwhile(
        office,
        lambda unit: referrals.withdraw(unit, Hand(office.karim), referral_id),
        lambda: send(partner, f"{link}/toutes/emails", gathered="yes"),
    )

    assert answer.status_code == 410
    assert count(office, PartnerPreference.organisation_id == office.adil_id) == 0


def test_a_partner_asks_for_no_name_while_the_household_takes_its_agreement_back(office: Office, asked: UUID) -> None:
    accepted = Answer(on_behalf=OnBehalf(said_by="Mme Riou", how="téléphone"))
    act(office, lambda unit: referrals.accept(unit, Hand(office.karim), referral_id_of(office, asked), accepted))
    link, partner, shared = link_of(office, asked, "report_outcome"), browser(office), agreement(office, asked)

    answer = meanwhile(
        office,
        lambda unit: permissions.revoke(unit, Hand(office.karim), shared),
        lambda: send(partner, f"{link}/acces"),
    )

    assert answer.status_code in {409, 410}
    assert count(office, Event.case_id == asked, Event.type == "referral.access_asked") == 0
    assert sound(office)


def test_of_two_who_end_one_thing_at_once_the_second_is_told_that_it_is_done(office: Office, asked: UUID) -> None:
    shared, lent = (
        agreement(office, asked),
        LoanForm(item="wattmètre", due_on=office.clock.at.date() + timedelta(days=30)),
    )
    with office.runtime.database.write("test") as unit:
        loan_id = loans.lend(unit, Hand(office.karim), asked, lent).id

    told = [
        twice(office, lambda unit, actor: permissions.revoke(unit, Hand(actor), shared)),
        twice(office, lambda unit, actor: loans.give_back(unit, Hand(actor), loan_id)),
    ]

    assert told == ["Cet accord est déjà retiré.", "Cet appareil est déjà rendu."]
    assert count(office, Event.case_id == asked, Event.type.in_(("permission.revoked", "loan.returned"))) == 2
    assert sound(office)


def twice(office: Office, end: Callable[[UnitOfWork, Actor], object]) -> str:
    """What Claire is told who does it while Karim does."""

    def late() -> None:
        with office.runtime.database.write("test") as unit:
            end(unit, office.claire)

    with pytest.raises(CaseworkError) as refused:
        meanwhile(office, lambda unit: end(unit, office.karim), late)
    return refused.value.sentence


def test_of_requests_sent_while_a_link_is_revoked_each_is_whole_or_refused(office: Office) -> None:
    with office.runtime.database.read() as unit:
        link = alert_url(office.runtime, unit.session.get_one(Organisation, office.giver_id))
    typed = {name: value for name, value in alert_form().model_dump(mode="json").items() if value is not None}

    def ask(number: int) -> int:
        told = typed | {"phone": f"06 39 98 02 {number:02d}", "agreement": "yes"}
        return int(send(browser(office), link, once=str(number), **told).status_code)

    def revoke() -> int:
        with office.runtime.database.write("test") as unit:
            organisations.revoke_link(unit, Hand(office.claire), office.giver_id)
        return 0

    first = ask(0)
    answers = together(revoke, *(lambda number=number: ask(number) for number in range(1, WRITERS)))

    assert first == 303
    assert set(answers) <= {0, 303, 410}
    assert count(office, Alert.organisation_id == office.giver_id) == 1 + answers.count(303)
    assert ask(WRITERS) == 410
    assert sound(office)


def ask_by_link(office: Office, by: str) -> int:
    """A request behind the alert giver's link, on the form or by the API."""
    with office.runtime.database.read() as unit:
        link = alert_url(office.runtime, unit.session.get_one(Organisation, office.giver_id))
    told = {name: value for name, value in alert_form().model_dump(mode="json").items() if value is not None}
    if by == "page":
        return int(send(browser(office), link, once=uuid4().hex, **told | {"agreement": "yes"}).status_code)
    headers = {"idempotency-key": uuid4().hex, "authorization": f"Lien {link.rpartition('/')[2]}"}
    return browser(office).post("/api/v1/alerts", json=told, headers=headers).status_code


@pytest.mark.parametrize("by", ["page", "API"])
def test_no_request_comes_by_a_link_that_is_being_revoked(office: Office, by: str) -> None:
    answer = meanwhile(
        office,
        lambda unit: organisations.revoke_link(unit, Hand(office.claire), office.giver_id),
        lambda: ask_by_link(office, by),
    )

    assert answer == 410
    assert count(office, Alert.id.is_not(None)) == 0


@pytest.mark.parametrize("by", ["page", "API"])
def test_whoever_revokes_a_link_waits_for_the_request_that_comes_by_it(
    office: Office, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly, begun = while_it_is_written(
        alerts.submit, office, lambda unit: organisations.revoke_link(unit, Hand(office.claire), office.giver_id)
    )
    monkeypatch.setattr("services.cases.alerts.submit", slowly)

    assert ask_by_link(office, by) in {201, 303}
    assert begun[0].result(PATIENCE_S) is None
    assert count(office, Alert.id.is_not(None)) == 1
    assert ask_by_link(office, by) == 410


def while_it_is_written(
    act: Callable[..., T], office: Office, end: Callable[[UnitOfWork], object]
) -> tuple[Callable[..., T], list[Future[None]]]:
    """The act, in whose midst somebody begins to end what it stands on, and what becomes of him: he waits."""
    begun: list[Future[None]] = []
    pool = ThreadPoolExecutor(1)

    def ending() -> None:
        with office.runtime.database.write("test") as unit:
            end(unit)

    def slowly(*given: Any, **named: Any) -> T:
        if not begun:
            begun.append(pool.submit(copy_context().run, ending))
            assert wait(begun, timeout=WAITS_S).not_done
            pool.shutdown(wait=False)
        return act(*given, **named)

    return slowly, begun


@pytest.fixture
def key(office: Office) -> str:
    """A key of the API that is Karim's."""
    mine = select(Membership.id).where(Membership.person_id == office.karim.id)
    with office.runtime.database.write("test") as unit:
        return api_keys.create(unit, ENGINE, unit.session.scalars(mine).one(), "Entrepôt")


def end_key(unit: UnitOfWork, key: str) -> None:
    api_keys.revoke(unit, ENGINE, token_hash(key))


def test_nothing_is_written_by_a_key_that_is_being_revoked(office: Office, key: str) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)

    answer = meanwhile(office, partial(end_key, key=key), lambda: note(browser(office), case_id, "API", key))

    assert answer == 401
    assert count(office, Note.case_id == case_id) == 0


def test_whoever_revokes_a_key_waits_for_what_it_is_writing(
    office: Office, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    slowly, begun = while_it_is_written(notes.add_note, office, partial(end_key, key=key))
    monkeypatch.setattr("services.cases.notes.add_note", slowly)

    assert note(browser(office), case_id, "API", key) == 201
    assert begun[0].result(PATIENCE_S) is None
    assert note(browser(office), case_id, "API", key) == 401
    assert count(office, Note.case_id == case_id) == 1


def test_a_sheet_is_not_confirmed_by_a_partner_who_is_being_ended(office: Office, asked: UUID) -> None:
    with office.runtime.database.read() as unit:
        service = unit.session.scalars(select(Service).where(Service.organisation_id == office.adil_id)).one()
        link, verified_on = sheet_url(office.runtime, service), service.verified_on

    def end(unit: UnitOfWork) -> None:
        unit.session.get_one(Organisation, office.adil_id).ended_on = unit.now.date()
        unit.session.flush()

    answer = meanwhile(office, end, lambda: send(browser(office), link, then="juste"))

    assert answer.status_code == 410
    assert count(office, Service.organisation_id == office.adil_id, Service.verified_on == verified_on) == 1


@pytest.fixture
def closing(office: Office) -> Callable[[UnitOfWork], None]:
    """An administrator closes Karim's account."""
    with office.runtime.database.write("test") as unit:
        alex = create_account(
            unit, email="alex@brest.test", name="Alex Renaud", password=PASSWORD, programme_id=office.programme_id,
            role=Role.ADMINISTRATOR,
        )  # fmt: skip
        hand = Hand(Actor("person", alex.id, office.programme_id, Role.ADMINISTRATOR))
    assert office.karim.id
    return partial(people.close, hand=hand, person_id=office.karim.id, form=Remedy(reason="Il part."))


@pytest.mark.parametrize("by", ["page", "API"])
def test_nothing_is_written_by_whoever_is_let_out_meanwhile(
    office: Office, closing: Callable[[UnitOfWork], None], by: str
) -> None:
    case_id, karim = make_case(office, CaseState.TO_CONTACT), browser(office, "karim")

    answer = meanwhile(office, closing, lambda: note(karim, case_id, by))

    assert answer in {303, 401}
    assert count(office, Note.case_id == case_id) == 0
    assert sound(office)


def test_no_key_is_made_by_whoever_is_let_out_meanwhile(office: Office, closing: Callable[[UnitOfWork], None]) -> None:
    karim, typed = browser(office, "karim"), {"label": "Outil", "scope": "all", "days": "30"}

    answer = meanwhile(office, closing, lambda: send(karim, "/compte/cles", **typed))

    assert answer.headers["location"].startswith("/connexion")
    assert count(office, ApiKey.id.is_not(None)) == 0


@pytest.mark.parametrize("by", ["page", "API"])
def test_whoever_lets_somebody_out_waits_for_what_he_is_writing(
    office: Office, closing: Callable[[UnitOfWork], None], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, karim, write = make_case(office, CaseState.TO_CONTACT), browser(office, "karim"), notes.add_note
    begun: list[Future[None]] = []

    def close() -> None:
        with office.runtime.database.write("test") as unit:
            closing(unit)

    def slowly(*given: Any) -> Any:
        begun.append(pool.submit(copy_context().run, close))
        assert wait(begun, timeout=WAITS_S).not_done
        return write(*given)

    monkeypatch.setattr("services.cases.notes.add_note", slowly)
    with ThreadPoolExecutor(1) as pool:
        note(karim, case_id, by)

    assert begun[0].result() is None
    assert count(office, Note.case_id == case_id) == 1
    assert note(karim, case_id, by) in {303, 401}
    assert count(office, Note.case_id == case_id) == 1


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_of_two_administrators_who_close_each_other_at_once_one_is_told_that_it_changed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds his own account while he acts: SQLite lets one write at a time, PostgreSQL ends one of both."""
    alex, dana = (administrator(office, who) for who in ("alex", "dana"))
    ready, close = Barrier(2, timeout=PATIENCE_S), people.close

    def both_have_begun(*given: Any) -> None:
        ready.wait()
        close(*given)

    monkeypatch.setattr("services.programme.people.close", both_have_begun)
    why = {"reason": "Départ"}
    answers = together(
        lambda: send(browser(office, "alex"), f"/administration/personnes/{dana}/fermer", **why),
        lambda: send(browser(office, "dana"), f"/administration/personnes/{alex}/fermer", **why),
    )

    assert sorted(each.status_code for each in answers) == [303, 409]
    assert "La situation a changé entre-temps" in next(each.text for each in answers if each.status_code == 409)
    assert count(office, Person.id.in_([alex, dana]), Person.disabled_at.is_(None)) == 1


def administrator(office: Office, who: str) -> UUID:
    with office.runtime.database.write("test") as unit:
        email, role = f"{who}@brest.test", Role.ADMINISTRATOR
        made = create_account(
            unit,
            email=email,
            name=who,
            password=None,
            programme_id=office.programme_id,
            role=role,
            organisation_id=None,
        )
        return made.id


def note(client: TestClient, case_id: UUID, by: str, key: str = "") -> int:
    """Somebody writes a note, on the case's page or by the API, signed in or by a key."""
    if by == "page":
        return int(send(client, f"/situations/{case_id}/notes", once=uuid4().hex, text="Note").status_code)
    headers = {"idempotency-key": uuid4().hex} | ({"authorization": f"Bearer {key}"} if key else {})
    return client.post(f"/api/v1/cases/{case_id}/notes", json={"text": "Note"}, headers=headers).status_code

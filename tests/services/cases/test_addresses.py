"""A partner's address that refused our mail is given once, and all that waits for it leaves again."""

from uuid import UUID

import pytest
from sqlalchemy import select

from models.engine import Event
from models.programmes import Organisation
from services.cases import addresses
from services.forms import AddressForm
from services.foundation.clock import SetClock
from services.foundation.database import Database
from services.foundation.errors import Denied, GuardRefused, NotFound
from tests.ledger import problems
from tests.services.rules.situations import (
    ADA,
    BO,
    CY,
    DI,
    OTHER_PARTNER,
    PARTNER,
    Office,
    default_pathway,
    found_office,
    shown,
)

RIGHT = AddressForm(email="accueil@example.org")
SAME = AddressForm.model_construct(email="adil@relais.test")  # of a domain that exists in tests only


def refused(office: Office, partner: UUID = PARTNER, **given: str) -> tuple[UUID, UUID]:
    """A request that the partner's mail server refused for good. The case and the referral."""
    case_id = office.reported(**given)
    referral_id = office.refer(case_id, partner)
    office.drain()
    office.bounce("referral_request")
    office.drain()
    return case_id, referral_id


def mend(office: Office, referral_id: UUID, form: AddressForm = RIGHT) -> None:
    office.do(addresses.mend_address, ADA, referral_id, form)
    office.drain()


def asked(office: Office, case_id: UUID) -> list[tuple[str, str]]:
    return [(message.address, message.state) for message in office.sent(case_id, "referral_request")]


def test_the_right_address_ends_the_item_and_the_request_leaves_again(office: Office) -> None:
    case_id, referral_id = refused(office)
    assert set(office.due(case_id)) == {"answer_referral", "mend_address"}

    mend(office, referral_id)

    assert set(office.due(case_id)) == {"answer_referral"}
    assert asked(office, case_id) == [("adil@relais.test", "refused"), ("accueil@example.org", "queued")]


def test_the_same_address_is_tried_again(office: Office) -> None:
    case_id, referral_id = refused(office)

    mend(office, referral_id, SAME)

    assert asked(office, case_id) == [("adil@relais.test", "refused"), ("adil@relais.test", "queued")]
    with office.database.read() as unit:
        told = unit.session.scalars(select(Event.payload).where(Event.type == "referral.address_mended")).one()
    assert told["changed"] is False


def test_the_answers_delay_counts_from_the_new_mail(office: Office) -> None:
    case_id, referral_id = refused(office)
    office.at("2025-10-20T11:00")
    mend(office, referral_id)
    (task,) = office.tasks(case_id)
    assert (shown(task.due_at), task.provisional) == ("2025-11-10 18:00", True)

    office.at("2025-10-21T10:00")
    office.deliver("referral_request")
    office.drain()

    (task,) = office.tasks(case_id)
    assert (shown(task.due_at), task.provisional) == ("2025-11-12 18:00", False)


def test_a_new_mail_that_does_not_arrive_either_is_owned_again(office: Office) -> None:
    case_id, referral_id = refused(office)
    mend(office, referral_id)

    office.bounce("referral_request")
    office.drain()

    assert "mend_address" in office.due(case_id)


def test_a_new_mail_that_stays_on_its_way_is_owned_the_next_working_day(office: Office) -> None:
    case_id, referral_id = refused(office)
    office.at("2025-10-20T11:00")
    mend(office, referral_id)

    office.at("2025-10-21T08:00")
    assert "mend_address" not in office.due(case_id)
    office.at("2025-10-21T12:00")
    assert "mend_address" in office.due(case_id)


def test_all_requests_that_wait_for_the_address_leave_at_once(office: Office) -> None:
    one, referral_id = refused(office)
    other, _ = refused(office, surname="Benali", phone="06 39 98 12 35")

    mend(office, referral_id)

    assert [asked(office, case_id)[-1] for case_id in (one, other)] == [("accueil@example.org", "queued")] * 2
    assert "mend_address" not in {**office.due(one), **office.due(other)}
    with office.database.read() as unit:
        assert problems(unit, drained=True) == []


def test_another_partners_item_stays(office: Office) -> None:
    _, referral_id = refused(office)
    other, _ = refused(office, OTHER_PARTNER, surname="Benali", phone="06 39 98 12 35")

    mend(office, referral_id)

    assert "mend_address" in office.due(other)


def test_after_his_yes_it_is_the_way_to_the_household_that_leaves_again(office: Office) -> None:
    case_id, referral_id = office.followed()
    office.bounce("referral_accepted_next")
    office.drain()

    mend(office, referral_id)

    assert [message.state for message in office.sent(case_id, "referral_accepted_next")] == ["refused", "queued"]
    assert len(office.sent(case_id, "referral_request")) == 1


def test_an_older_pathway_that_does_not_know_the_event_goes_on_too(database: Database, clock: SetClock) -> None:
    current = default_pathway()
    known = {name: rule for name, rule in current.events.items() if name != "referral.address_mended"}
    office = found_office(database, clock, current.model_copy(update={"events": known}))
    case_id, referral_id = refused(office)

    mend(office, referral_id)

    assert set(office.due(case_id)) == {"answer_referral"}
    assert asked(office, case_id)[-1] == ("accueil@example.org", "queued")


def test_an_address_that_nothing_waits_for_is_not_changed_here(office: Office) -> None:
    _, referral_id = office.referred()

    with pytest.raises(GuardRefused, match="pas à corriger"):
        mend(office, referral_id)

    with office.database.read() as unit:
        assert unit.session.get_one(Organisation, PARTNER).email == SAME.email


@pytest.mark.parametrize(("hand", "refusal"), [(BO, Denied), (CY, NotFound), (DI, NotFound)])
def test_only_the_coordination_writes_an_address(office: Office, hand: object, refusal: type[Exception]) -> None:
    _, referral_id = refused(office)

    with pytest.raises(refusal):
        office.do(addresses.mend_address, hand, referral_id, RIGHT)  # type: ignore[arg-type]

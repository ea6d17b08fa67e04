"""A household's mail address on the page of its case: what refuses is said, and mended or taken away there."""

from uuid import UUID

import pytest

from models.cases import Case
from models.events import MessageFailed
from models.vocabulary import CaseState, Channel, Party
from services.rules import casework
from tests.factories import Office, drain, make_case
from tests.services.web.browser import browser, send


@pytest.fixture
def returned(office: Office) -> UUID:
    """A case whose household's mail came back."""
    case_id = make_case(office, CaseState.TO_CONTACT)
    with office.runtime.database.write("test") as unit:
        case = unit.session.get_one(Case, case_id)
        case.household.email, case.household.email_refused_at = "martni@example.org", unit.now
        fact = MessageFailed(
            message_id=case_id,
            task_id=None,
            referral_id=None,
            unknown=False,
            party=Party.HOUSEHOLD,
            channel=Channel.EMAIL,
        )
        casework.record(unit, case, fact, hand=casework.engine_hand())
    drain(office)
    return case_id


def test_the_page_says_that_the_address_refuses_and_offers_both_remedies(office: Office, returned: UUID) -> None:
    page = browser(office, "karim").get(f"/situations/{returned}").text

    assert "martni@example.org (ne reçoit pas nos messages)" in page
    assert "L’e-mail au ménage est revenu" in page
    assert f"/situations/{returned}/courriel" in page
    assert f"/situations/{returned}/courriel/retirer" in page


def test_the_right_address_is_typed_over_the_wrong_one(office: Office, returned: UUID) -> None:
    karim, here = browser(office, "karim"), f"/situations/{returned}"
    assert 'value="martni@example.org"' in karim.get(f"{here}/courriel").text

    wrong = send(karim, f"{here}/courriel", "a", email="martin")
    done = send(karim, f"{here}/courriel", "b", email="martin@example.org")
    drain(office)

    assert (wrong.status_code, done.status_code) == (422, 303)
    page = karim.get(here).text
    assert "martin@example.org" in page
    assert "L’e-mail au ménage est revenu" not in page


def test_an_address_that_is_taken_away_is_no_more_on_the_page(office: Office, returned: UUID) -> None:
    karim, here = browser(office, "karim"), f"/situations/{returned}"

    done = send(karim, f"{here}/courriel/retirer")
    drain(office)

    assert done.status_code == 303
    assert "martni" not in karim.get(here).text
    assert send(browser(office, "nadia"), f"{here}/courriel/retirer", "b").status_code == 404

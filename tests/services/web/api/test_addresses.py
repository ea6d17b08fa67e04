"""The coordination's software gives a partner's right address; the operator's may not."""

from uuid import UUID

from sqlalchemy import select

from models.engine import Message
from services.rules.aftermath import message_failed
from tests.engine import drain
from tests.services.web.api.office import Office
from tests.services.web.api.test_story import report, visit


def refused(office: Office) -> tuple[str, str]:
    """A case whose request the partner's mail server refused: its path and the referral's."""
    path = office.open_case()
    office.act("Bo", f"{path}/calls", {"result": "reached"})
    visit(office, path)
    report(office, path)
    asked = {"partner_id": str(office.ids["partner"]), "theme": "budget", "brief": "Impayés.", "permission": True}
    referral = office.act("Bo", f"{path}/referrals", asked)["made_id"]
    with office.runtime.database.write("test") as unit:
        message = unit.session.scalars(select(Message).where(Message.text == "referral_request")).one()
        message.state, message.done_at = "refused", unit.now
        message_failed(unit, message, unknown=False)
    drain(office.runtime.database)
    return path, f"{path}/referrals/{referral}"


def waiting(office: Office) -> set[str]:
    return {each["kind"] for each in office.get("Ada", "/tasks").json()["items"]}


def test_the_right_address_sends_the_request_again(office: Office) -> None:
    path, referral = refused(office)
    assert "mend_address" in waiting(office)

    denied = office.post("Bo", f"{referral}/mend-address", {"email": "accueil@example.org"})
    wrong = office.post("Ada", f"{referral}/mend-address", {"email": "médiation@example.org"})
    made = office.act("Ada", f"{referral}/mend-address", {"email": "accueil@example.org"})
    late = office.post("Ada", f"{referral}/mend-address", {"email": "accueil@example.org"})

    assert [denied.status_code, wrong.status_code, late.status_code] == [403, 422, 409]
    assert wrong.json()["errors"] == {"email": "Ce texte n’a pas la forme attendue."}
    assert made["made_id"] == referral.rpartition("/")[2]
    assert "mend_address" not in waiting(office)
    with office.runtime.database.read() as unit:
        query = select(Message.address).where(Message.case_id == UUID(path.rpartition("/")[2]))
        assert "accueil@example.org" in unit.session.scalars(query).all()


def test_a_households_address_is_mended_or_removed(office: Office) -> None:
    path = office.open_case()

    wrong = office.post("Bo", f"{path}/email", {"email": "ménage@example.org"})
    office.act("Bo", f"{path}/email", {"email": "menage@example.org"})
    household = office.get("Bo", path).json()["household"]
    again = office.post("Ada", f"{path}/email", {"email": "menage@example.org"})
    office.act("Ada", f"{path}/email/remove")
    late = office.post("Ada", f"{path}/email/remove")

    assert [wrong.status_code, again.status_code, late.status_code] == [422, 422, 409]
    assert (household["email"], household["email_refuses"]) == ("menage@example.org", False)
    assert office.get("Bo", path).json()["household"]["email"] is None

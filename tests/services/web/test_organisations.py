"""Organisations and territory on screen: what hangs on a change is said before it is done."""

import pytest
from sqlalchemy import select

from models.cases import Case
from models.programmes import Organisation, Territory
from models.vocabulary import CaseState
from tests.factories import Office, make_case
from tests.services.web.browser import browser, send

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def test_the_coordinator_adds_an_operator_and_changes_its_contract(office: Office) -> None:
    claire = browser(office, "claire")

    assert send(claire, "/organisations/ajouter", kind="operator", name="", contract="subsidy").status_code == 422
    answer = send(claire, "/organisations/ajouter", "a", kind="operator", name="Chaleur commune", contract="subsidy")
    assert answer.headers["location"] == "/organisations?fait=organisation-ajoutee"
    page = claire.get("/organisations").text
    assert "Chaleur commune" in page
    assert "Subvention" in page

    with office.runtime.database.read() as unit:
        made = unit.session.scalars(select(Organisation.id).where(Organisation.name == "Chaleur commune")).one()
    here = f"/organisations/{made}/modifier"
    assert "aucune situation ouverte" in claire.get(here).text
    send(claire, here, "b", name="Chaleur commune", phone="02 98 00 00 00", contract="public_contract")
    assert "Marché public" in claire.get("/organisations").text


def test_all_that_an_organisation_lacks_is_said_at_once(office: Office) -> None:
    claire = browser(office, "claire")
    typed = {"name": "ADIL DU FINISTÈRE", "email": "adil", "phone": "12"}

    added = send(claire, "/organisations/ajouter", kind="partner", **typed)
    changed = send(claire, f"/organisations/{office.adil_id}/modifier", **typed | {"name": ""})

    for answer, names in ((added, typed), (changed, typed)):
        assert "3 points sont à corriger" in answer.text
        assert [name for name in names if f"{name}-error" not in answer.text] == []


def test_an_operators_cases_are_handed_over_in_one_go_and_it_ends(office: Office) -> None:
    cases, claire = [make_case(office, CaseState.TO_CONTACT) for _ in range(2)], browser(office, "claire")
    here = f"/organisations/{office.operator_id}"

    assert claire.get(f"{here}/terminer").headers["location"] == f"{here}/situations"
    assert "Confier les 2 situations" in claire.get(f"{here}/situations").text.replace("\u00a0", " ")
    assert send(claire, f"{here}/situations").status_code == 422
    done = send(claire, f"{here}/situations", "c", operator_id=str(office.other_operator_id), note="")

    assert done.text.count('href="/situations/') == 2
    with office.runtime.database.read() as unit:
        held = unit.session.scalars(select(Case.operator_id).where(Case.id.in_(cases))).all()
        assert held == [office.other_operator_id] * 2
    assert "Énergence" in claire.get(f"{here}/terminer").text
    send(claire, f"{here}/terminer", "d")
    page = claire.get("/organisations").text
    assert "Opérateur, jusqu’au" in page.replace("\u00a0", " ")
    assert browser(office, "karim").get("/a-faire").status_code == 303  # nobody of it comes in any more
    send(claire, f"{here}/reprendre", "e")
    assert "Opérateur, jusqu’au" not in claire.get("/organisations").text.replace("\u00a0", " ")


def test_a_revoked_link_is_said_and_its_poster_is_gone(office: Office) -> None:
    claire, here = browser(office, "claire"), f"/organisations/{office.giver_id}"
    send(claire, f"{here}/revoquer")

    assert "Sans lien" in claire.get("/organisations").text
    assert claire.get(f"{here}/affiche").status_code == 404
    send(claire, f"{here}/renouveler", "b")
    assert claire.get(f"{here}/affiche").status_code == 200


def test_what_another_territory_means_is_shown_before_it_is_so(office: Office) -> None:
    case_id, claire = make_case(office, CaseState.TO_CONTACT), browser(office, "claire")
    day = office.clock.at.date().isoformat()

    wrong = send(claire, "/reglages/territoire/verifier", enter="Nullepart", leave="", from_on=day)
    assert wrong.status_code == 422
    assert "commune inconnue" in wrong.text
    shown = send(claire, "/reglages/territoire/verifier", enter="Guilers", leave="Brest", from_on=day).text
    assert f"/situations/{case_id}" in shown
    with office.runtime.database.read() as unit:
        assert set(unit.session.scalars(select(Territory.commune_code))) == {"29019"}

    send(claire, "/reglages/territoire", "b", enter="29069", leave="", from_on=day)
    send(claire, "/reglages/territoire", "c", enter="", leave="29019", from_on="2099-01-05")

    page = claire.get("/reglages/territoire").text.replace("\u00a0", " ")
    assert "Brest, Guilers" in page
    assert "Brest sort le lundi 5 janvier 2099" in page


def test_an_association_under_a_subsidy_opens_its_letters_and_no_other_operator_does(office: Office) -> None:
    make_case(office)
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.operator_id).contract = "subsidy"
    karim = browser(office, "karim")

    assert "/courriers" in karim.get("/situations").text
    assert karim.get("/courriers").status_code == 200
    assert "Le Goff" not in karim.get("/courriers").text  # waits for triage: the coordination’s
    assert browser(office, "nadia").get("/courriers").status_code == 403

"""A button that is pressed twice writes once, and says the same twice: the forms that are used most."""

import re
from typing import Final

import pytest
from sqlalchemy import func, select

from models.cases import Note, Permission
from models.engine import Event
from models.vocabulary import CaseState
from tests.factories import Office, drain, make_case
from tests.services.web.browser import browser, send

S: Final = CaseState
FORMS: Final[tuple[tuple[CaseState, str, dict[str, str]], ...]] = (
    (S.TRIAGE, "accepter", {}),
    (S.TRIAGE, "refuser", {"reason": "out_of_territory"}),
    (S.TRIAGE, "derogation", {"reason": "Un loyer très lourd."}),
    (S.TO_CONTACT, "appel", {"result": "no_answer"}),
    (S.TO_CONTACT, "numero", {"phone": "06 39 98 77 77"}),
    (S.TO_CONTACT, "courriel", {"email": "lucette@example.org"}),
    (S.TO_CONTACT, "danger", {"danger": "gas"}),
    (S.TO_CONTACT, "suspendre", {"reason": "hospital", "until": "2025-12-01"}),
    (S.TO_CONTACT, "transmettre", {"to_name": "Slime voisin", "agreement": "yes"}),
    (S.TO_CONTACT, "retrait", {"said_by": "Elle-même"}),
    (S.TO_CONTACT, "reclamation", {"said_by": "Sa fille", "text": "Personne ne rappelle."}),
    (S.TO_CONTACT, "coupure", {"energy": "gas", "cut_on": "2025-12-20"}),
    (S.TO_CONTACT, "accords", {"kind": "photos", "mode": "oral"}),
    (S.TO_CONTACT, "notes", {"text": "Elle préfère le matin."}),
    (S.QUALIFIED, "visite", {"starts_at": "2025-11-04", "hour": "10:00", "minutes": "60"}),
    (S.VISIT_PLANNED, "visite/deplacer", {"starts_at": "2025-11-04", "hour": "10:00", "minutes": "60"}),
    (S.VISIT_PLANNED, "visite/perdue", {"state": "cancelled_by_household"}),
    (S.VISITED, "prets", {"item": "Wattmètre", "due_on": "2025-12-01"}),
    (S.VISITED, "contact", {"contact_by": "email"}),
    (S.REPORT_DELIVERED, "passer-au-suivi", {}),
    (S.REPORT_DELIVERED, "cloturer", {"outcome": "solved"}),
)
"""Where a case is, the act, what is typed."""


def written(office: Office) -> tuple[int, ...]:
    drain(office)
    with office.runtime.database.read() as unit:
        rows = (unit.session.scalar(select(func.count()).select_from(each)) for each in (Event, Note, Permission))
        return tuple(row or 0 for row in rows)


@pytest.mark.parametrize(("state", "path", "typed"), FORMS, ids=[path for _, path, _ in FORMS])
def test_a_form_that_is_sent_twice_writes_once(
    office: Office, state: CaseState, path: str, typed: dict[str, str]
) -> None:
    case_id = make_case(office, state, email="lucie@example.org")
    client, case = browser(office, "claire"), f"/situations/{case_id}"
    page = client.get(case if path == "notes" else f"{case}/{path}").text
    form = page.partition(f'action="{case}/{path}"')[2].partition("</form>")[0]
    once = re.findall(r'name="once" value="([^"]+)"', form)
    given = {"operator_id": str(office.operator_id)} if path == "accepter" else typed
    before = written(office)
    first = send(client, f"{case}/{path}", once[0], **given)
    after = written(office)
    second = send(client, f"{case}/{path}", once[0], **given)

    assert (first.status_code, second.status_code) == (303, 303), first.text
    assert first.headers["location"] == second.headers["location"]
    assert before < after == written(office)

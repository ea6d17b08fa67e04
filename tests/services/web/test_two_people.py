"""Two people on one case: who writes on older news is told what happened, and loses nothing of what he wrote."""

import re

from models.vocabulary import CallResult, CaseState
from services.cases import calls
from services.forms import CallForm
from services.rules.casework import Hand
from tests.factories import Office, act, make_case, state_of
from tests.services.web.browser import browser, send


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_form_filled_on_older_news_is_kept_and_says_what_happened(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client, address = browser(office, "claire"), f"/situations/{case_id}/suspendre"
    typed = {"reason": "hospital", "until": "2025-11-03", "note": "Sa fille appelle."}
    seen = seen_on(client.get(address).text)
    act(
        office, lambda unit: calls.record_call(unit, Hand(office.karim), case_id, CallForm(result=CallResult.NO_ANSWER))
    )

    unread = send(client, address, once="d’abord", **typed | {"until": "", "seen": seen})
    assert (unread.status_code, seen_on(unread.text)) == (422, seen)
    late = send(client, address, seen=seen, **typed)

    told = late.text.replace("\N{NO-BREAK SPACE}", " ")
    assert late.status_code == 409
    assert "La situation a changé pendant que vous écriviez" in told
    assert "(Karim" in told
    assert "Sa fille appelle." in told
    assert state_of(office, case_id) == CaseState.CONTACTING
    again = send(client, address, once="encore", seen=seen_on(late.text), **typed)
    assert again.status_code == 303
    assert state_of(office, case_id) == CaseState.SUSPENDED


def test_what_one_did_oneself_or_the_engine_did_is_no_news(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    client = browser(office, "karim")
    seen = seen_on(client.get(f"/situations/{case_id}").text)
    call = f"/situations/{case_id}/appel"

    first = send(client, call, result="no_answer", seen=seen)
    second = send(client, call, once="deux", result="no_answer", seen=seen)

    assert [first.status_code, second.status_code] == [303, 303]

"""Through the API: secret links are the coordination's, and a message that waits may be sent at once."""

from tests.services.web.api.office import Office


def links(office: Office) -> dict[str, str]:
    return {each["organisation_id"]: each["url"] for each in office.get("Ada", "/alert-links").json()["items"]}


def test_a_renewed_link_is_read_in_the_list_and_never_kept_with_the_answer(office: Office) -> None:
    ((giver, old),) = links(office).items()

    answer = office.post("Ada", f"/organisations/{giver}/renew-link", key="once")
    again = office.post("Ada", f"/organisations/{giver}/renew-link", key="once")

    ((_, new),) = links(office).items()
    assert old != new
    assert answer.json() == again.json()
    assert "url" not in answer.json()


def test_an_operator_learns_no_secret_link(office: Office) -> None:
    (giver,) = links(office)

    assert office.get("Bo", "/alert-links").status_code == 403
    assert office.post("Bo", f"/organisations/{giver}/renew-link").status_code == 403


def test_a_mail_that_waits_for_the_morning_is_sent_at_once(office: Office) -> None:
    office.later(hours=12)
    path = office.open_case()
    waiting = [each for each in office.get("Bo", path).json()["messages"] if each["party"] == "operator"]

    answers = [office.post("Bo", f"{path}/messages/{waiting[0]['id']}/send-now") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]

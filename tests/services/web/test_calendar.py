"""The calendar: each says his own days, the coordination everybody's; what follows is said in words."""

from sqlalchemy import select

from models.programmes import Absence, Closure, Duty, OrganisationClosure
from models.vocabulary import CaseState
from services.foundation.database import UnitOfWork
from tests.factories import Office, make_case
from tests.services.web.browser import browser, send

HERE = "/calendrier"


def text_of(office: Office, who: str) -> str:
    return browser(office, who).get(HERE).text.replace("\N{NO-BREAK SPACE}", " ")


def test_an_officer_says_his_own_days_and_reads_what_follows(office: Office) -> None:
    karim = browser(office, "karim")
    assert "Les rappels partent dès aujourd’hui." in text_of(office, "karim")
    assert "Prévoir une astreinte" not in text_of(office, "karim")

    send(karim, f"{HERE}/jours", person_id=str(office.karim.id), weekdays=["1", "3"])
    backwards = send(karim, f"{HERE}/absence", "b", first_on="2025-10-10", last_on="2025-10-06")
    done = send(karim, f"{HERE}/absence", "c", first_on="2025-10-06", last_on="2025-10-08")

    assert (backwards.status_code, "La fin vient avant le début." in backwards.text) == (422, True)
    assert done.headers["location"] == f"{HERE}?fait=absence"
    page = text_of(office, "karim")
    assert "Travaille le mardi et le jeudi" in page
    assert "Absence jusqu’au mercredi 8 octobre, sans remplaçant" in page
    assert "Les prochains rappels partiront jeudi 9 octobre à 8 h." in page
    with office.runtime.database.read() as unit:
        absence = _only(unit, Absence)
    send(karim, f"{HERE}/absences/{absence}/annuler", "d")
    assert "Absence jusqu’au" not in text_of(office, "karim")


def test_an_absence_over_a_visit_is_asked_about_beside_its_box(office: Office) -> None:
    karim, away = browser(office, "karim"), {"first_on": "2025-10-06", "last_on": "2025-12-31"}
    assert "Quelqu’un d’autre les fera" not in karim.get(f"{HERE}/absence").text
    make_case(office, CaseState.VISIT_PLANNED)

    asked = send(karim, f"{HERE}/absence", "a", **away)
    done = send(karim, f"{HERE}/absence", "b", **away, visits_given_up="yes")

    assert (asked.status_code, "quelqu’un d’autre les fera-t-il" in asked.text) == (422, True)
    assert 'name="visits_given_up"' in asked.text
    assert done.headers["location"] == f"{HERE}?fait=absence"


def test_the_coordination_keeps_everybodys_calendar(office: Office) -> None:
    claire = browser(office, "claire")

    send(claire, f"{HERE}/absence", "a", person_id=str(office.karim.id), first_on="2025-10-07", last_on="2025-10-07")
    night = {"from_at": "2025-10-06", "from_hour": "08:00", "to_at": "2025-10-07", "to_hour": "08:00"}
    send(claire, f"{HERE}/astreinte", "b", person_id=str(office.claire.id), **night)
    send(claire, f"{HERE}/jours-fermes", "c", first_on="2025-11-10", last_on="2025-11-10", label="Pont")
    span = {"first_on": "2025-10-06", "last_on": "2025-10-10"}
    send(claire, f"{HERE}/fermeture", "d", organisation_id=str(office.adil_id), **span)

    page = text_of(office, "claire")
    assert "de lundi 6 octobre à 8 h à mardi 7 octobre à 8 h" in page
    for words in ("le mardi 7 octobre", "En ce moment", "le lundi 10 novembre", "ADIL du Finistère"):
        assert words in page
    with office.runtime.database.read() as unit:
        rows = {kind: _only(unit, model) for kind, model in _KINDS}
    for kind, row in rows.items():
        assert send(claire, f"{HERE}/{kind}/{row}/annuler").status_code == 303
    gone = text_of(office, "claire")
    assert "En ce moment" not in gone
    assert "Aucune fermeture prévue." in gone


_KINDS = (("absences", Absence), ("astreintes", Duty), ("fermetures", Closure))


def _only(unit: UnitOfWork, model: type[Absence] | type[Duty] | type[Closure]) -> object:
    return unit.session.scalars(select(model.id)).one()


def test_ponts_are_proposed_and_closed_by_one_press(office: Office) -> None:
    assert "lundi 10 novembre" in text_of(office, "claire")
    assert "lundi 10 novembre" not in text_of(office, "karim")

    send(browser(office, "claire"), f"{HERE}/jours-fermes", first_on="2025-11-10", last_on="2025-11-10", label="Pont")

    assert "Pont" in text_of(office, "karim")


def test_an_officer_closes_nothing_and_speaks_for_nobody(office: Office) -> None:
    karim = browser(office, "karim")
    span = {"first_on": "2025-10-06", "last_on": "2025-10-10"}

    answers = [
        karim.get(f"{HERE}/astreinte"),
        karim.get(f"{HERE}/jours-fermes"),
        send(karim, f"{HERE}/fermeture", "a", organisation_id=str(office.adil_id), **span),
        send(karim, f"{HERE}/jours-fermes", "b", label="Vacances", **span),
        send(karim, f"{HERE}/absence", "c", person_id=str(office.claire.id), **span),
        karim.get(f"{HERE}/jours?person_id={office.nadia.id}"),
        karim.get(f"{HERE}/nulle-part"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 404, 404, 404]
    with office.runtime.database.read() as unit:
        assert unit.session.scalars(select(OrganisationClosure)).all() == []

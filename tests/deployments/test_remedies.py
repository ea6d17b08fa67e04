"""`relais events` and `relais messages` say what is set aside and put it right, with a reason."""

import pytest
from sqlalchemy import update

from deployments import cli, remedies
from models.engine import Work
from models.vocabulary import WorkState
from services.cases import alerts
from services.foundation.errors import InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.rules import work
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests.factories import alert_form, make_office


def park(runtime: Runtime) -> int:
    office = make_office(runtime)
    giver = Actor("form", office.giver_id, programme_id=office.programme_id, organisation_id=office.giver_id)
    with runtime.database.write("test") as unit:
        alerts.submit(unit, Hand(giver), alert_form())
        unit.session.execute(update(Work).values(state=WorkState.PARKED.value, attempts=12, error="KeyError x:1"))
        return work.parked(unit)[0].id


def test_events_set_aside_are_listed_and_tried_again(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    event = park(runtime)
    remedies.show_events(runtime)
    remedies.try_again(runtime, event, "Version corrigée.", programme=None)
    remedies.show_events(runtime)

    listed, then = capsys.readouterr().out.splitlines()
    assert listed.split("\t")[0] == str(event)
    assert "Le Goff" not in listed
    assert then == "Aucun événement n’est mis de côté."


def test_nothing_in_trouble_is_said_in_a_sentence(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    make_office(runtime)
    remedies.show_messages(runtime)

    assert capsys.readouterr().out == "Aucun message n’est refusé ni à vérifier.\n"


def test_what_does_not_exist_is_not_put_right(runtime: Runtime) -> None:
    make_office(runtime)

    with pytest.raises(NotFound):
        remedies.try_again(runtime, 7, "Essai.", programme=None)
    with pytest.raises(InvalidInput):
        remedies.send_again(runtime, "sept", "Essai.", programme=None)


def test_a_command_about_what_does_not_exist_speaks_of_no_page(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    make_office(runtime)

    assert cli.guarded(lambda: remedies.try_again(runtime, 7, "Essai.", programme=None)) == 1
    assert capsys.readouterr().err == "Rien ne porte cet identifiant ici.\n"

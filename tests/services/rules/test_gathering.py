"""One mail of several texts, for each kind of reader."""

from dataclasses import replace

import pytest

from models.engine import Message
from models.programmes import Membership, Person
from models.vocabulary import Party, Role
from services.rules.rendering import render_message
from services.rules.texts.catalogue import Rendered
from services.rules.texts.gathering import gathered
from tests.services.rules.situations import PROGRAMME, Office
from tests.services.rules.test_texts import CONTEXT

NEWS = Rendered("Visite faite – situation 2026-00042", "Bonjour,\n\nLa visite est faite.\n")


@pytest.mark.parametrize(
    ("reader", "subject", "end"),
    [
        (Party.ALERT_GIVER, "2 nouvelles de vos demandes de visite", "Une question, une information à ajouter ?"),
        (Party.PARTNER, "2 demandes ont pris fin", "Transférez ce message à la bonne personne de votre structure"),
        (Party.OPERATOR, "2 tâches vous attendent", "Transférez ce message, ou appelez"),
    ],
)
def test_a_mail_of_several_texts_speaks_to_its_reader(reader: Party, subject: str, end: str) -> None:
    mail = gathered([NEWS, NEWS], replace(CONTEXT, to_signer=None), reader=reader)

    assert mail.subject.replace("\N{NO-BREAK SPACE}", " ") == subject
    assert end in mail.body.replace("\N{NO-BREAK SPACE}", " ")


def test_whoever_signs_the_mails_of_the_team_is_not_told_to_call_herself(office: Office) -> None:
    with office.database.write("test") as unit:
        zoe = Person(name="Zoé", email="zoe@relais.test")
        unit.session.add(zoe)
        unit.session.flush()
        unit.session.add(Membership(person_id=zoe.id, programme_id=PROGRAMME, role=Role.COORDINATOR.value))
    case_id = office.triaged()
    with office.database.read() as unit:
        mails = [unit.session.get_one(Message, mail.id) for mail in office.sent(case_id, "new_alert")]
        said = {mail.address: render_message(unit, mail).body for mail in mails}

    assert "appelez Ada" in said["zoe@relais.test"]
    assert "appelez" not in said["ada@relais.test"]

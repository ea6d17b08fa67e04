"""One mail of several texts, for each kind of reader."""

import pytest

from models.vocabulary import Party
from services.rules.texts.catalogue import Rendered
from services.rules.texts.gathering import gathered
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
    mail = gathered([NEWS, NEWS], CONTEXT, reader=reader)

    assert mail.subject.replace("\N{NO-BREAK SPACE}", " ") == subject
    assert end in mail.body.replace("\N{NO-BREAK SPACE}", " ")

"""A programme that may be sent files: it works in Brest, not in Plouzané; the FSL gives alerts, Bo coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

import xlsxwriter
from sqlalchemy import select

from deployments.publishing import publish_default
from models.cases import Case
from models.engine import Event, Message, Work
from models.programmes import Commune, Membership, Organisation, Person, Territory
from services.foundation.database import Database
from services.rules import effects
from tests.programmes import a_programme

HEADER: Final = (
    "Nom",
    "Prénom",
    "Téléphone",
    "Adresse",
    "Code postal",
    "Commune",
    "Statut d’occupation",
    "Motif",
    "Accord",
)
MARTIN: Final = (
    "Martin",
    "Léa",
    "06 39 98 00 01",
    "3 rue de Siam",
    "29200",
    "Brest",
    "Locataire du parc privé",
    "Froid",
    "oui",
)
KADRI: Final = ("Kadri", "Ali", "06 39 98 00 02", "8 rue Pasteur", "29200", "Brest", "HLM", "Impayés d’énergie", "oui")
DUBOIS: Final = (
    "Dubois",
    "Ana",
    "06 39 98 00 03",
    "5 rue Jean Jaurès",
    "29200",
    "Brest",
    "Propriétaire",
    "Humidité",
    "oui",
)


@dataclass(frozen=True)
class Found:
    """What the database holds after an import."""

    cases: list[str]
    events: int
    messages: dict[tuple[str, str], tuple[str, str | None]]


def make_office(database: Database) -> UUID:
    """The programme, with its default pathway. Returns its id."""
    pathway = publish_default(database)
    with database.write("test") as unit:
        programme = a_programme(pathway)
        bo = Person(email="bo@relais.test", name="Bo")
        unit.session.add_all(
            [
                Commune(code="29019", name="Brest", search_key="brest", postcodes=["29200"], department="29"),
                Commune(code="29212", name="Plouzané", search_key="plouzane", postcodes=["29280"], department="29"),
                programme,
                bo,
            ]
        )
        unit.session.flush()
        unit.session.add(Territory(programme_id=programme.id, commune_code="29019", from_on=date(2025, 1, 1)))
        unit.session.add(
            Organisation(
                programme_id=programme.id, slug="fsl", kind="alert_giver", name="FSL", email="ada@fsl.example.org"
            )
        )
        unit.session.add(Membership(person_id=bo.id, programme_id=programme.id, role="coordinator"))
        return programme.id


def write_csv(
    path: Path, *rows: Sequence[str], header: Sequence[str] = HEADER, separator: str = ";", encoding: str = "utf-8-sig"
) -> Path:
    """A file as an FSL sends it."""
    text = "\r\n".join(separator.join(row) for row in (header, *rows)) + "\r\n"
    path.write_bytes(text.encode(encoding))
    return path


def write_xlsx(path: Path, *rows: Sequence[object], header: Sequence[str] = HEADER) -> Path:
    """The same as a workbook, numbers as numbers."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((header, *rows)):
            sheet.write_row(number, 0, row)
    return path


def handle_all(database: Database) -> None:
    """What the engine does of the submitted alerts: their effects."""
    with database.write("test") as unit:
        effects.apply(unit, unit.session.scalars(select(Event).where(Event.type == "alert.submitted")).all())


def look(database: Database) -> Found:
    """What is there."""
    with database.read() as unit:
        cases = unit.session.scalars(select(Case).order_by(Case.number)).all()
        assert len(unit.session.scalars(select(Work)).all()) == len(unit.session.scalars(select(Event)).all())
        return Found(
            cases=[case.household.surname for case in cases],
            events=len(unit.session.scalars(select(Event)).all()),
            messages={(m.text, m.channel): (m.state, m.error) for m in unit.session.scalars(select(Message))},
        )

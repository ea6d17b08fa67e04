"""The spreadsheet of a coordinator in Brest: one operator, two partners, a row for each position of a case."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import select

from models.cases import Case, Note
from models.engine import Event, Message, Obligation, Task, Work
from models.programmes import Organisation, Service
from models.vocabulary import MessageState, TaskState, Theme
from services.foundation.database import Database
from services.imports.cases import CaseOrder, CaseOutcome, run
from tests import ledger
from tests.services.imports.office import make_office, write_csv

HEADER: Final = (
    "Référence interne",
    "Nom",
    "Prénom",
    "Téléphone",
    "Adresse",
    "Code postal",
    "Commune",
    "Statut d’occupation",
    "Étape",
    "Opérateur",
    "Date de demande",
    "Date d’appel",
    "Date de visite",
    "Date de rapport",
    "Partenaire",
    "Type de solution",
    "Date d’envoi",
    "Prochaine date",
    "Note",
)
ASKED: Final = {"Étape": "Nouvelle demande", "Date de demande": "29/09/2025"}
TO_CALL: Final = ASKED | {"Étape": "À rappeler", "Date d’appel": "01/10/2025"}
TO_PLAN: Final = TO_CALL | {"Étape": "Visite à fixer"}
PLANNED: Final = TO_CALL | {"Étape": "RDV pris", "Date de visite": "21/10/2025 14h30"}
VISITED: Final = TO_CALL | {"Étape": "Rapport à rendre", "Date de visite": "02/10/2025"}
REPORTED: Final = VISITED | {"Étape": "À orienter", "Date de rapport": "03/10/2025"}
REFERRED: Final = REPORTED | {"Étape": "En attente ADIL", "Date d’envoi": "03/10/2025"}
FOLLOWED: Final = VISITED | {"Étape": "En suivi"}
TAKEN: Final = REPORTED | {"Étape": "En suivi", "Partenaire": "ADIL", "Date d’envoi": "03/10/2025"}
POSITIONS: Final = (ASKED, TO_CALL, TO_PLAN, PLANNED, VISITED, REPORTED, REFERRED, FOLLOWED, TAKEN)


def make_desk(database: Database) -> UUID:
    """The programme of the alerts, with an operator and two partners. Returns its id."""
    programme_id = make_office(database)
    with database.write("test") as unit:
        for slug, kind, name, themes in (
            ("energence", "operator", "Ener’gence", []),
            ("adil", "partner", "ADIL du Finistère", [Theme.LANDLORD_MEDIATION]),
            ("soliha", "partner", "SOLIHA Bretagne", [Theme.MAJOR_WORKS, Theme.SINGLE_WORKS]),
        ):
            unit.session.add(
                Organisation(
                    programme_id=programme_id,
                    slug=slug,
                    kind=kind,
                    name=name,
                    email=f"{slug}@relais.test",
                    services=[Service(name=name, themes=[theme.value for theme in themes])] if themes else [],
                )
            )
    return programme_id


def row(number: int, told: Mapping[str, str]) -> tuple[str, ...]:
    """A household of its own, where `told` says that it stands."""
    usual = {
        "Référence interne": f"B-{number}",
        "Nom": SURNAMES[number % len(SURNAMES)],
        "Prénom": FIRST_NAMES[number % len(FIRST_NAMES)],
        "Téléphone": f"06 39 98 {number // 100:02d} {number % 100:02d}",
        "Adresse": f"{number + 1} rue {_street(number)}",
        "Code postal": "29200",
        "Commune": "Brest",
        "Statut d’occupation": "Locataire du parc privé",
        **told,
    }
    return tuple(usual.get(title, "") for title in HEADER)


SURNAMES: Final = (
    "Kervran", "Dubois", "Moal", "Petiton", "Jaouen", "Garrec", "Hascoet", "Bihan", "Corvellec", "Ferelloc",
    "Queinnec", "Tanguy", "Uguen", "Vourch", "Yvinec", "Zeller", "Salaun", "Omnes", "Nedelec", "Lagadec",
)  # fmt: skip
FIRST_NAMES: Final = ("Léa", "Morgane", "Yves", "Gwenaëlle", "Brieuc", "Soizic", "Corentin")


def _street(number: int) -> str:
    """A street that nobody else of the file lives in."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def write_cases(path: Path, *rows: tuple[str, ...]) -> Path:
    """Her file."""
    return write_csv(path, *rows, header=HEADER)


def take(database: Database, path: Path, *told: Mapping[str, str]) -> CaseOutcome:
    """Write a file of these rows and take it in."""
    return run(
        database, CaseOrder(write_cases(path / "b.csv", *(row(i, each) for i, each in enumerate(told))), commit=True)
    )


@dataclass(frozen=True)
class Standing:
    """Where a case stands: its state, what is next by whom and when (UTC), what happened."""

    state: str
    next: dict[str, tuple[str, str]]
    events: list[str]
    notes: list[str]


def stand(database: Database) -> list[Standing]:
    """Every case, by number."""
    with database.read() as unit:
        cases = unit.session.scalars(select(Case).order_by(Case.household_id)).all()
        return [
            Standing(
                case.state,
                {
                    task.kind: (task.party, f"{task.due_at:%Y-%m-%d %H:%M}")
                    for task in unit.session.scalars(
                        select(Task).where(Task.case_id == case.id, Task.state == TaskState.OPEN)
                    )
                },
                list(unit.session.scalars(select(Event.type).where(Event.case_id == case.id).order_by(Event.seq))),
                list(unit.session.scalars(select(Note.text).where(Note.case_id == case.id).order_by(Note.id))),
            )
            for case in cases
        ]


def faults(database: Database) -> list[str]:
    """What is broken: an invariant, a message that would leave, a clock or a task already late, work left over."""
    with database.read() as unit:
        found = ledger.problems(unit, drained=True)
        found += [
            f"{m.text} {m.channel} {m.state}"
            for m in unit.session.scalars(select(Message).where(Message.state != MessageState.CANCELLED))
        ]
        found += [
            f"late {t.kind}"
            for t in unit.session.scalars(select(Task).where(Task.due_at <= unit.now, Task.state == TaskState.OPEN))
        ]
        found += [
            f"due {o.ladder}" for o in unit.session.scalars(select(Obligation).where(Obligation.next_at <= unit.now))
        ]
        found += [f"work {w.type}" for w in unit.session.scalars(select(Work))]
        return found

"""Small equipment of a household: what was proposed, put in place, left, refused, taken away; and what it cost."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from models.cases import Case, KitItem
from models.events import KitRecorded
from models.vocabulary import Equipment, EquipmentState
from services.forms import KitForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.rules import casework
from services.rules.casework import Hand
from services.rules.policy import Right, case_for

IN_PLACE: Final = frozenset({EquipmentState.INSTALLED, EquipmentState.LEFT})
PAID_FOR: Final = IN_PLACE | {EquipmentState.REMOVED}
"""What was given to the household costs what it cost, even if it is taken away later."""


def record(unit: UnitOfWork, hand: Hand, case_id: UUID, form: KitForm) -> Case:
    """Write the kit down as it stands now; what stood before is kept as it was."""
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    casework.check_open(case)
    if len({line.item for line in form.items}) < len(form.items):
        raise InvalidInput("items", "Chaque équipement ne se note qu’une fois.")
    if not form.items and not of_case(unit, case):
        raise InvalidInput("items", "Aucun équipement n’est noté : dites au moins combien il y en a d’une sorte.")
    standing = (KitItem.case_id == case.id, KitItem.replaced_at.is_(None))
    replaced = update(KitItem).where(*standing).values(replaced_at=unit.now)
    unit.session.execute(replaced.execution_options(synchronize_session="fetch"))
    at = hand.occurred_at or unit.now
    noted = [KitItem(case_id=case.id, at=at, **line.model_dump(mode="json")) for line in form.items]
    unit.session.add_all(noted)
    unit.session.flush()
    pieces = sum(each.quantity for each in noted if each.state in IN_PLACE)
    casework.record(unit, case, KitRecorded(pieces=pieces, total_cents=total_cents(noted)), hand=hand)
    return case


def of_case(unit: UnitOfWork, case: Case) -> list[KitItem]:
    """The kit as it stands, in the order of the equipment."""
    query = select(KitItem).where(KitItem.case_id == case.id, KitItem.replaced_at.is_(None))
    order = list(Equipment)
    return sorted(unit.session.scalars(query), key=lambda each: order.index(Equipment(each.item)))


def total_cents(items: Iterable[KitItem]) -> int:
    """What the kit cost: what is or was in place, at the price that was given."""
    return sum(each.quantity * each.unit_price_cents for each in items if each.state in PAID_FOR)


def in_place(items: Iterable[KitItem]) -> Sequence[KitItem]:
    """What the household has."""
    return [each for each in items if each.state in IN_PLACE]

"""The exit scorecard of a case: which criteria are met when it is closed. A criterion that nobody knows is not met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models.cases import Case, ExitLine
from models.vocabulary import ExitCriterion, Known, Method
from services.foundation.database import UnitOfWork


@dataclass(frozen=True)
class Scorecard:
    """What is known of each criterion, and how."""

    lines: Sequence[ExitLine]

    @property
    def met(self) -> int:
        """How many are met."""
        return sum(line.met == Known.YES for line in self.lines)

    @property
    def of(self) -> int:
        """Of how many."""
        return len(self.lines)


def keep(unit: UnitOfWork, case: Case, said: Mapping[ExitCriterion, Known]) -> None:
    """Store a scorecard beside the case that is closed; nothing when nobody filled one."""
    for criterion in ExitCriterion if said else ():
        unit.session.add(
            ExitLine(
                case_id=case.id,
                criterion=criterion.value,
                met=said.get(criterion, Known.UNKNOWN).value,
                method=Method.GIVEN.value,
                at=unit.now,
            )
        )
    unit.session.flush()


def of_case(unit: UnitOfWork, case: Case) -> Scorecard | None:
    """The latest scorecard of a case; None when none was filled."""
    query = select(ExitLine).where(ExitLine.case_id == case.id).order_by(ExitLine.at, ExitLine.id)
    latest = {line.criterion: line for line in unit.session.scalars(query)}
    return Scorecard([latest[each] for each in ExitCriterion if each in latest]) if latest else None

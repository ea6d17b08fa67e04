"""Acts that come several times, late and in any order: once each is done, the case is where it would have been."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import select

from models.cases import Case
from models.engine import Event, Message, Task
from models.vocabulary import TaskState
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime
from tests.databases import MORNING
from tests.engine import drain
from tests.ledger import problems
from tests.services.web.api.office import ALERT, PHONED, Json, Office, make_office

PDF: Final = b"%PDF-1.7 rapport"
BEFORE_THE_VISIT: Final = ("accept", "reach", "plan")
AFTER_THE_VISIT: Final = ("hold", "document", "report", "refer", "agree", "complete")
AT_THE_END: Final = ("close",)
"""Within each of them an act is refused until the one before it is done."""
PARTS: Final = (BEFORE_THE_VISIT, AFTER_THE_VISIT, AT_THE_END)
NOBODY: Final = str(UUID(int=0))


@dataclass
class Household:
    """One case as its senders see it, each act under a key of its own; what an act made is known once it is done."""

    office: Office
    number: int
    made: dict[str, str] = field(default_factory=dict)

    def alert(self) -> int:
        """The alert itself, as often as wanted."""
        said = {**ALERT, "surname": f"Martin{self.number}", "street": f"{self.number} rue de Siam"}
        said["phone"] = f"06 39 98 {self.number // 100:02d} {self.number % 100:02d}"
        return self._send("alert", "Ada", "/alerts", said)

    def send(self, act: str) -> int:
        """Send one act of the path; the status of the answer."""
        case, made = f"/cases/{self.made['alert']}", self.made
        referral = f"{case}/referrals/{made.get('refer', NOBODY)}"
        asked = {
            "partner_id": str(self.office.ids["partner"]),
            "theme": "budget",
            "brief": "Impayés.",
            "permission": True,
        }
        who, path, said = {
            "accept": ("Ada", f"{case}/accept", {"operator_id": str(self.office.ids["operator"])}),
            "reach": ("Bo", f"{case}/calls", {"result": "reached"}),
            "plan": ("Bo", f"{case}/visits", {"starts_at": (MORNING + timedelta(hours=3)).isoformat()}),
            "hold": ("Bo", f"{case}/visits/current/hold", {}),
            "document": ("Bo", f"{case}/documents", None),
            "report": ("Bo", f"{case}/report", {"document_id": made.get("document", NOBODY), "summary": "Joints."}),
            "refer": ("Bo", f"{case}/referrals", asked),
            "agree": ("Bo", f"{referral}/accept", PHONED),
            "complete": ("Bo", f"{referral}/complete", {**PHONED, "outcome": "helped_fully"}),
            "close": ("Bo", f"{case}/close", {"outcome": "solved"}),
        }[act]
        return self._send(act, who, path, said)

    def _send(self, act: str, who: str, path: str, said: Json | None) -> int:
        given: dict[str, Any] = {} if said is not None else {"files": {"file": ("rapport.pdf", PDF)}}
        answer = self.office.post(who, path, said, key=f"{self.number}-{act}", **given)
        if answer.is_success:
            body = answer.json()
            self.made[act] = str(body["case_id"] if act == "alert" else body.get("made_id"))
        return answer.status_code

    def story(self) -> Json:
        """What became of it, without ids and instants; nor the tasks that an act had ended before they were opened."""
        with self.office.runtime.database.read() as unit:
            case = unit.session.get_one(Case, UUID(self.made["alert"]))
            own = {kind: kind.case_id == case.id for kind in (Event, Task, Message)}
            return {
                "case": (case.state, case.stage, case.last_seq),
                "events": Counter(unit.session.scalars(select(Event.type).where(own[Event]))),
                "asked": set(unit.session.scalars(select(Task.kind).where(own[Task], Task.state == TaskState.OPEN))),
                "messages": Counter(unit.session.scalars(select(Message.text).where(own[Message]))),
            }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_acts_repeated_and_out_of_order_lead_where_each_once_in_order_leads(
    runtime: Runtime, clock: SetClock, all_points: bool, chance: random.Random
) -> None:
    office = make_office(runtime)
    households = [Household(office, number) for number in range(1, 41 if all_points else 4)]
    first, *others = households
    for household in households:
        household.alert()
        drain(runtime.database)

    tried = []
    for at, acts in enumerate(PARTS):
        for household in households:
            if household is not first:
                tried.append(disturb(household, PARTS[: at + 1], chance))
            for act in acts:
                assert household.send(act) in {200, 201}, (act, tried)
                drain(runtime.database)
        clock.at += timedelta(hours=6)

    for household in others:
        assert household.story() == first.story(), tried
    with runtime.database.read() as unit:
        assert problems(unit, drained=True) == []


def disturb(household: Household, parts: Sequence[Sequence[str]], chance: random.Random) -> list[str]:
    """Send all so far one to five times in any order: each act is done, said to be done already, or refused."""
    order = [act for act in chain(["alert"], *parts) for _ in range(chance.randint(1, 5))]
    chance.shuffle(order)
    for act in order:
        status = household.alert() if act == "alert" else household.send(act)
        assert status in {200, 201, 404, 409, 422}, (act, status)
        if chance.random() < 0.5:
            drain(household.office.runtime.database)
    return order

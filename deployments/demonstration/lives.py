"""Fictional cases as dated steps: drawn once for all from their number, dated back from today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from deployments.play.story import Setting, Step, read_story
from models.vocabulary import BestTime, Danger, Motive, Tenure, Theme, Urgency
from services.foundation.calendar import WorkingCalendar


@dataclass(frozen=True)
class Life:
    """One case: the key of its first event, and what people did."""

    key: str
    steps: Sequence[Step]


class Act(NamedTuple):
    """What somebody did so many working days after the alert, at this local hour."""

    day: int
    at: str
    who: str
    do: str
    given: Mapping[str, Any] = MappingProxyType({})


class Kind(NamedTuple):
    """A course that cases take, and how many working days ago each began."""

    acts: Sequence[Act]
    ages: Sequence[int]


OFFICER: Final = "officer"
"""Stands for the case's visit officer until it is known."""

ACCEPTED: Final = (Act(2, "10:00", "claire", "accept_case"),)
REACHED: Final = (*ACCEPTED, Act(5, "10:20", OFFICER, "record_call", {"result": "reached"}))
PLANNED: Final = (*REACHED, Act(5, "10:30", OFFICER, "plan_visit", {"day": 14}))
VISITED: Final = (*PLANNED, Act(14, "16:10", OFFICER, "hold_visit"))
REPORT: Final = {
    "summary": "Logement peu isolé, réglage du chauffage à revoir. Petits équipements posés.",
    "to_alert_giver": True,
}
REPORTED: Final = (*VISITED, Act(21, "11:00", OFFICER, "deliver_report", REPORT))
BRIEF: Final = "Le ménage souhaite être rappelé le matin."
ADIL: Final = {"partner": "adil", "theme": Theme.LANDLORD_MEDIATION, "brief": BRIEF}
SOLIHA: Final = {"partner": "soliha", "theme": Theme.RENOVATION_ADVICE, "brief": BRIEF}
FSL: Final = {"partner": "fsl", "theme": Theme.FSL, "brief": BRIEF}
ASKED_ADIL: Final = (*REPORTED, Act(24, "15:00", OFFICER, "send_referral", ADIL))
ASKED_SOLIHA: Final = (*REPORTED, Act(23, "15:00", OFFICER, "send_referral", SOLIHA))
ASKED_FSL: Final = (*REPORTED, Act(24, "09:30", OFFICER, "send_referral", FSL))
TAKEN: Final = (*ASKED_SOLIHA, Act(30, "14:00", "soliha", "accept_referral", {"file_number": "SOL-2026-118"}))
CALLED: Final = Act(42, "10:00", OFFICER, "record_follow_up", {"result": "reached", "still_cold": False})
HELPED: Final = (*TAKEN, CALLED, Act(60, "11:00", "soliha", "complete_referral", {"outcome": "helped_fully"}))
MISSED: Final = (
    *ACCEPTED,
    Act(4, "10:00", OFFICER, "record_call", {"result": "no_answer"}),
    Act(6, "17:30", OFFICER, "record_call", {"result": "voicemail"}),
)
SOUGHT: Final = (*MISSED, Act(8, "12:30", OFFICER, "record_call", {"result": "no_answer"}))

KINDS: Final = (
    Kind((), (0, 0, 1, 2, 4, 6)),
    Kind((Act(2, "10:00", "claire", "reject_case", {"reason": "over_income"}),), (30, 55)),
    Kind(ACCEPTED, (3, 5, 7, 9)),
    Kind(MISSED, (7, 9)),
    Kind(SOUGHT, (12, 18)),
    Kind((*SOUGHT, Act(32, "10:00", OFFICER, "give_up")), (48,)),
    Kind((*ACCEPTED, Act(5, "10:00", OFFICER, "record_call", {"result": "wrong_number"})), (8, 14)),
    Kind((*ACCEPTED, Act(5, "10:00", OFFICER, "record_call", {"result": "refused"})), (25,)),
    Kind(PLANNED, (8, 10, 12, 13, 14, 17)),
    Kind((*PLANNED, Act(14, "14:40", OFFICER, "lose_visit", {"state": "household_absent"})), (16,)),
    Kind(VISITED, (15, 18, 20, 25)),
    Kind((*PLANNED, Act(14, "16:10", OFFICER, "hold_visit", {"danger": Danger.ELECTRICAL})), (14,)),
    Kind(REPORTED, (22, 26, 31)),
    Kind(ASKED_ADIL, (26, 31, 36)),
    Kind(ASKED_FSL, (29, 45)),
    Kind((*ASKED_SOLIHA, Act(28, "10:00", "soliha", "decline_referral", {"reason": "capacity"})), (29,)),
    Kind(
        (*ASKED_ADIL, Act(27, "10:00", "adil", "ask_question", {"note": "Le bail est-il meublé ou vide ?"})),
        (28,),
    ),
    Kind(TAKEN, (33, 35, 38)),
    Kind(HELPED, (62, 75, 130)),
    Kind(
        (*HELPED, Act(62, "10:00", "claire", "close_case", {"outcome": "solved"})),
        (95, 140),
    ),
)
COURSES: Final = [(kind.acts, age) for kind in KINDS for age in kind.ages]

SURNAMES: Final = (
    "Aubert", "Barbier", "Benali", "Bonnet", "Boyer", "Brun", "Carpentier", "Chevalier", "Colin", "Da Silva",
    "Dumont", "Faure", "Gauthier", "Gomez", "Guérin", "Hamidi", "Jacquet", "Kone", "Lacroix", "Leclerc", "Lopez",
    "Mallet", "Mercier", "Meunier", "Moulin", "N’Diaye", "Nguyen", "Olivier", "Perrin", "Poulain", "Renard", "Rivière",
    "Roger", "Royer", "Saïdi", "Simonet", "Tessier", "Traoré", "Vidal", "Weber",
)  # fmt: skip
FIRST_NAMES: Final = (
    ("Mme", "Amina"), ("Mme", "Brigitte"), ("Mme", "Chantal"), ("Mme", "Fatou"), ("Mme", "Julie"), ("Mme", "Maria"),
    ("Mme", "Monique"), ("Mme", "Sandrine"), ("M.", "Ahmed"), ("M.", "Daniel"), ("M.", "Gérard"), ("M.", "José"),
    ("M.", "Karim"), ("M.", "Lucien"), ("M.", "Patrick"), ("M.", "Yves"),
)  # fmt: skip
STREETS: Final = (
    "rue des Écoles", "rue du Moulin", "avenue de la Gare", "place de l’Église", "chemin des Vignes", "rue Victor-Hugo",
    "impasse du Lavoir", "rue de la Mairie", "montée du Calvaire", "allée des Tilleuls",
)  # fmt: skip
TENURES: Final = ((Tenure.PRIVATE_TENANT, 45), (Tenure.SOCIAL_TENANT, 25), (Tenure.OWNER, 28), (Tenure.HOSTED, 2))
"""Source: domain, distributions for a synthetic data set."""
GIVERS: Final = (("karim", 55), ("odile", 30), ("lenoir", 15))
OFFICERS: Final = {"energie-proche": ("thomas", "nadia"), "toit-solidaire": ("bruno",)}
MOTIVES: Final = (Motive.COLD, Motive.HIGH_BILL, Motive.ARREARS, Motive.DAMP, Motive.RESTRICTION, Motive.DEGRADED)


def told(file: Path, *, key: str) -> Life:
    """The life that a story tells."""
    return Life(key, read_story(file).steps)


def generated(number: int, setting: Setting, *, now: datetime, key: str) -> Life:
    """The case of this number, the same at every load but for its dates."""
    chance = Random(f"vald-orne:{number}")  # noqa: S311 - the same draw each time is what is wanted
    acts, age = COURSES[number % len(COURSES)]
    days = _Days(WorkingCalendar(setting.zone), now, age)
    operator = chance.choice(list(OFFICERS))
    officer = chance.choice(OFFICERS[operator])
    alert = Step(
        at=days.at(0, f"{chance.randint(8, 9):02}:{chance.randint(0, 59):02}"),
        who=_drawn(chance, GIVERS),
        do="report_alert",
        given=_household(number, chance, setting),
    )
    steps = [_step(act, days, operator, officer) for act in acts]
    return Life(key, [alert, *steps])


@dataclass(frozen=True)
class _Days:
    """Working days counted from the day of the alert, which lies `age` of them before today."""

    calendar: WorkingCalendar
    now: datetime
    age: int

    def at(self, day: int, hour: str) -> datetime:
        """That working day at this local hour."""
        found = self.calendar.previous_open(self.calendar.local_day(self.now))
        way = 1 if day > self.age else -1
        for _ in range(abs(self.age - day)):
            further = found + way * timedelta(days=1)
            found = self.calendar.next_open(further) if way > 0 else self.calendar.previous_open(further)
        return datetime.combine(found, time.fromisoformat(hour), tzinfo=self.calendar.zone)


def _step(act: Act, days: _Days, operator: str, officer: str) -> Step:
    given = dict(act.given)
    if act.do == "accept_case":
        given["operator"] = operator
    if act.do == "plan_visit":
        given = {"starts": days.at(given["day"], "14:00").strftime("%Y-%m-%d %H:%M"), "officer": officer}
    who = officer if act.who == OFFICER else act.who
    return Step(at=days.at(act.day, act.at), who=who, do=act.do, given=given)


def _household(number: int, chance: Random, setting: Setting) -> dict[str, Any]:
    civility, first_name = chance.choice(FIRST_NAMES)
    surname = SURNAMES[number % len(SURNAMES)]
    commune = chance.choice(setting.communes)
    urgency = Urgency.CUT_ANNOUNCED if number % 17 == 0 else Urgency.NONE
    return {
        "civility": civility,
        "first_name": first_name,
        "surname": surname,
        "phone": f"06 39 98 {50 + number // 100:02} {number % 100:02}",
        "street": f"{chance.randint(1, 60)} {chance.choice(STREETS)}",
        "postcode": commune.postcodes[0],
        "commune_code": commune.code,
        "tenure": _drawn(chance, TENURES),
        "motives": chance.sample(MOTIVES, chance.randint(1, 3)),
        "best_time": chance.choice(list(BestTime)),
        "people": chance.choices((1, 2, 3, 4), (38, 22, 15, 25))[0],
        "sms_agreed": chance.random() < 0.5,  # noqa: PLR2004 - half of them
        "urgency": urgency,
    }


def _drawn(chance: Random, weights: Sequence[tuple[Any, int]]) -> Any:
    values, shares = zip(*weights, strict=True)
    return chance.choices(values, shares)[0]

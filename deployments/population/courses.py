"""The courses that cases take: who does what after which delay, drawn from the figures; each a strand of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final
from uuid import UUID

from deployments.population import acts
from deployments.population.figures import Figures, drawn, figures, names
from deployments.population.life import Life
from deployments.population.office import Hand, Member, Operator, Partner, Row
from deployments.population.world import Strand
from models.lifecycles import UNANSWERED, UNDER_WAY
from models.vocabulary import (
    AFTER_REPORT,
    CallResult,
    CaseState,
    ClosureOutcome,
    Danger,
    DeclineReason,
    FailureReason,
    Loop,
    ReferralKind,
    ReferralOutcome,
    ReferralState,
    RejectionReason,
    Source,
    Urgency,
    VisitState,
)

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
VISIT_HOURS: Final = (time(9), time(9, 30), time(10, 30), time(14), time(15))
CALL_HOURS: Final = (time(10, 20), time(17, 5), time(12, 40))
"""Three calls at three times of the day, as giving up asks for."""
LAST_ANSWER: Final = timedelta(days=17)
"""Partners who answer do so before their request lapses."""
EARLY_ENDS: Final = (ClosureOutcome.MOVED, ClosureOutcome.STOPPED_ANSWERING, ClosureOutcome.HANDLED_ELSEWHERE)


@dataclass
class Course:
    """One case and its people. `full` is told when a partner says until when he is full."""

    life: Life
    full: Callable[[tuple[UUID, str], date], None]
    next_number: Callable[[], str]

    def __post_init__(self) -> None:
        """Who will see to it is drawn at once."""
        office, chance = self.life.office, self.life.chance
        self.said: Figures = figures()
        self.coordinator: Member = chance.choice(office.coordinators)
        operators = [operator for operator in office.operators if operator.officers]
        self.operator: Operator = chance.choices(operators, [len(each.officers) for each in operators])[0]
        self.officer: Member = chance.choice(self.operator.officers)

    @property
    def chance(self) -> Random:
        """The case's own chance."""
        return self.life.chance

    def happens(self, share: float) -> bool:
        """Whether something of this probability does."""
        return self.chance.random() < share

    def within(self, least: float, most: float) -> datetime:
        """A working moment, so many days from now."""
        return self.life.after(DAY * self.chance.uniform(least, most))

    # -- Detection and visit

    def detection(self, *, is_new: bool) -> Strand:
        """Triage; then the visit, if the case is taken up."""
        life, funnel = self.life, self.said.funnel
        delay = max(self.said.delays.alert_to_visit.draw(self.chance), 3 * DAY)
        if life.case["urgency"] == Urgency.DANGER:
            life.begin(self.acknowledge())
        yield life.after(min(delay * self.chance.uniform(0.03, 0.10), 4 * DAY))
        hand = self.coordinator.hand
        if not is_new:
            inside = life.case["checks"]["in_territory"]
            acts.reject(life, hand, RejectionReason.DUPLICATE if inside else RejectionReason.OUT_OF_TERRITORY)
        elif not self.happens(funnel.eligible):
            acts.reject(life, hand, RejectionReason(drawn(self.chance, self.said.rejections)))
        else:
            acts.accept(life, hand, self.operator.id)
            yield from self.contact(life.case["opened_at"] + delay)

    def acknowledge(self) -> Strand:
        """Somebody takes a danger in hand."""
        yield self.life.after(HOUR * self.chance.uniform(0.2, 5))
        if self.life.open_task("acknowledge_danger") is not None:
            acts.acknowledge_danger(self.life, self.coordinator.hand)

    def contact(self, visit_at: datetime) -> Strand:
        """Calls, until somebody answers or it is enough."""
        life, hand = self.life, self.officer.hand
        yield life.after(min(max((visit_at - life.now) * self.chance.uniform(0.10, 0.25), HOUR), 7 * DAY))
        if self.happens(self.said.wrong_number):
            acts.call(life, hand, CallResult.WRONG_NUMBER)
            yield self.within(2, 16)
            acts.correct_number(life, self._giver(), self.next_number())
            yield self.within(0.2, 3)
        reached = self.happens(self.said.funnel.contacted)
        missed = self.chance.choices((0, 1, 2), (62, 26, 12))[0] if reached else 3
        for hour in CALL_HOURS[:missed]:
            yield self.at_hour(hour)
            acts.call(life, hand, self.chance.choice((CallResult.NO_ANSWER, CallResult.VOICEMAIL)))
            yield self.within(1, 3)
        if not reached:
            yield self.within(29, 36)
            acts.give_up(life, hand)
        elif not self.happens(self.said.funnel.agrees):
            acts.call(life, hand, CallResult.REFUSED)
        else:
            acts.call(life, hand, CallResult.REACHED)
            self._remark(hand)
            yield from self.appointments(visit_at)

    def _giver(self) -> Hand:
        """Who gives the right number: the alert giver through his link, else the coordination."""
        task = self.life.open_task("correct_number")
        return Hand(f"link:{task['id']}", source=Source.LINK) if task else self.coordinator.hand

    def at_hour(self, hour: time) -> datetime:
        """The next time that the clock says so on an open day."""
        calendar = self.life.office.calendar
        day = calendar.next_open(calendar.local_day(self.life.now))
        shift = timedelta(minutes=self.chance.randint(-9, 9))
        found = datetime.combine(day, hour, tzinfo=calendar.zone) + shift
        if found <= self.life.now:
            found = datetime.combine(calendar.next_open(day + DAY), hour, tzinfo=calendar.zone) + shift
        return found

    def appointments(self, visit_at: datetime) -> Strand:
        """The visit, planned again when it was lost."""
        said, life = self.said, self.life
        comes = self.happens(said.funnel.visited)
        losses = 0 if comes else 1
        while losses < 2 and self.happens(said.no_show + said.cancelled):  # noqa: PLR2004 - a third is not planned
            losses += 1
        ahead = max(visit_at - life.now, 2 * DAY)
        for number in range(1, losses + 1):
            yield life.now + 5 * MINUTE
            yield from self.lost_visit(life.now + ahead * number / (losses + 1))
            yield self.within(0.5, 2)
            last = number == losses and not comes
            acts.call(life, self.officer.hand, CallResult.REFUSED if last else CallResult.REACHED)
        if comes:
            yield life.now + 5 * MINUTE
            yield from self.visit(max(visit_at, life.now + DAY))

    def plan_visit(self, wanted: datetime) -> datetime:
        """A date at or after that instant is agreed; when it begins."""
        life, calendar = self.life, self.life.office.calendar
        earliest = max(wanted, life.now + 2 * HOUR)
        day = calendar.next_open(calendar.local_day(earliest))
        starts_at = datetime.combine(day, self.chance.choice(VISIT_HOURS), tzinfo=calendar.zone)
        if starts_at <= life.now:
            starts_at += 7 * DAY
        acts.plan_visit(life, self.officer.hand, starts_at, self.officer.id)
        return starts_at

    def lost_visit(self, wanted: datetime) -> Strand:
        """Called off before, or nobody at home."""
        starts_at = self.plan_visit(wanted)
        said = self.said
        if self.happens(said.no_show / (said.no_show + said.cancelled)):
            yield starts_at + 40 * MINUTE
            acts.lose_visit(self.life, self.officer.hand, VisitState.HOUSEHOLD_ABSENT)
        else:
            yield max(self.life.now + HOUR, starts_at - DAY * self.chance.uniform(0.3, 3))
            by_household = self.happens(0.7)
            state = VisitState.CANCELLED_BY_HOUSEHOLD if by_household else VisitState.CANCELLED_BY_SERVICE
            acts.lose_visit(self.life, self.officer.hand, state)

    # -- Diagnostic and orientation

    def visit(self, wanted: datetime) -> Strand:
        """The visit is held; the report follows."""
        life, hand, said = self.life, self.officer.hand, self.said
        yield self.plan_visit(wanted) + MINUTE * self.chance.randint(100, 180)
        event = acts.hold_visit(life, hand)
        if self.happens(said.note_left):
            acts.note(life, hand, self.chance.choice(names().notes), event)
        if self.happens(said.danger_met):
            acts.tell_danger(life, hand, self.chance.choice((Danger.ELECTRICAL, Danger.GAS, Danger.STRUCTURE)))
            life.begin(self.acknowledge())
        if self.happens(said.lent):
            life.world.begin(self.loan())  # what is lent is asked for after the case ended, too
        yield life.after(said.delays.visit_to_report.draw(self.chance))
        if not self.happens(said.funnel.reported):
            yield self.within(5, 40)
            acts.close(life, self.coordinator.hand, self.chance.choice(EARLY_ENDS))
            return
        giver = life.rows["alert"][0]["giver_email"] is not None
        summary = self.chance.choice(names().summaries)
        acts.deliver_report(life, hand, summary, to_alert_giver=giver and self.happens(0.7))
        yield from self.orientation()

    def loan(self) -> Strand:
        """A device stays for some weeks."""
        calendar = self.life.office.calendar
        due_on = calendar.next_open(acts.today(self.life) + 30 * DAY)
        lent = acts.lend(self.life, self.officer.hand, self.chance.choice(names().loans), due_on)
        yield self.life.after(self.said.delays.loan.draw(self.chance))
        acts.give_back(self.life, self.officer.hand, lent)

    def orientation(self) -> Strand:
        """Partners are asked, or nothing more is needed; the follow-up begins by itself."""
        life, said = self.life, self.said
        life.when_followed = self.follow_up
        if self.happens(said.funnel.visit_2):
            life.begin(self.second_visit())
        yield life.after(said.delays.report_to_orientation.draw(self.chance))
        if not self.happens(said.funnel.oriented):
            acts.drop_need(life, self.officer.hand)
            return
        themes = dict(said.themes)
        for number in range(drawn(self.chance, said.referrals)):
            if number:
                yield self.within(0.02, 4)
            theme = drawn(self.chance, themes)
            del themes[theme]
            life.begin(self.request(theme))

    def second_visit(self) -> Strand:
        """Somebody comes back: what was fitted is still there, habits are looked at again."""
        life = self.life
        held = life.rows["visit"][-1]["starts_at"]
        wanted = held + self.said.delays.visit_to_visit_2.draw(self.chance)
        yield life.after(max(wanted - life.now - 14 * DAY, DAY))
        if life.state not in AFTER_REPORT:  # pragma: no cover - a case in progress only
            return
        yield self.plan_visit(max(wanted, life.now + DAY)) + MINUTE * self.chance.randint(80, 150)
        acts.hold_visit(life, self.officer.hand)

    def request(self, theme: str, replaces: Row | None = None) -> Strand:
        """One partner is asked; what becomes of it."""
        life, said = self.life, self.said
        partner = self._partner(theme, replaces)
        hand = self.officer.hand if replaces is None else self.coordinator.hand
        referral = acts.send(life, hand, partner, theme, self.chance.choice(names().briefs), replaces=replaces)
        yield life.after(min(said.delays.partner_answer.draw(self.chance), LAST_ANSWER))
        if referral["kind"] == ReferralKind.MAIL and self.happens(said.question):
            acts.ask(life, self.partner_hand(referral), referral, self.chance.choice(names().questions))
            yield self.within(0.5, 3)
            acts.answer(life, self.officer.hand, referral, "Voici ce que nous savons : les papiers sont réunis.")
            yield self.within(1, 4)
        if referral["state"] not in UNANSWERED:
            yield from self.dead_end(referral, theme)
        elif self.happens(said.funnel.accepted):
            acts.take(life, self.partner_hand(referral), referral, f"{life.now:%Y}-{self.chance.randrange(10_000):04d}")
            yield from self.help(referral, theme)
        elif referral["kind"] == ReferralKind.MAIL and self.happens(said.silent):
            while referral["state"] in UNANSWERED:
                yield self.within(2, 5)
            yield from self.dead_end(referral, theme)
        else:
            reason = DeclineReason(drawn(self.chance, said.declines))
            until = acts.decline(life, self.partner_hand(referral), referral, reason)
            if until is not None:
                self.full((partner.id, theme), until)
            yield from self.dead_end(referral, theme)

    def _partner(self, theme: str, replaces: Row | None) -> Partner:
        partners = self.life.office.partners_for(theme)
        others = [each for each in partners if replaces is None or each.id != replaces["partner_id"]]
        return self.chance.choice(others or partners)

    def partner_hand(self, referral: Row) -> Hand:
        """The partner through the link of his task, or the officer who had him on the telephone."""
        task = next((each for each in self.life.tasks.values() if each["referral_id"] == referral["id"]), None)
        if task is None or referral["kind"] != ReferralKind.MAIL:
            officer = self.officer.hand
            return Hand(officer.actor, officer.name, on_behalf_of=referral["partner_id"], person_id=officer.person_id)
        name = next(each.name for each in self.life.office.partners if each.id == referral["partner_id"])
        return Hand(f"link:{task['id']}", name, Source.LINK)

    def help(self, referral: Row, theme: str) -> Strand:
        """The partner helps: news, an outcome, or nothing for long."""
        life, said = self.life, self.said
        taken, wait = life.now, said.delays.acceptance_to_outcome.draw(self.chance)
        fate = self.chance.random()
        if self.happens(said.news_given) and wait > 40 * DAY:
            yield self.within(15, 38)
            if referral["state"] in UNDER_WAY:
                acts.progress(life, self.partner_hand(referral), referral)
        if fate >= said.funnel.done_in_a_year + said.failed:
            return
        yield life.after(max(min(wait, 300 * DAY) - (life.now - taken), DAY))
        if referral["state"] not in UNDER_WAY:
            return
        if fate < said.funnel.done_in_a_year:
            outcome = ReferralOutcome(drawn(self.chance, said.outcomes))
            amount = self.chance.randrange(8_000, 60_000, 500) if theme == "fsl" else None
            acts.complete(life, self.partner_hand(referral), referral, outcome, amount)
        else:
            acts.fail(life, self.partner_hand(referral), referral, FailureReason(drawn(self.chance, said.failures)))
            yield from self.dead_end(referral, theme)

    def dead_end(self, referral: Row, theme: str) -> Strand:
        """Another partner is asked, or the need is given up, by the coordination."""
        life = self.life
        yield self.within(1, 6)
        if life.open_task("reorient", referral["id"]) is None:
            return
        others = {each.id for each in life.office.partners_for(theme)} - {referral["partner_id"]}
        if others and self.happens(self.said.asked_again):
            yield from self.request(theme, replaces=referral)
            return
        while any(each["state"] in UNANSWERED for each in life.rows["referral"]):
            yield self.within(2, 5)
        if life.open_task("reorient") is not None:
            acts.drop_need(life, self.coordinator.hand)

    # -- Follow-up

    def follow_up(self) -> Strand:
        """The calls at one, six and twelve months, then the end."""
        life = self.life
        yield life.now + MINUTE
        while (task := life.open_task("follow_up_call")) is not None:
            due = task["due_at"] - life.now
            yield life.after(max(due - DAY * self.chance.uniform(-1, 10), HOUR))
            yield from self.follow_up_call(task)
        yield self.within(1, 9)
        while any(visit["state"] == VisitState.PLANNED for visit in life.rows["visit"]) or self._lent():
            yield self.within(5, 10)
        if life.state in {CaseState.ORIENTING, CaseState.IN_FOLLOW_UP}:
            self._settle_disputes()
            acts.close(life, self.officer.hand, ClosureOutcome(drawn(self.chance, self.said.closures)))

    def follow_up_call(self, task: Row) -> Strand:
        """Somebody answers, or three tries are enough."""
        life, said = self.life, self.said
        share = said.follow_ups_reached.get(task["ordinal"], said.funnel.reached_at_12_months)
        reached = self.happens(share)
        missed = self.chance.choices((0, 1), (75, 25))[0] if reached else life.office.pathway.call_attempts
        cold, arrears = self.happens(said.still_cold), self.happens(said.still_in_arrears)
        for number in range(missed):
            if number:
                yield self.within(1, 4)
            acts.follow_up(life, self.officer.hand, CallResult.NO_ANSWER, still_cold=cold, still_in_arrears=arrears)
        if not reached:
            return
        if missed:
            yield self.within(1, 4)
        acts.follow_up(life, self.officer.hand, CallResult.REACHED, still_cold=cold, still_in_arrears=arrears)
        for referral in life.rows["referral"]:
            if referral["state"] == ReferralState.COMPLETED and referral["loop"] == Loop.REPORTED:
                self._verify(referral)

    def _verify(self, referral: Row) -> None:
        if self.happens(self.said.disputed):
            acts.dispute(self.life, self.officer.hand, referral, "Le ménage dit que l’aide n’est pas venue.")
            self.life.begin(self.dispute(referral))
        else:
            acts.confirm(self.life, self.officer.hand, referral)

    def dispute(self, referral: Row) -> Strand:
        """The coordination finds out."""
        yield self.within(2, 9)
        if referral["loop"] == Loop.DISPUTED:
            acts.confirm(self.life, self.coordinator.hand, referral)

    def _settle_disputes(self) -> None:
        for referral in self.life.rows["referral"]:
            if referral["loop"] == Loop.DISPUTED:
                acts.confirm(self.life, self.coordinator.hand, referral)

    def _lent(self) -> bool:
        return any(loan["returned_on"] is None for loan in self.life.rows["loan"])

    def _remark(self, hand: Hand) -> None:
        if self.happens(self.said.note_left / 2):
            acts.note(self.life, hand, self.chance.choice(names().notes))

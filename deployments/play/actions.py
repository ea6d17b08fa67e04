"""Everything that somebody of a story may do: one name for each use case.

| action | who | given |
|---|---|---|
| report_alert | alert giver, or staff by phone | the fields of `AlertForm`; those left out are dull |
| accept_case | coordinator | operator |
| reject_case | coordinator | reason, note |
| record_call | staff | result, phone (the number called), note |
| correct_number | staff, or the alert giver through his mail's link | phone |
| give_up | staff | |
| plan_visit, move_visit | staff | starts, minutes, officer |
| lose_visit | staff | state, note |
| hold_visit | staff | danger, note |
| report_danger, acknowledge_danger | staff | danger |
| deliver_report | staff | summary, to_alert_giver, to_landlord |
| send_referral | staff | partner, theme, brief, replaces (the partner who had it) |
| accept_referral, decline_referral, ask_question, report_progress, complete_referral, fail_referral | the partner \
through his mail's link, or staff with `partner` and `on_behalf` | note, file_number, reason, outcome, amount_cents |
| answer_question, withdraw_referral | staff | partner, note |
| start_follow_up | staff | |
| record_follow_up | staff | result, still_cold, still_in_arrears, note |
| close_case | staff | outcome, note |
| reopen_case | staff | |
| add_note | staff | text |
| post_letters | coordinator | all letters that wait are printed and posted |
| settle_message | coordinator | text, delivered |
| open_every_link | anybody | a link scanner opens every link of every mail; refused if anything changed |

A partner or an alert giver acts through the link of a mail that he really received: no mail, no act.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from deployments.play.story import Setting, Step, instant
from models.cases import Case, Referral
from models.engine import Message
from models.programmes import Person, Programme
from models.vocabulary import AgreementMode, BestTime, MessageState, Motive, Source, Tenure, Urgency
from services import (
    alerts,
    calls,
    closing,
    documents,
    follow_up,
    forms,
    letters,
    messages,
    notes,
    programmes,
    referrals,
    reports,
    triage,
    visits,
)
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, LinkExpired
from services.foundation.phones import normalise
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.links import alert_url, open_alert_link, open_task_link
from services.rules.policy import Actor

Given = Mapping[str, Any]
TASK_LINK: Final = re.compile(r"/l/([0-9a-f]{32}\.[\w-]+)")
DULL: Final[Given] = {
    "tenure": Tenure.PRIVATE_TENANT,
    "motives": [Motive.COLD],
    "urgency": Urgency.NONE,
    "best_time": BestTime.ANY,
    "agreement": True,
    "agreement_mode": AgreementMode.ORAL,
}
REPORT_FILE: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@dataclass(frozen=True)
class Scene:
    """One step being done: its transaction, who does it, to which case."""

    unit: UnitOfWork
    runtime: Runtime
    setting: Setting
    programme: Programme
    step: Step
    case_id: UUID | None
    key: str | None = None

    @property
    def case(self) -> Case:
        """The case that the step is about."""
        if self.case_id is None:
            raise InvalidInput("case", "Cette étape ne dit pas de quelle situation il s’agit.")
        return self.unit.session.get_one(Case, self.case_id)

    @property
    def hand(self) -> Hand:
        """The hand of somebody with an account."""
        return Hand(
            programmes.member(self.unit, self.programme.id, self.setting.staff[self.step.who].email),
            Source.STORY,
            key=self.key,
        )

    @property
    def is_staff(self) -> bool:
        """Whether whoever acts has an account."""
        return self.step.who in self.setting.staff

    def through_mail(self, action: str) -> Hand:
        """The hand of somebody who follows the latest link he received that allows this. Raises `LinkExpired`."""
        return Hand(self._link_holder(action), Source.STORY, key=self.key)

    def _link_holder(self, action: str) -> Actor:
        address = self.setting.address(self.step.who)
        received = self.unit.session.scalars(
            select(Message)
            .where(Message.case_id == self.case_id, Message.address == address, Message.state == MessageState.ACCEPTED)
            .order_by(Message.done_at.desc(), Message.id.desc())
        )
        for token in (token for mail in received for token in TASK_LINK.findall(mail.body or "")):
            try:
                actor, _ = open_task_link(self.unit, self.runtime, token)
            except LinkExpired:
                continue
            if action in actor.actions:
                return actor
        raise LinkExpired

    def organisation(self, slug: str) -> UUID:
        """The id of an organisation of the setting."""
        return programmes.organisation(self.unit, self.programme.id, slug).id

    def referral(self, partner: str) -> Referral:
        """The latest referral of the case to this partner."""
        found = self.unit.session.scalars(
            select(Referral)
            .where(Referral.case_id == self.case_id, Referral.partner_id == self.organisation(partner))
            .order_by(Referral.sent_at.desc(), Referral.id.desc())
        ).first()
        if found is None:
            raise InvalidInput("partner", f"Cette situation n’a pas d’orientation vers {partner}.")
        return found


Action = Callable[[Scene, Given], object]


def report_alert(scene: Scene, given: Given) -> Case:
    """A request for a visit, by the secret address of the alert giver's form, or by phone to the coordination."""
    who = scene.step.who
    if scene.is_staff:
        known, hand, origin = {"giver_name": scene.hand.actor.name}, scene.hand, "phone"
    else:
        giver = scene.setting.alert_givers[who]
        known = {"giver_name": giver.name, "giver_email": giver.email, "giver_phone": giver.phone or ""}
        organisation = programmes.organisation(scene.unit, scene.programme.id, giver.organisation)
        token = alert_url(scene.runtime, organisation).rsplit("/", 1)[1]
        hand = Hand(open_alert_link(scene.unit, scene.runtime, token)[0], Source.STORY, key=scene.key)
        origin = "form"
    form = forms.AlertForm.model_validate({**DULL, **known, **given})
    return alerts.submit(scene.unit, hand, form, origin=origin)


def accept_case(scene: Scene, given: Given) -> object:
    """Take the case up."""
    form = forms.Acceptance(operator_id=scene.organisation(given["operator"]))
    return triage.accept(scene.unit, scene.hand, scene.case.id, form)


def record_call(scene: Scene, given: Given) -> object:
    """One call; `phone` is the number that was called."""
    phone = normalise(given["phone"]) if "phone" in given else None
    found = next((known for known in scene.case.household.phones if known.number == phone), None)
    rest = {name: value for name, value in given.items() if name != "phone"}
    form = forms.CallForm.model_validate({**rest, "phone_id": found.id if found else None})
    return calls.record_call(scene.unit, scene.hand, scene.case.id, form)


def correct_number(scene: Scene, given: Given) -> object:
    """The right number."""
    form = forms.NumberForm.model_validate(given)
    if scene.is_staff:
        return calls.correct_number(scene.unit, scene.hand, scene.case.id, form)
    return calls.correct_number(scene.unit, scene.through_mail("correct_number"), None, form)


def plan_visit(scene: Scene, given: Given) -> object:
    """Agree on a date."""
    return visits.plan_visit(scene.unit, scene.hand, scene.case.id, _visit(scene, given))


def move_visit(scene: Scene, given: Given) -> object:
    """Change the date."""
    return visits.move_visit(scene.unit, scene.hand, scene.case.id, _visit(scene, given))


def _visit(scene: Scene, given: Given) -> forms.VisitForm:
    officer = scene.setting.staff[given["officer"]].email if "officer" in given else None
    officer_id = scene.unit.session.scalar(select(Person.id).where(Person.email == officer)) if officer else None
    return forms.VisitForm(
        starts_at=instant(given["starts"], scene.setting.zone),
        minutes=given.get("minutes", 120),
        officer_id=officer_id,
    )


def deliver_report(scene: Scene, given: Given) -> object:
    """The report, with a file of one blank page."""
    stored = documents.store(scene.runtime, [REPORT_FILE])
    document = documents.add_document(scene.unit, scene.hand, scene.case.id, "rapport-de-visite.pdf", stored)
    form = forms.ReportForm.model_validate({**given, "document_id": document.id})
    return reports.deliver_report(scene.unit, scene.hand, scene.case.id, form)


def send_referral(scene: Scene, given: Given) -> object:
    """Ask a partner; `replaces` is the partner who had it before."""
    rest = {name: value for name, value in given.items() if name not in {"partner", "replaces"}}
    replaces = scene.referral(given["replaces"]).id if "replaces" in given else None
    named = {"partner_id": scene.organisation(given["partner"]), "replaces_id": replaces, "permission": True}
    form = forms.ReferralForm.model_validate({**named, **rest})
    return referrals.send(scene.unit, scene.hand, scene.case.id, form)


Answering = Callable[[UnitOfWork, Hand, UUID, Any], object]


def answer(act: Answering, form: type[forms.Answer], name: str) -> Action:
    """An answer of a partner, through his mail, or told on his behalf."""

    def answering(scene: Scene, given: Given) -> object:
        rest = {key: value for key, value in given.items() if key != "partner"}
        referral = scene.referral(given.get("partner", scene.step.who))
        hand = scene.hand if scene.is_staff else scene.through_mail(name)
        return act(scene.unit, hand, referral.id, form.model_validate(rest))

    return answering


def withdraw_referral(scene: Scene, given: Given) -> object:
    """Take the request back."""
    return referrals.withdraw(scene.unit, scene.hand, scene.referral(given["partner"]).id)


def post_letters(scene: Scene, _given: Given) -> object:
    """Print what waits and put it in the post the same day."""
    batch = letters.print_batch(scene.unit, scene.hand)
    if batch is None:
        return 0
    printed = letters.batch_for(scene.unit, scene.hand.actor, batch.id)
    return letters.mark_posted(scene.unit, scene.hand, [letter.id for letter in printed.letters], on=batch.on)


def settle_message(scene: Scene, given: Given) -> None:
    """Somebody asked the reader whether it arrived."""
    found = scene.unit.session.scalars(
        select(Message).where(
            Message.case_id == scene.case_id,
            Message.text == given["text"],
            Message.state == MessageState.UNKNOWN,
        )
    ).one()
    messages.settle(scene.unit, scene.hand, found.id, delivered=bool(given["delivered"]))


def with_form(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """A use case of one case that takes a form."""
    return lambda scene, given: act(scene.unit, scene.hand, scene.case.id, form.model_validate(given))


def bare(act: Callable[[UnitOfWork, Hand, UUID], object]) -> Action:
    """A use case of one case that takes nothing more."""
    return lambda scene, _given: act(scene.unit, scene.hand, scene.case.id)


ACTIONS: Final[Mapping[str, Action]] = {
    "report_alert": report_alert,
    "accept_case": accept_case,
    "reject_case": with_form(triage.reject, forms.Rejection),
    "record_call": record_call,
    "correct_number": correct_number,
    "give_up": bare(calls.give_up),
    "plan_visit": plan_visit,
    "move_visit": move_visit,
    "lose_visit": with_form(visits.lose_visit, forms.LostVisit),
    "hold_visit": with_form(visits.hold_visit, forms.HeldVisit),
    "report_danger": with_form(visits.report_danger, forms.DangerForm),
    "acknowledge_danger": bare(visits.acknowledge_danger),
    "deliver_report": deliver_report,
    "send_referral": send_referral,
    "accept_referral": answer(referrals.accept, forms.Answer, "accept"),
    "decline_referral": answer(referrals.decline, forms.Decline, "decline"),
    "ask_question": answer(referrals.ask, forms.Question, "ask"),
    "report_progress": answer(referrals.report_progress, forms.Answer, "report_progress"),
    "complete_referral": answer(referrals.complete, forms.Completion, "complete"),
    "fail_referral": answer(referrals.fail, forms.Failure, "fail"),
    "answer_question": answer(referrals.answer_question, forms.Question, "answer_question"),
    "withdraw_referral": withdraw_referral,
    "start_follow_up": bare(referrals.drop_need),
    "record_follow_up": with_form(follow_up.record_follow_up, forms.FollowUpForm),
    "close_case": with_form(closing.close_case, forms.ClosureForm),
    "reopen_case": bare(closing.reopen_case),
    "add_note": with_form(notes.add_note, forms.NoteForm),
    "post_letters": post_letters,
    "settle_message": settle_message,
}
"""What a step may do, beside `expect` and `open_every_link`, which act on nothing."""

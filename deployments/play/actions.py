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
| mend_address | coordinator | partner, email: all requests that wait for this address leave again |
| ask_access | the partner through his mail's link | a sign-in link is sent to him |
| open_access | the partner through his sign-in mail | browser (another than the one that asked) |
| start_follow_up | staff | |
| record_follow_up | staff | result, still_cold, still_in_arrears, note |
| close_case | staff | outcome, note |
| reopen_case | staff | |
| add_note | staff | text |
| post_letters | coordinator | all letters that wait are printed and posted |
| settle_message | coordinator | text, delivered |
| keep_up | administrator | the nightly round is made now |
| suspend_case, resume_case | staff | reason, until, note |
| disqualify_case | staff | reason, note |
| withdraw_case | staff | said_by, note |
| transfer_case | coordinator | to_name, note |
| merge_case | coordinator | into (the name of the case that goes on), note |
| undo_merge | coordinator | |
| reassign_case | coordinator | operator, note |
| finish_diagnosis | staff | |
| lend, return_loan | staff | item, due_on |
| give_permission, revoke_permission | staff | kind, partner |
| take_task, return_task, hand_over, snooze_task, complete_task | staff | task (its kind), reason, to, until, \
outcome, note |
| prepare_referral, send_draft | staff | as send_referral |
| acknowledge_referral, start_referral, hold_referral, resume_referral | the partner or staff, as for accept_referral \
| reason, until, note |
| transfer_referral | staff | from, partner, theme, brief |
| reopen_referral, void_referral | staff | partner, reason, note |
| confirm_referral, dispute_referral | staff | partner, verified, text |
| be_absent | staff | from, until, delegate, person |
| work_on | staff | days (monday…), person |
| be_on_duty | coordinator | from, until (day and hour), person |
| close_partner | coordinator | partner, from, until |
| reply_by_mail | whoever received a mail | to (its text), text, automatic (his program answers) |
| bounce_mail | the mail server of whoever received a mail | to (its text): it comes back |
| read_reply | staff | the answer is read, nothing is to be done |
| open_every_link | anybody | a link scanner opens every link of every mail; refused if anything changed |

A partner or an alert giver acts through the link of a mail that he really received: no mail, no act.
"""

import re
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from deployments.play.lives import LIVES
from deployments.play.scene import Action, Given, Scene, answer, bare, with_form
from deployments.play.story import instant
from models.cases import Case
from models.engine import Message
from models.programmes import Person
from models.vocabulary import AgreementMode, BestTime, MessageState, Motive, Source, Tenure, Urgency
from services import (
    addresses,
    alerts,
    calls,
    closing,
    documents,
    follow_up,
    forms,
    letters,
    messages,
    notes,
    partner_access,
    programmes,
    referrals,
    reports,
    triage,
    upkeep,
    visits,
)
from services.foundation.errors import LinkExpired
from services.foundation.phones import normalise
from services.rules.casework import Hand
from services.rules.links import alert_url, open_alert_link

SIGN_IN_LINK: Final = re.compile(r"/acces/([0-9a-f]{32}\.[\w-]+)")
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


def withdraw_referral(scene: Scene, given: Given) -> object:
    """Take the request back."""
    return referrals.withdraw(scene.unit, scene.hand, scene.referral(given["partner"]).id)


def mend_address(scene: Scene, given: Given) -> object:
    """The partner's address, right this time."""
    form = forms.AddressForm(email=given["email"])
    return addresses.mend_address(scene.unit, scene.hand, scene.referral(given["partner"]).id, form)


def ask_access(scene: Scene, _given: Given) -> object:
    """The partner asks to read whom to call; `browser` is his own."""
    scene.through_mail("report_progress")
    return partner_access.ask_link(
        scene.unit, scene.referral(scene.step.who), browser=scene.step.who, source=Source.STORY
    )


def open_access(scene: Scene, given: Given) -> object:
    """He opens the link of his sign-in mail, in the browser that asked unless another is given."""
    for token in scene.tokens(SIGN_IN_LINK):
        return partner_access.open_session(
            scene.unit, scene.runtime, token, browser=given.get("browser", scene.step.who)
        )
    raise LinkExpired


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


def keep_up(scene: Scene, _given: Given) -> object:
    """The nightly round, whoever is named."""
    return [round_of_the_night(scene.unit) for round_of_the_night in upkeep.ROUNDS]


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
    "mend_address": mend_address,
    "ask_access": ask_access,
    "open_access": open_access,
    "start_follow_up": bare(referrals.drop_need),
    "record_follow_up": with_form(follow_up.record_follow_up, forms.FollowUpForm),
    "close_case": with_form(closing.close_case, forms.ClosureForm),
    "reopen_case": bare(closing.reopen_case),
    "add_note": with_form(notes.add_note, forms.NoteForm),
    "post_letters": post_letters,
    "settle_message": settle_message,
    "keep_up": keep_up,
    **LIVES,
}
"""What a step may do, beside `expect` and `open_every_link`, which act on nothing."""

"""Everything that somebody of a story may do: one name for each use case.

| action | who | given |
|---|---|---|
| report_alert | alert giver, household on its page, or staff by phone | the fields of `AlertForm`; those left out are \
dull; `came_by` when staff had it by mail, at an event or from a list |
| accept_case | coordinator | operator |
| reject_case | coordinator | reason, note |
| ask_derogation | staff | reason: a household above the ceilings; an alert giver says it in his alert. After triage \
the coordinator alone, and it is granted |
| decide_derogation | coordinator | granted, note |
| note_match | coordinator | with (the name of the other case), score |
| record_call | staff | result, phone (the number called), call_back_on, note |
| correct_number | staff, or the alert giver through his mail's link | phone |
| give_up | staff | |
| record_circumstances | staff | reference_income, income_year, people, breathing, health_agreed |
| plan_visit, move_visit | staff | starts, minutes, officer, second_officer, with_whom, on_closed_day |
| note_held_visit | staff | starts (past), minutes, officer, danger, note: nobody had planned it here |
| lose_visit | staff | state, reason (refused_at_door, child_alone, …), note |
| hold_visit | staff | danger, note |
| report_danger, acknowledge_danger | staff | danger |
| add_document | staff | name: a file of the case (`cuisine.jpg`, `courrier.pdf`) |
| deliver_report | staff | summary, to_alert_giver, to_landlord, to_referent, to_committee, to_partners (a list): who \
may read it beside the household |
| replace_report | staff | summary: a right report in the place of the wrong one, whose file is gone |
| record_survey | staff | what is asked before a visit, at it, at the next one: sections, fields and codes of \
`services/rules/texts/survey.fr.yaml` (`dwelling: {area: 45}`, `rooms: {bedroom: {mould: under_1m2}}`); health_agreed |
| record_findings | staff | energy_cost, burden, reference_burden, saving_deemed, saving_declared, saving_measured |
| record_kit | staff | items: for each, its quantity, or {quantity, price, state} |
| note_gap | staff | theme, reason, note: nothing can be done here for a need |
| send_referral | staff | partner, theme, brief, brief_is_open, replaces (the partner who had it), \
also (partners), urgent, kind, check_on, file_number, despite |
| accept_referral, ask_question, report_progress | the partner through his mail's link, or staff with `partner` and \
`on_behalf` | note, file_number |
| decline_referral, fail_referral | as for accept_referral | reason, note, file_number, on_behalf |
| complete_referral | as for accept_referral | outcome, amount_cents, note, file_number, on_behalf |
| answer_question | staff | partner, note, file_number, on_behalf |
| withdraw_referral | staff | partner, reason |
| mend_address | coordinator | partner, email: all requests that wait for this address leave again |
| mend_household_address, remove_household_address | staff | email: where the household reads its mail; none any more |
| ask_access | the partner through his mail's link | a sign-in link is sent to him |
| open_access | the partner through his sign-in mail | browser (another than the one that asked) |
| ask_new_link | the partner through an old link of his mails | another is sent to him |
| start_follow_up | staff | |
| record_follow_up | staff | result, phone (the number called), still_cold, still_in_arrears, helps \
(by partner, what the household says of his help: confirmed, disputed, unverifiable), note |
| choose_contact | staff | contact_by |
| receive_sms | household | text, phone: what it answers by SMS |
| answer_follow_up | household | answer, through the link of its own mail |
| answer_on_page | household | answer, on the page that its letter opens |
| close_case | staff | outcome, note, criteria: for each exit criterion, yes, no or unknown |
| reopen_case | staff | given_back |
| receive_complaint | staff | said_by, text |
| answer_complaint | coordinator | text |
| confirm_sheet, propose_sheet | a partner through the link to his sheet | service (its name, if several); what \
changes, said_by, note |
| say_full | a partner through the link of a mail of his | until |
| prefer_mail | a partner through the link of a mail of his | gathered, weekdays |
| add_colleague | a partner through the link of a mail of his | name, email |
| partner_away | a partner through the link of a mail of his | colleague (none: whoever reads his address), first_on, \
last_on, delegate: people by their name |
| pass_on | a partner through the link of a mail of his | colleague: who follows this request from now on |
| end_colleague, partner_back | a partner through the link of a mail of his | colleague: he reads no more; what was \
said of absences is cancelled |
| decide_sheet | coordinator | partner, taken |
| choose_letter | the alert giver through the link of a mail of his | wanted: whether he has the letter of the month |
| add_note | staff | text |
| read_case | staff, or the partner in his browser | the case is read, and that is written down |
| post_letters | coordinator, or staff under a subsidy | all letters of his that wait are printed and posted |
| note_household_answer | staff | answer: what it said of the help, or that it wants to be called |
| send_message_now | staff | text: the message that waits for its hour leaves now |
| settle_message | coordinator | text, delivered |
| keep_up | administrator | the nightly round is made now |
| suspend_case | staff | reason, until, note |
| resume_case | staff | |
| disqualify_case | staff | reason, note |
| withdraw_case | staff | said_by, note |
| transfer_case | coordinator | to_name, to_phone, note |
| confirm_transfer | coordinator | said_to, note: the other Slime has the sheet |
| merge_case | coordinator | into (the name of the case that goes on), note |
| undo_merge | coordinator | |
| reassign_case | coordinator | operator, note |
| finish_diagnosis | staff | |
| lend | staff | item, due_on |
| return_loan | staff | item, lost: it is back, or nobody asks for it any more |
| give_permission, revoke_permission | staff | kind, partner |
| remind | staff | task (its kind): whoever owes it hears of it now |
| take_task | staff | task (its kind) |
| return_task | staff | task (its kind), reason, note: the coordination has it then |
| hand_over | staff | task (its kind), to (a colleague of the setting), note |
| snooze_task | staff | task (its kind), reason, until: no reminder before; its date stays |
| complete_task | staff | task (its kind), outcome, note: what no other act ends, as `tell_partner` |
| skip_reminder, send_reminder | staff | task (its kind), reason, note: the next reminder does not leave, or now |
| prepare_referral, send_draft | staff | as send_referral |
| propose_meeting | the partner or staff, as for accept_referral | meets_at, note: before his answer, a yes |
| acknowledge_referral, start_referral, resume_referral | the partner or staff, as for accept_referral | note, \
file_number, on_behalf |
| hold_referral | the partner or staff, as for accept_referral | reason, until, note, file_number, on_behalf |
| transfer_referral | staff | from, partner, theme, brief |
| reopen_referral | staff | partner, note: a draft for him again |
| void_referral | staff | partner, reason, note: it should never have left; another person than its author, once \
personal data were sent |
| confirm_referral | staff | partner, verified (false: the household cannot be asked any more) |
| dispute_referral | staff | partner, text |
| announce_cut, move_cut | staff | energy, cut_on, note; here and below energy says which where two are followed |
| call_supplier | staff | energy, note, new_day (he puts it off) |
| file_aid | staff | energy, filed_on, note |
| end_cut | staff | energy, outcome, note |
| restore_supply | staff | energy |
| add_organisation | coordinator | kind, name, contact, email, phone, contract |
| change_organisation | coordinator | organisation, and what changes of these |
| end_organisation, take_up_organisation, renew_link, revoke_link | coordinator | organisation |
| add_service, change_service | coordinator | partner, service (its name, where he has several), and its fields: name, \
themes, area, tenures, income_classes, places, full_until… |
| verify_service, end_service | coordinator | partner, service |
| set_area | coordinator | name, communes, from_on: a zone that services name |
| import_cases | coordinator | rows, each {title of a column: value} as in a sheet of his own, with `case` where it \
opens one; said: {columns, values} that he explains |
| import_alerts | coordinator | rows as for import_cases, organisation, collected_by, collected_on, notify |
| take_back | staff | what he sent within the minute by a step with `from_page: true` |
| change_territory | coordinator | enter, leave (INSEE codes), from_on |
| be_absent | staff | from, until, delegate, person, visits_given_up |
| work_on | staff | days (monday…), person |
| be_on_duty | coordinator | from, until (day and hour), person |
| be_back, leave_duty | staff, coordinator | person: what was said of him is cancelled |
| close_partner | coordinator | partner (or operator), from, until |
| close_office | coordinator | from, until, label |
| publish | coordinator | changes (`tasks.triage.due.delay: 9wd`), move_open |
| set_text | coordinator | text, party, channel, subject, body (fields in brackets); no body: as it ships again |
| reopen | coordinator | partner (none: the programme itself) |
| reply_by_mail | whoever received a mail, `household` too | to (its text), text, automatic (his program answers) |
| bounce_mail | the mail server of whoever received a mail | to (its text): it comes back |
| write_mail | anybody with an address | subject, text: a mail that answers none of ours |
| file_mail, set_mail_aside | coordinator | from (who wrote it): it is about this case, or nothing is to be done |
| read_reply | staff | the answer is read, nothing is to be done |
| open_every_link | anybody | a link scanner opens every link of every mail; refused if anything changed |

A partner or an alert giver acts through the link of a mail that he really received: no mail, no act. A colleague of a
partner acts by his address, with `partner`. Where a partner has several requests of one case, `about` (a type of
solution) says which, and `partner` says whose task a task is. A word that an action does not know is refused.
`relais play --vocabulary` lists all of this with every field and every code.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sqlalchemy import select

from deployments.play.lives import LIVES
from deployments.play.scene import TASK_LINK, Action, Given, Scene, answer, bare, filled, with_form, without
from deployments.play.story import HOUSEHOLD, instant
from models.cases import Case, Document
from models.engine import Message
from models.programmes import Organisation, PartnerSession
from models.vocabulary import AgreementMode, BestTime, MessageState, Motive, Source, Tenure, Urgency
from services import forms
from services.accounts import partner_access
from services.cases import (
    addresses,
    alerts,
    calls,
    closing,
    complaints,
    derogations,
    documents,
    findings,
    follow_up,
    household_answers,
    household_page,
    kits,
    needs,
    notes,
    referrals,
    reports,
    surveys,
    triage,
    visits,
)
from services.cases.household_answers import HouseholdWord
from services.correspondence import incoming_sms, letters, messages, monthly_news
from services.foundation.errors import InvalidInput, LinkExpired
from services.foundation.phones import normalise
from services.operations import upkeep
from services.rules.casework import Hand
from services.rules.household import code_of
from services.rules.links import alert_url, may_renew, open_alert_link, open_requests_link, open_task_link, task_of
from services.rules.policy import Actor, may_know_household, note_access, readable
from services.rules.rendering import FOLLOW_UP_QUESTION

SIGN_IN_LINK: Final = re.compile(r"/acces/([0-9a-f]{32}\.[\w-]+)")
REQUESTS_LINK: Final = re.compile(r"/demandes/([0-9a-f]{32}\.[\w-]+)")
DULL: Final[Given] = {
    "tenure": Tenure.PRIVATE_TENANT,
    "motives": [Motive.COLD],
    "urgency": Urgency.NONE,
    "best_time": BestTime.ANY,
    "agreement": True,
    "agreement_mode": AgreementMode.ORAL,
}
PHOTO: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\xff\xd9"
REPORT_FILE: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def report_alert(scene: Scene, given: Given) -> Case:
    """A request for a visit, by the secret address of the alert giver's form, the household's own page, or to the
    coordination (by phone unless `came_by` says otherwise).
    """
    who = scene.step.who
    if scene.is_staff:
        known, hand, origin = {"giver_name": scene.hand.actor.name}, scene.hand, "phone"
    elif who == HOUSEHOLD:
        named = " ".join(str(given.get(word, "")) for word in ("first_name", "surname")).strip()
        known, origin = {"giver_name": named, "agreement_mode": AgreementMode.WRITTEN}, "self"
        hand = Hand(Actor("form", None, scene.programme.id), Source.STORY, key=scene.key)
    else:
        giver = scene.setting.alert_givers.get(who)
        if giver is None:
            raise InvalidInput("who", f"{who} n’est ni de l’équipe, ni un donneur d’alerte du cadre, ni le ménage.")
        known = {"giver_name": giver.name, "giver_email": giver.email, "giver_phone": giver.phone or ""}
        organisation = scene.unit.session.get_one(Organisation, scene.organisation(giver.organisation))
        token = alert_url(scene.runtime, organisation).rsplit("/", 1)[1]
        hand = Hand(open_alert_link(scene.unit, scene.runtime, token)[0], Source.STORY, key=scene.key)
        origin = "form"
    form = filled(forms.AlertForm, {**DULL, **known, **given})
    return alerts.submit(scene.unit, hand, form, origin=origin)


def accept_case(scene: Scene, given: Given) -> object:
    """Take the case up."""
    form = forms.Acceptance(operator_id=scene.organisation(given["operator"]))
    return triage.accept(scene.unit, scene.hand, scene.case.id, form)


def record_call(scene: Scene, given: Given) -> object:
    """One call; `phone` is the number that was called."""
    form = filled(forms.CallForm, _with_number(scene, given))
    return calls.record_call(scene.unit, scene.hand, scene.case.id, form)


def _with_number(scene: Scene, given: Given) -> Given:
    phone = normalise(given["phone"]) if "phone" in given else None
    found = next((known for known in scene.case.household.phones if known.number == phone), None)
    return {**without(given, "phone"), "phone_id": found.id if found else None}


def correct_number(scene: Scene, given: Given) -> object:
    """The right number."""
    form = filled(forms.NumberForm, given)
    if scene.is_staff:
        return calls.correct_number(scene.unit, scene.hand, scene.case.id, form)
    return calls.correct_number(scene.unit, scene.through_mail("correct_number"), None, form)


def plan_visit(scene: Scene, given: Given) -> object:
    """Agree on a date."""
    return visits.plan_visit(scene.unit, scene.hand, scene.case.id, _visit(scene, given))


def move_visit(scene: Scene, given: Given) -> object:
    """Change the date."""
    return visits.move_visit(scene.unit, scene.hand, scene.case.id, _visit(scene, given))


def note_held_visit(scene: Scene, given: Given) -> object:
    """It took place and nobody had planned it here."""
    told = {name: given[name] for name in ("danger", "note") if name in given}
    form = forms.PastVisit(**_visit(scene, given).model_dump(), **told)
    return visits.note_held_visit(scene.unit, scene.hand, scene.case.id, form)


def _visit(scene: Scene, given: Given) -> forms.VisitForm:
    people = {f"{role}_id": scene.person(given[role]) for role in ("officer", "second_officer") if role in given}
    rest = {name: given[name] for name in given if name not in {"starts", "danger", "note", *_OFFICERS}}
    return filled(forms.VisitForm, {"starts_at": instant(given["starts"], scene.setting.zone), **rest, **people})


_OFFICERS: Final = ("officer", "second_officer")


def note_match(scene: Scene, given: Given) -> object:
    """How alike the request is to that of another case."""
    form = filled(findings.MatchForm, {"number": scene.named(given["with"]).number, "score": given["score"]})
    return findings.note_match(scene.unit, scene.hand, scene.case.id, form)


def record_kit(scene: Scene, given: Given) -> object:
    """The whole kit; prices are in euros."""
    return kits.record(scene.unit, scene.hand, scene.case.id, filled(forms.KitForm, {"items": _kit(given)}))


def _kit(given: Given) -> list[dict[str, Any]]:
    lines = []
    for item, said in given["items"].items():
        told = dict(said) if isinstance(said, Mapping) else {"quantity": said}
        price = str(told.pop("price", 0)).replace(",", ".")
        try:
            cents = int(Decimal(price) * 100)
        except InvalidOperation:
            raise InvalidInput("price", f"Ce prix en euros ne se lit pas\u00a0: {price}.") from None
        lines.append({"item": item, "unit_price_cents": cents, **told})
    return lines


def add_document(scene: Scene, given: Given) -> object:
    """A file of a blank page, or a photo of nothing, by its name."""
    content = PHOTO if str(given["name"]).lower().endswith((".jpg", ".jpeg")) else REPORT_FILE
    stored = documents.store(scene.runtime, [content])
    return documents.add_document(scene.unit, scene.hand, scene.case.id, given["name"], stored)


def deliver_report(scene: Scene, given: Given) -> object:
    """The report, with a file of one blank page."""
    document = _report_file(scene, "rapport-de-visite.pdf")
    partners = [scene.organisation(each) for each in given.get("to_partners", ())]
    rest = without(given, "to_partners")
    form = filled(forms.ReportForm, {**rest, "document_id": document.id, "to_partner_ids": partners})
    return reports.deliver_report(scene.unit, scene.hand, scene.case.id, form)


def replace_report(scene: Scene, given: Given) -> object:
    """The right report, with another file of one blank page."""
    document = _report_file(scene, "rapport-corrige.pdf")
    form = filled(forms.ReplacementForm, {**given, "document_id": document.id})
    return reports.replace(scene.unit, scene.hand, scene.case.id, form)


def _report_file(scene: Scene, name: str) -> Document:
    stored = documents.store(scene.runtime, [REPORT_FILE])
    return documents.add_document(scene.unit, scene.hand, scene.case.id, name, stored)


def send_referral(scene: Scene, given: Given) -> object:
    """Ask a partner; `replaces` is the partner who had it before."""
    rest = {name: value for name, value in given.items() if name not in {"partner", "replaces", "also"}}
    replaces = scene.referral(given["replaces"]).id if "replaces" in given else None
    named = {"partner_id": scene.organisation(given["partner"]), "replaces_id": replaces, "permission": True,
             "also_ids": [scene.organisation(each) for each in given.get("also", ())]}  # fmt: skip
    form = filled(forms.ReferralForm, {**named, **rest})
    return referrals.send(scene.unit, scene.hand, scene.case.id, form)


def withdraw_referral(scene: Scene, given: Given) -> object:
    """Take the request back."""
    referral = scene.referral(given["partner"], given.get("about"))
    form = filled(forms.TakeBack, without(given, "partner", "about"))
    return referrals.withdraw(scene.unit, scene.hand, referral.id, form)


def mend_address(scene: Scene, given: Given) -> object:
    """The partner's address, right this time."""
    form = forms.AddressForm(email=given["email"])
    return addresses.mend_address(scene.unit, scene.hand, scene.referral(given["partner"]).id, form)


def mend_household_address(scene: Scene, given: Given) -> object:
    """The household's address, right this time."""
    form = filled(forms.HouseholdAddressForm, given)
    return addresses.mend_household_address(scene.unit, scene.hand, scene.case.id, form)


def remove_household_address(scene: Scene, _given: Given) -> object:
    """The household reads no mail."""
    return addresses.remove_household_address(scene.unit, scene.hand, scene.case.id)


def ask_access(scene: Scene, given: Given) -> object:
    """The partner asks to read whom to call; `browser` is his own."""
    referral = scene.referral(scene.step.who, given.get("about"))
    scene.through_mail("report_progress", referral=referral)
    return partner_access.ask_link(scene.unit, referral, browser=scene.step.who, source=Source.STORY)


def ask_new_link(scene: Scene, given: Given) -> None:
    """The partner, whose link is too old, asks for another to what he is still asked."""
    referral = scene.referral(scene.step.who, given.get("about"))
    for token in scene.tokens(TASK_LINK):
        task = task_of(scene.unit, scene.runtime, token)
        if task.referral_id == referral.id and may_renew(task):
            partner_access.renew_link(scene.unit, task, source=Source.STORY)
            return
    raise LinkExpired


def open_access(scene: Scene, given: Given) -> object:
    """He opens the link of his sign-in mail, in the browser that asked unless another is given."""
    for token in scene.tokens(SIGN_IN_LINK):
        return partner_access.open_session(
            scene.unit, scene.runtime, token, browser=given.get("browser", scene.step.who)
        )
    raise LinkExpired


def read_case(scene: Scene, given: Given) -> None:
    """The page of the case, or for a partner the household that his browser shows him."""
    if scene.is_staff:
        readable(scene.unit, scene.hand.actor, scene.case.id)
        note_access(scene.unit, scene.hand.actor, "read", case_id=scene.case.id)
        return
    referral = scene.referral(scene.step.who, given.get("about"))
    opened = select(PartnerSession).where(
        PartnerSession.referral_id == referral.id, PartnerSession.expires_at > scene.unit.now
    )
    if scene.unit.session.scalars(opened).first() is None or not may_know_household(scene.unit, referral):
        raise partner_access.AccessEnded
    note_access(scene.unit, partner_access.partner_of(referral), "read", case_id=scene.case.id)


def record_follow_up(scene: Scene, given: Given) -> object:
    """A call of the follow-up, and what the household says of each partner's help."""
    said = {str(scene.referral(partner).id): word for partner, word in given.get("helps", {}).items()}
    form = filled(forms.FollowUpForm, {**without(_with_number(scene, given), "helps"), "helps": said})
    return follow_up.record_follow_up(scene.unit, scene.hand, scene.case.id, form)


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
    ).first()
    if found is None:
        raise InvalidInput("text", f"Aucun message de ce texte n’est en doute\u00a0: {given['text']}.")
    messages.settle(scene.unit, scene.hand, scene.case.id, found.id, delivered=bool(given["delivered"]))


def send_message_now(scene: Scene, given: Given) -> None:
    """A message of this text that waits for its hour leaves at once."""
    query = select(Message).where(
        Message.case_id == scene.case_id, Message.text == given["text"], Message.state == MessageState.QUEUED
    )
    waiting = scene.unit.session.scalars(query.order_by(Message.due_at)).first()
    if waiting is None:
        raise InvalidInput("text", f"Aucun message de ce texte n’attend\u00a0: {given['text']}.")
    messages.send_now(scene.unit, scene.hand, scene.case.id, waiting.id)


def receive_sms(scene: Scene, given: Given) -> object:
    """The household's words, from the number given or its first."""
    sender = normalise(given["phone"]) if "phone" in given else scene.case.household.phones[0].number
    reference = scene.key or f"{scene.step.at.isoformat()} {given['text']}"
    form = incoming_sms.ReceivedSms(sender=sender, text=given["text"], reference=reference)
    return incoming_sms.receive(scene.unit, form)


def answer_follow_up(scene: Scene, given: Given) -> object:
    """The household presses a button of the page behind its mail's link."""
    query = select(Message.body).where(
        Message.case_id == scene.case_id, Message.text == FOLLOW_UP_QUESTION, Message.state == MessageState.ACCEPTED
    )
    for body in scene.unit.session.scalars(query.order_by(Message.done_at.desc())):
        for token in TASK_LINK.findall(body or ""):
            actor, _ = open_task_link(scene.unit, scene.runtime, token)
            form = forms.FollowUpWord(answer=given["answer"])
            return follow_up.answer_by_link(scene.unit, Hand(actor, Source.STORY, key=scene.key), form)
    raise LinkExpired


def answer_on_page(scene: Scene, given: Given) -> object:
    """The household opens its page with the code of its letter and its telephone, and presses a button."""
    phone, code = scene.case.household.phones[0].number, code_of(scene.runtime.secrets, scene.case)
    kept = household_page.open_page(scene.unit, scene.runtime, scene.programme, code=code, digits=phone[-4:])
    form = filled(HouseholdWord, given)
    return household_page.answer(scene.unit, scene.runtime, scene.programme, kept, form)


def choose_letter(scene: Scene, given: Given) -> object:
    """Stop the letter of the month, or take it up again, on the page of all his requests."""
    token = next(iter(scene.tokens(REQUESTS_LINK)), "")
    alert = open_requests_link(scene.unit, scene.runtime, token)
    reader = Actor("link", alert.id, scene.programme.id)
    monthly_news.choose(scene.unit, reader, alert.giver_email or "", wanted=given["wanted"])
    return alert


def keep_up(scene: Scene, _given: Given) -> object:
    """The nightly round, whoever is named."""
    return [round_of_the_night(scene.unit) for round_of_the_night in upkeep.ROUNDS]


ACTIONS: Final[Mapping[str, Action]] = {
    "report_alert": report_alert,
    "accept_case": accept_case,
    "reject_case": with_form(triage.reject, forms.Rejection),
    "ask_derogation": with_form(derogations.ask, forms.DerogationForm),
    "decide_derogation": with_form(derogations.decide, forms.DerogationDecision),
    "note_match": note_match,
    "record_survey": with_form(surveys.record, surveys.SurveyForm),
    "record_findings": with_form(findings.record, findings.FindingsForm),
    "record_kit": record_kit,
    "note_gap": with_form(needs.note_gap, forms.GapForm),
    "receive_complaint": with_form(complaints.receive, forms.ComplaintForm),
    "answer_complaint": with_form(complaints.answer, forms.NoteForm),
    "record_call": record_call,
    "correct_number": correct_number,
    "give_up": bare(calls.give_up),
    "plan_visit": plan_visit,
    "move_visit": move_visit,
    "note_held_visit": note_held_visit,
    "lose_visit": with_form(visits.lose_visit, forms.LostVisit),
    "hold_visit": with_form(visits.hold_visit, forms.HeldVisit),
    "report_danger": with_form(visits.report_danger, forms.DangerForm),
    "acknowledge_danger": bare(visits.acknowledge_danger),
    "add_document": add_document,
    "deliver_report": deliver_report,
    "replace_report": replace_report,
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
    "mend_household_address": mend_household_address,
    "remove_household_address": remove_household_address,
    "ask_access": ask_access,
    "ask_new_link": ask_new_link,
    "open_access": open_access,
    "start_follow_up": bare(referrals.drop_need),
    "record_follow_up": record_follow_up,
    "choose_contact": with_form(follow_up.choose_contact, forms.ContactForm),
    "receive_sms": receive_sms,
    "answer_follow_up": answer_follow_up,
    "answer_on_page": answer_on_page,
    "close_case": with_form(closing.close_case, forms.ClosureForm),
    "reopen_case": with_form(closing.reopen_case, forms.CaseReopening),
    "add_note": with_form(notes.add_note, forms.NoteForm),
    "read_case": read_case,
    "post_letters": post_letters,
    "settle_message": settle_message,
    "send_message_now": send_message_now,
    "note_household_answer": with_form(household_answers.note, HouseholdWord),
    "choose_letter": choose_letter,
    "keep_up": keep_up,
    **LIVES,
}
"""What a step may do, beside `expect` and `open_every_link`, which act on nothing."""

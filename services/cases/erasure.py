"""Erasure: nothing of a household that tells who it is; dates, codes and counts stay, since events never hold more."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update

from models.cases import (
    Alert,
    Call,
    Case,
    Document,
    Dwelling,
    Finding,
    Note,
    Permission,
    Phone,
    Referral,
    Report,
    SearchWord,
    SurveyLine,
    Visit,
)
from models.engine import IncomingMail, Message, Task
from models.vocabulary import CaseState, FindingKind, TaskState
from services.cases import documents
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime
from services.rules.ranking import HAND_OVER

KEPT_AFTER_TRANSFER: Final = timedelta(days=30)
"""Source: what was agreed with the field: no copy of a transferred household after thirty days."""
GONE: Final = "effacé"


def forget_transferred(unit: UnitOfWork, runtime: Runtime) -> list[str]:
    """Erase the households that were given to another Slime a month ago; a line with how many, if any.

    One that was not handed over yet waits for it: nobody else knows of it.
    """
    owed = select(Task.id).where(Task.case_id == Case.id, Task.kind == HAND_OVER, Task.state == TaskState.OPEN)
    due = unit.session.scalars(
        select(Case)
        .where(
            Case.state == CaseState.TRANSFERRED,
            Case.closed_at <= unit.now - KEPT_AFTER_TRANSFER,
            Case.erased_at.is_(None),
            ~owed.exists(),
        )
        .limit(200)
        .with_for_update(of=Case)
    ).all()
    for case in due:
        erase(unit, runtime, case)
    return [f"transferred households erased: {len(due)}"] if due else []


def erase(unit: UnitOfWork, runtime: Runtime, case: Case) -> None:
    """Take away name, address, numbers, texts and files of a case; files go once the transaction is over."""
    household, dwelling = case.household, case.dwelling
    household.civility, household.first_name, household.surname, household.email = "", "", GONE, None
    household.email_refused_at, household.birth_year, household.people, household.search_key = None, None, None, ""
    household.reference_income, household.income_year, household.income_on, household.breathing = None, None, None, None
    household.children, household.vulnerabilities, household.language = None, [], ""
    household.companion, household.guardian, household.guardian_phone = "", "", None
    _erase_dwelling(dwelling)
    session = unit.session
    told = (FindingKind.ENERGY_COST, FindingKind.MATCH)  # a sum of money and another household; shares and kits stay
    session.execute(delete(Finding).where(Finding.case_id == case.id, Finding.kind.in_(told)))
    session.execute(delete(Finding).where(Finding.about_id == case.id))
    session.execute(delete(SurveyLine).where(SurveyLine.case_id == case.id))
    session.execute(update(Visit).where(Visit.case_id == case.id).values(with_whom=""))
    session.execute(update(Call).where(Call.case_id == case.id).values(phone_id=None))
    session.execute(delete(Phone).where(Phone.household_id == household.id))
    session.execute(delete(Note).where(Note.case_id == case.id))
    session.execute(delete(SearchWord).where(SearchWord.case_id == case.id))
    session.execute(update(Alert).where(Alert.case_id == case.id).values(free_text="", followed_by=""))
    itself = update(Alert).where(Alert.case_id == case.id, Alert.organisation_id.is_(None))
    session.execute(itself.values(giver_name=GONE, giver_phone=None, giver_email=None))
    session.execute(update(Permission).where(Permission.case_id == case.id).values(collected_by=GONE))
    session.execute(update(Referral).where(Referral.case_id == case.id).values(brief="", file_number=""))
    session.execute(update(Message).where(Message.case_id == case.id).values(subject=None, body=None, address=GONE))
    session.execute(update(IncomingMail).where(IncomingMail.case_id == case.id).values(sender="", subject="", text=""))
    _erase_documents(unit, runtime, case.id)
    case.checks, case.erased_at = {}, unit.now
    session.flush()
    session.expire(household, ["phones"])


def _erase_dwelling(dwelling: Dwelling) -> None:
    dwelling.street, dwelling.complement, dwelling.landlord, dwelling.search_key = "", "", "", ""
    dwelling.safety = ""


def _erase_documents(unit: UnitOfWork, runtime: Runtime, case_id: UUID) -> None:
    unit.session.execute(delete(Report).where(Report.case_id == case_id))
    found = unit.session.scalars(select(Document).where(Document.case_id == case_id)).all()
    documents.remove(unit, runtime, found)

"""Contracts: the coordination follows an association's cases and knows whom it helps if the household agrees."""

import pytest
from sqlalchemy import select

from models.cases import Case, Permission
from models.engine import Message
from models.programmes import AccessEntry, Organisation
from models.vocabulary import Contract, MessageState, PermissionKind
from services import search
from services.cases import calls, circumstances, notes, permissions, triage
from services.correspondence import letters
from services.forms import CallForm, NoteForm, PermissionForm, Reassignment
from services.foundation.errors import Denied
from services.overview import desk
from services.programme import organisations
from services.programme.organisations import OrganisationDetails
from services.rules.policy import is_known, known, knows_household
from tests.services.rules.situations import ADA, BO, CY, OPERATOR, OTHER_OPERATOR, Office


def subsidise(office: Office, contract: Contract = Contract.SUBSIDY) -> None:
    form = OrganisationDetails(name="energie-proche", email="equipe@energie.example", contract=contract)
    office.do(organisations.change, ADA, OPERATOR, form)


def agree(office: Office, case_id: object) -> None:
    office.do(permissions.give, BO, case_id, PermissionForm(kind=PermissionKind.NAME_TO_CARRIER))


@pytest.mark.parametrize(
    ("contract", "knows"),
    [
        (Contract.IN_HOUSE, True),
        (Contract.PUBLIC_CONTRACT, True),
        (Contract.SUBSIDY, False),
        (Contract.AGREEMENT, True),
    ],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_only_a_subsidy_hides_a_household_from_the_coordination(
    office: Office, contract: Contract, knows: bool
) -> None:
    subsidise(office, contract)
    waiting, case_id = office.triaged(phone="06 39 98 12 35"), office.accepted()

    with office.database.read() as unit:
        case = unit.session.get_one(Case, case_id)
        assert knows_household(unit, ADA.actor, case) is knows
        assert case_id in known(unit, BO.actor, [case_id])
        assert waiting in known(unit, ADA.actor, [waiting])  # nobody's yet: who triages it reads it
        assert not known(unit, CY.actor, [case_id])


def test_the_coordination_reads_where_an_associations_case_stands_and_nothing_of_whom(office: Office) -> None:
    subsidise(office)
    case_id = office.qualified()
    office.do(notes.add_note, BO, case_id, NoteForm(text="Elle vit seule."))

    with office.database.read() as unit:
        theirs, own = desk.sheet(unit, ADA.actor, case_id), desk.sheet(unit, BO.actor, case_id)
        assert (theirs.is_known, own.is_known) == (False, True)
        assert [task.kind for task in theirs.tasks] == ["plan_visit"]
        assert search.search(unit, ADA.actor, "Martin").count(unit) == 0
        assert search.search(unit, ADA.actor, "06 39 98 12 34").count(unit) == 0
        assert search.search(unit, ADA.actor, theirs.case.number).count(unit) == 1
        assert search.search(unit, BO.actor, "Martin").count(unit) == 1


def test_the_coordination_neither_calls_nor_agrees_for_a_household_that_it_does_not_know(office: Office) -> None:
    subsidise(office)
    case_id = office.accepted()

    for act, form in (
        (calls.record_call, CallForm.model_validate({"result": "reached"})),
        (circumstances.record, circumstances.CircumstancesForm(people=2)),
        (permissions.give, PermissionForm(kind=PermissionKind.NAME_TO_CARRIER)),
    ):
        with pytest.raises(Denied, match="sans l’accord du ménage"):
            office.do(act, ADA, case_id, form)
    office.do(triage.reassign, ADA, case_id, Reassignment(operator_id=OTHER_OPERATOR))

    with office.database.read() as unit:
        assert case_id in known(unit, ADA.actor, [case_id])


def test_an_agreement_opens_the_case_to_the_coordination_until_it_is_taken_back(office: Office) -> None:
    subsidise(office)
    case_id = office.accepted()
    agree(office, case_id)

    with office.database.read() as unit:
        (agreed,) = unit.session.scalars(select(Permission.id).where(Permission.kind == "name_to_carrier"))
        assert search.search(unit, ADA.actor, "Martin").count(unit) == 1
    office.do(permissions.revoke, BO, agreed)

    with office.database.read() as unit:
        assert not unit.session.scalars(select(Case.id).where(Case.id == case_id, is_known(ADA.actor))).all()


def test_an_association_posts_the_letters_of_its_own_cases_whatever_the_household_agreed_to(office: Office) -> None:
    subsidise(office)
    case_id, waiting = office.accepted(), office.triaged(phone="06 39 98 12 35", surname="Petit")
    agree(office, case_id)

    with office.database.read() as unit:
        assert [each.case_id for each in letters.to_print(unit, ADA.actor).all(unit)] == [waiting]
        assert [each.case_id for each in letters.to_print(unit, BO.actor).all(unit)] == [case_id]
        with pytest.raises(Denied):
            letters.to_print(unit, CY.actor)
    office.do(letters.print_batch, BO)

    with office.database.read() as unit:
        assert letters.to_post(unit, ADA.actor).count(unit) == 0
        (printed,) = letters.by_batch(unit, letters.to_post(unit, BO.actor).all(unit))
        on, ids = printed.batch.on, [each.id for each in printed.letters]
    assert office.do(letters.mark_posted, ADA, ids, on=on) == 0
    assert office.do(letters.mark_posted, BO, ids, on=on) == 1
    with office.database.read() as unit:
        assert [unit.session.get_one(Message, each).state for each in ids] == [MessageState.POSTED]


def test_another_contract_is_written_down(office: Office) -> None:
    subsidise(office)
    subsidise(office)  # nothing changes

    with office.database.read() as unit:
        changed = select(AccessEntry).where(AccessEntry.action == organisations.CONTRACT_CHANGED)
        assert len(unit.session.scalars(changed).all()) == 1
        assert unit.session.get_one(Organisation, OPERATOR).contract == Contract.SUBSIDY

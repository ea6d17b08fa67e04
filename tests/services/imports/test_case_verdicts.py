"""A row of cases in progress is refused with its sentence when its dates, words or names cannot be."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from models.vocabulary import Theme
from services.foundation.tokens import Secrets
from services.imports.case_columns import CASE_COLUMNS
from services.imports.case_verdicts import JudgedCase, Named, Office, judge
from services.imports.mapping import MappingFile, apply
from services.imports.positions import Position
from services.imports.reading import Sheet
from services.imports.verdicts import Commune, Verdict
from tests.services.imports.desk import (
    ASKED,
    FOLLOWED,
    HEADER,
    PLANNED,
    POSITIONS,
    REFERRED,
    REPORTED,
    TAKEN,
    TO_CALL,
    TO_PLAN,
    VISITED,
    row,
)

PARIS = ZoneInfo("Europe/Paris")
ENERGENCE = Named(UUID(int=1), "Ener’gence", "energence")
COMPAGNONS = Named(UUID(int=2), "Compagnons bâtisseurs", "compagnons")
ADIL = Named(UUID(int=3), "ADIL du Finistère", "adil", (Theme.LANDLORD_MEDIATION.value,))
SOLIHA = Named(UUID(int=4), "SOLIHA Bretagne", "soliha", (Theme.MAJOR_WORKS.value, Theme.SINGLE_WORKS.value))


def office(*operators: Named, done: frozenset[str] = frozenset(), key: bytes = b"installation") -> Office:
    return Office(
        programme_id=UUID(int=9),
        prefix="cases:",
        secrets=Secrets(key),
        communes=[Commune("29019", "brest", ("29200",)), Commune("29212", "plouzane", ("29280",))],
        territory=frozenset({"29019"}),
        known=[],
        operators=operators or (ENERGENCE,),
        partners=(ADIL, SOLIHA),
        done=done,
        now=datetime(2025, 10, 6, 8, 0, tzinfo=UTC),
        zone=PARIS,
    )


def judged(
    *told: Mapping[str, str], of: Office | None = None, headed: Mapping[str, str] | None = None
) -> list[JudgedCase]:
    header = [(headed or {}).get(title, title) for title in HEADER]
    rows = [header, *(list(row(number, each)) for number, each in enumerate(told))]
    mapped = apply([Sheet(1, rows, frozenset())], MappingFile(), columns=CASE_COLUMNS)
    assert mapped.ignored == ()
    return judge(mapped.rows, of or office())


def reasons(told: Mapping[str, str], *operators: Named) -> str:
    (one,) = judged(told, of=office(*operators))
    assert one.verdict is Verdict.REFUSED
    return " ".join(one.reasons)


@pytest.mark.parametrize("told", POSITIONS)
def test_each_position_is_valid_with_its_dates(told: Mapping[str, str]) -> None:
    assert [(one.verdict, one.reasons) for one in judged(told)] == [(Verdict.VALID, ())]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (ASKED | {"Étape": "Clôturé"}, "Étape close"),
        (ASKED | {"Étape": "bof"}, "Étape à préciser"),
        (
            TO_PLAN | {"Date d’appel": "28/09/2025"},
            "«\u00a0Date d’appel\u00a0» vient avant «\u00a0Date de demande\u00a0»",
        ),
        (REPORTED | {"Date de rapport": "01/10/2025"}, "«\u00a0Date de rapport\u00a0» vient avant"),
        (TO_PLAN | {"Date d’appel": "07/10/2025"}, "«\u00a0Date d’appel\u00a0» est dans le futur"),
        (VISITED | {"Date de visite": "07/10/2025"}, "«\u00a0Date de visite\u00a0» est dans le futur"),
        (TO_PLAN | {"Date d’appel": "31/02/2025"}, "n’est pas une date"),
        (ASKED | {"Date de demande": "29/09/1925"}, "vérifiez l’année"),
        (ASKED | {"Prochaine date": "29/09/2125"}, "vérifiez l’année"),
        (VISITED | {"Date de visite": ""}, "«\u00a0Date de visite\u00a0» manque"),
        (TO_CALL | {"Date de visite": "02/10/2025"}, "ne va pas avec l’étape «\u00a0à appeler\u00a0»"),
        (PLANNED | {"Date de visite": "21/10/2025"}, "Heure de la visite absente"),
        (PLANNED | {"Date de visite": "02/10/2025 14h"}, "La visite prévue est passée"),
        (PLANNED | {"Date de visite": "21/10/2027 14h"}, "dans plus d’un an"),
        (TO_CALL | {"Opérateur": "Inconnu"}, "Opérateur inconnu (Ener’gence)"),
        (REFERRED | {"Étape": "Orientation en cours"}, "Partenaire absent"),
        (REFERRED | {"Partenaire": "Nobody"}, "Partenaire inconnu"),
        (REFERRED | {"Partenaire": "SOLIHA"}, "Type de solution à préciser"),
        (REFERRED | {"Type de solution": "FSL"}, "n’intervient pas"),
        (ASKED | {"Commune": "Atlantis"}, "Commune inconnue"),
        (ASKED | {"Téléphone": "12"}, "Téléphone non valable"),
    ],
)
def test_what_cannot_be_is_refused_with_its_sentence(told: Mapping[str, str], sentence: str) -> None:
    assert sentence in reasons(told)


def test_a_date_is_refused_by_the_name_that_its_column_has_in_the_file() -> None:
    headed = {"Date de visite": "RDV", "Date de demande": "date de demande"}
    (one,) = judged(VISITED | {"Date de visite": "bientôt", "Date de demande": "hier"}, headed=headed)

    assert one.reasons == (
        "«\u00a0Date de demande\u00a0» n’est pas une date\u00a0: écrivez jour/mois/année.",
        "«\u00a0RDV\u00a0» (Date de visite) n’est pas une date\u00a0: écrivez jour/mois/année.",
    )


def test_a_row_goes_back_once_with_all_its_reasons() -> None:
    said = reasons(VISITED | {"Téléphone": "", "Commune": "Atlantis", "Date de visite": "07/10/2025"})

    assert "Téléphone absent" in said
    assert "Commune inconnue" in said
    assert "est dans le futur" in said


def test_with_two_operators_the_row_says_which() -> None:
    assert "Opérateur absent (Ener’gence, Compagnons bâtisseurs)" in reasons(TO_CALL, ENERGENCE, COMPAGNONS)
    (one,) = judged(TO_CALL | {"Opérateur": "compagnons"}, of=office(ENERGENCE, COMPAGNONS))
    assert one.entry is not None
    assert one.entry.operator_id == COMPAGNONS.id


def test_the_words_of_the_position_may_give_the_partner_and_the_date() -> None:
    (one,) = judged(REFERRED | {"Étape": "En attente ADIL depuis le 04/10/2025", "Date d’envoi": ""})

    assert one.entry is not None
    assert (one.entry.position, one.entry.partner_id) == (Position.REFERRED, ADIL.id)
    assert one.entry.theme is Theme.LANDLORD_MEDIATION
    assert one.entry.sent_on == date(2025, 10, 4)


def test_the_words_of_the_position_may_give_a_visit_its_day_without_a_year_and_its_hour() -> None:
    (one,) = judged(TO_CALL | {"Étape": "RDV pris le 10/12 à 14h30"})

    assert one.entry is not None
    assert one.entry.visit_at == datetime(2025, 12, 10, 14, 30, tzinfo=PARIS)


def test_the_hour_of_a_visit_to_come_is_local() -> None:
    (one,) = judged(PLANNED)

    assert one.entry is not None
    assert one.entry.visit_at == datetime(2025, 10, 21, 14, 30, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("told", "remark"),
    [
        (TO_CALL | {"Statut d’occupation": ""}, "Statut d’occupation absent"),
        (TO_CALL | {"Date de demande": ""}, "Date de demande absente"),
        (TO_CALL | {"Prochaine date": "01/10/2025"}, "Prochaine date passée"),
        (TO_CALL | {"Code postal": "29280", "Commune": "Plouzané"}, "hors du territoire"),
        (TO_CALL | {"Note": "x" * 2001}, "Note coupée"),
    ],
)
def test_what_can_be_lived_with_is_remarked_and_taken(told: Mapping[str, str], remark: str) -> None:
    (one,) = judged(told)

    assert one.verdict is Verdict.VALID
    assert remark in " ".join(one.reasons)


def test_a_formula_is_a_doubt_until_it_is_confirmed() -> None:
    (one,) = judged(TO_CALL | {"Nom": "=HYPERLINK(1)"})

    assert one.verdict is Verdict.DOUBTFUL
    assert "lu comme un texte" in one.reasons[0]


def test_the_same_household_twice_is_a_duplicate() -> None:
    same = dict(zip(HEADER, row(0, TO_CALL), strict=True)) | {"Référence interne": "B-77"}

    first, second = judged(TO_CALL, same)

    assert (first.verdict, second.verdict, second.known) == (Verdict.VALID, Verdict.DUPLICATE, ("ligne 2",))


def test_a_reference_is_one_household_whatever_the_file() -> None:
    (one,) = judged(TO_CALL)
    key = office().key(one.row)

    assert "B-0" not in key
    assert [each.verdict for each in judged(VISITED, of=office(done=frozenset({key})))] == [Verdict.DONE]


def test_a_reference_counted_again_from_one_hides_nobody() -> None:
    (one,) = judged(TO_CALL)
    (other,) = judged(TO_CALL | {"Nom": "Autre", "Téléphone": "06 39 98 77 77"})

    assert office().key(one.row) != office().key(other.row)


def test_a_row_without_reference_is_known_by_its_place() -> None:
    first, second = judged(FOLLOWED | {"Référence interne": ""}, TAKEN | {"Référence interne": ""})

    assert [office().key(each.row) for each in (first, second)] == ["cases:1:2", "cases:1:3"]


def test_what_makes_a_case_unique_cannot_be_guessed_from_its_reference_and_name() -> None:
    rows = apply([Sheet(1, [list(HEADER), list(row(0, {}))], frozenset())], MappingFile(), columns=CASE_COLUMNS).rows

    keys = {office(key=key).key(rows[0]) for key in (b"here", b"there")}

    assert len(keys) == 2
    assert office(key=b"here").key(rows[0]) in keys

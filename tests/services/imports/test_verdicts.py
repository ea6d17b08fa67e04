"""Each row gets its verdict, and a reason that a person can act on."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from models.vocabulary import AgreementMode, Motive, Tenure
from services.imports.mapping import Row
from services.imports.verdicts import Collected, Commune, Giver, Judged, Known, Office, Verdict, judge
from services.rules.likeness import Likeness

OFFICE = Office(
    communes=[
        Commune("29019", "brest", ("29200",)),
        Commune("29212", "plouzane", ("29280",)),
        Commune("93066", "saintdenis", ("93200", "93210")),
        Commune("97411", "saintdenis", ("97400",)),
    ],
    territory=frozenset({"29019", "93066"}),
    known=[],
    done=frozenset(),
    giver=Giver("FSL", "ada@fsl.example.org", None),
    today=date(2025, 10, 6),
)
MARTIN = {
    "surname": "Martin",
    "first_name": "Léa",
    "phone": "06 39 98 00 01",
    "street": "3 rue de Siam",
    "postcode": "29200",
    "commune": "Brest",
    "tenure": "Locataire du parc privé",
    "motives": "Froid",
    "agreement": "oui",
}
KNOWN = Likeness(frozenset({"+33639980001"}), "martinlea", "3ruedesiam", "29019")


def row(number: int = 2, **given: Any) -> Row:
    return Row(1, number, MARTIN | given)


def verdict(office: Office = OFFICE, **given: Any) -> Judged:
    return judge([row(**given)], office)[0]


def test_a_row_that_says_everything_is_valid() -> None:
    judged = verdict(tenure="HLM", motives="Impayés d’énergie / moisissures", postcode="29200.")

    assert judged.verdict is Verdict.VALID
    assert judged.form is not None
    assert judged.form.tenure is Tenure.SOCIAL_TENANT
    assert judged.form.motives == [Motive.ARREARS, Motive.DAMP]
    assert (judged.form.giver_name, judged.form.giver_email) == ("FSL", "ada@fsl.example.org")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"phone": "12"}, "Téléphone non valable."),
        ({"phone": ""}, "Téléphone absent."),
        ({"surname": ""}, "« Nom » est absent."),
        ({"surname": "x" * 121}, "« Nom » est trop long ou illisible."),
        ({"street": ""}, "« Adresse » est absent."),
        ({"commune": "Atlantis"}, "Commune inconnue : vérifiez son nom."),
        ({"commune_code": "00000"}, "Code INSEE inconnu."),
        ({"commune": "Saint-Denis", "postcode": ""}, "plusieurs communes portent ce nom"),
        ({"tenure": "locataire"}, "Statut d’occupation à préciser"),
        ({"urgency": "oui"}, "Urgence à préciser"),
        ({"motives": ""}, "Motif absent."),
        ({"agreement": ""}, "Accord du ménage absent"),
        ({"agreement": "à demander"}, "Accord du ménage à préciser"),
        ({"agreement": "non"}, "n’a pas donné son accord"),
        (
            {"agreement_on": "12/12/2025"},
            "Un accord à venir ne se note pas : aujourd’hui au plus tard.",
        ),
        (
            {"agreement_on": "12/12/1990"},
            "Un accord de plus de deux ans ne vaut plus : vérifiez l’année, ou demandez-le à nouveau.",
        ),
        (
            {"agreement_on": "31/02/2025"},
            "« Date de l’accord » n’est pas une date : écrivez jour/mois/année.",
        ),
    ],
)
def test_a_row_that_lacks_what_is_needed_is_refused_with_its_reason(given: dict[str, Any], reason: str) -> None:
    judged = verdict(**given)

    assert judged.verdict is Verdict.REFUSED
    assert reason in " ".join(judged.reasons).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"commune": "Plouzané", "postcode": "29280"}, "hors du territoire"),
        ({"email": "pas une adresse"}, "Adresse électronique"),
        ({"street": "=HYPERLINK(1)"}, "commence comme une formule"),
        ({"surname": "＠SUM(1)"}, "commence comme une formule"),
        ({"free_text": "x" * 501}, "trop longues"),
        ({"phone_2": "06 39 98"}, "deux numéros"),
        ({"phone": "06 39 98 00 02 / 06 39 98 00 03", "phone_2": "02 98 00 00 01"}, "Plus de deux numéros"),
    ],
)
def test_a_row_that_a_person_should_look_at_is_doubtful_until_confirmed(given: dict[str, Any], reason: str) -> None:
    assert verdict(**given).verdict is Verdict.DOUBTFUL
    assert reason in " ".join(verdict(**given).reasons)
    assert verdict(**given, confirmed="oui").verdict is Verdict.VALID


@pytest.mark.parametrize("phone", ["02 98 00 00 01", "aucun"])
def test_both_numbers_of_a_row_are_kept(phone: str) -> None:
    judged = verdict(phone=phone, phone_2="06 39 98 00 02")

    assert judged.form is not None
    numbers = [judged.form.phone, judged.form.other_phone]
    assert numbers == (["+33639980002", None] if phone == "aucun" else ["+33298000001", "+33639980002"])


@pytest.mark.parametrize("between", [" / ", " ou ", "\n", "; "])
def test_two_numbers_in_one_cell_are_both_kept(between: str) -> None:
    judged = verdict(phone=f"06.39.98.00.02{between}06.39.98.00.03")

    assert judged.form is not None
    assert (judged.form.phone, judged.form.other_phone) == ("+33639980002", "+33639980003")
    assert judged.verdict is Verdict.VALID


def test_a_formula_is_kept_as_the_text_that_it_is() -> None:
    judged = verdict(street="=1+1", confirmed="oui")

    assert judged.form is not None
    assert judged.form.street == "=1+1"


@pytest.mark.parametrize(
    ("name", "postcode", "code"),
    [
        ("BREST CEDEX 2", "29283", "29019"),
        ("St Denis", "93200", "93066"),
        ("SAINT-DENIS", "97400", "97411"),
        ("", "29280", "29212"),
    ],
)
def test_a_commune_is_found_as_people_write_it(name: str, postcode: str, code: str) -> None:
    judged = verdict(commune=name, postcode=postcode, confirmed="oui")

    assert judged.form is not None
    assert judged.form.commune_code == code


def test_who_collected_the_agreements_of_the_file_stands_for_silent_rows_only() -> None:
    office = replace(OFFICE, collected=Collected("Ada", date(2025, 9, 1)))

    silent = verdict(office, agreement="")

    assert silent.form is not None
    assert (silent.form.agreement_by, silent.form.agreement_on) == ("Ada", date(2025, 9, 1))
    assert verdict(office, agreement="non").verdict is Verdict.REFUSED
    assert verdict(office, agreement="à demander").verdict is Verdict.REFUSED


def test_an_agreement_keeps_its_day_and_form() -> None:
    form = verdict(agreement="oui, écrit le 3/10/2025").form

    assert form is not None
    assert (form.agreement_mode, form.agreement_on) == (AgreementMode.WRITTEN, date(2025, 10, 3))


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        (Known(KNOWN, "2025-00001"), {}, Verdict.DUPLICATE),
        (Known(KNOWN, "2025-00001"), {"surname": "MARTÍN", "street": "ailleurs"}, Verdict.DUPLICATE),
        (Known(KNOWN, "2025-00001", is_open=False), {}, Verdict.DOUBTFUL),
        (Known(KNOWN, "2025-00001"), {"surname": "Oyelaran", "first_name": "Tunde"}, Verdict.DOUBTFUL),
        (Known(KNOWN, "2025-00001"), {"phone": "0639980009"}, Verdict.DOUBTFUL),
        (Known(KNOWN, "2025-00001"), {"phone": "0639980009", "street": "1 place Wilson"}, Verdict.VALID),
    ],
)
def test_known_households_are_found_by_number_name_and_street(
    known: Known, given: dict[str, Any], expected: Verdict
) -> None:
    judged = verdict(replace(OFFICE, known=[known]), **given)

    assert judged.verdict is expected
    assert ("2025-00001" in judged.known) is (expected is not Verdict.VALID)
    assert "2025" not in " ".join(judged.reasons)


def test_the_second_row_of_one_household_is_a_duplicate() -> None:
    first, second = judge([row(2), row(7)], OFFICE)

    assert (first.verdict, second.verdict, second.known) == (Verdict.VALID, Verdict.DUPLICATE, ("ligne 2",))


def test_a_row_already_taken_is_left_alone() -> None:
    assert verdict(replace(OFFICE, done=frozenset({(1, 2)})), phone="").verdict is Verdict.DONE


def test_a_reason_never_quotes_the_row() -> None:
    secret = "Zyxwv"

    judged = verdict(surname=f"={secret}", phone=secret, commune=secret, tenure=secret, email=secret, agreement=secret)

    assert judged.verdict is Verdict.REFUSED
    assert secret not in " ".join(judged.reasons)


def test_a_motive_in_other_words_is_kept_as_a_text() -> None:
    form = verdict(motives="Chat perdu", free_text="Rappeler").form

    assert form is not None
    assert form.motives == [Motive.OTHER]
    assert form.free_text == "Rappeler\nMotif indiqué\u00a0: Chat perdu"

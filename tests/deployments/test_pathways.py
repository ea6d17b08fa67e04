"""`relais pathway`: a fault is said with its file and line; nothing is published unseen; what ships is sound."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select

import deployments.publishing
from deployments import pathway_files
from deployments.pathway_commands import Publication, check, diagram, diff, publish
from deployments.pathway_files import Misread
from models.programmes import Programme
from services.foundation.clock import SetClock
from services.foundation.runtime import Runtime
from services.rules import checks
from services.rules.comparison import differences
from tests.services.rules.situations import Office, found_office

SHIPPED = deployments.publishing.DEFAULT.parent
SLIME = deployments.publishing.DEFAULT


@pytest.fixture
def office(runtime: Runtime, clock: SetClock) -> Office:
    return found_office(runtime.database, clock)


def changed(folder: Path, old: str, new: str, base: Path = SLIME) -> Path:
    """A pathway that ships with one thing written otherwise."""
    text = base.read_text()
    assert old in text
    file = folder / base.name
    file.write_text(text.replace(old, new, 1))
    return file


def line_of(text: str) -> int:
    """The line on which this text first stands in the pathway that ships."""
    before, _, _ = SLIME.read_text().partition(text)
    return before.count("\n") + 1


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_ships_is_sound_and_leaves_no_doubt(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(file) == 0
    assert "à vérifier" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("urgent: 0wd}, ladder: late_triage", "urgent: 0wd}, ladder: late", "échelle inconnue « late »"),
        ("urgent: 0wd}, ladder: late_triage", "urgent: 0wd}, lader: x", "vouliez-vous dire « ladder » ?"),
        ("{delay: 3wd, urgent: 0wd}", "{delay: 3 weeks}", "« 3 weeks » : ce n’est pas un délai"),
        ("{delay: 3wd, urgent: 0wd}", "{}", "il faut un délai (delay), une série (series)"),
        (
            "party: coordinator, due: {delay: 3wd, urgent",
            "party: mayor, due: {delay: 3wd, urgent",
            "« mayor » n’est pas",
        ),
        ("call_days: 3", "call_days: trois", "« call_days » doit être un nombre entier"),
        ("call_days: 3", "call_attempts: 4", "« call_attempts » est écrit deux fois (déjà ligne"),
        ("call_days: 3", "\tcall_days: 3", "une tabulation"),
        ("call_days: 3", "call_days: &three 3\ncall_slots: *three", "les ancres (& et *) ne sont pas admises"),
        ("{open: first_call}", "{open: last_call}", "la tâche « last_call » n’est pas définie"),
        ("{open: first_call}", "{first_call}", "« open » (ouvrir une tâche) ou « send » (écrire)"),
        ("  case.accepted:", "  case.taken:", "l’événement « case.taken » n’existe pas"),
    ],
)
def test_a_fault_is_said_with_its_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Misread) as misread:
        pathway_files.read(changed(tmp_path, old, new))

    place, sentence = misread.value.remarks[0].split(": ", 1)
    line = line_of(old) + (1 if "*three" in new else 0)
    assert place == f"slime.yaml:{line}"
    assert said in sentence.replace("\u00a0", " ")


@pytest.mark.parametrize("content", ["", "# rien\n", "- triage\n", "triage\n", "\x00"])
def test_what_is_no_pathway_at_all_is_one_sentence(content: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(content)

    with pytest.raises(Misread, match=r"^x\.yaml[:0-9]*: .*[^\n]$"):
        pathway_files.read(file)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("provisional: true", "provisional: false", "sa date doit être provisoire"),
        ("counts_from_delivery: true", "counts_from_delivery: false", "son échelle doit compter depuis la remise"),
        ("10wd\n        steps: [{send: referral_firm", "4wd\n        steps: [{send: referral_firm",
         "l’échelon 2 vient avant celui qui est écrit au-dessus"),
        ("      - {open: triage}\n", "      - {open: triage, when: danger_told}\n", "n’ouvre aucune tâche à coup sûr"),
        ("      - {open: return_loan}", "      - {open: triage}", "« loan.made » doit ouvrir la tâche « return_loan »"),
        ("at_once:\n      - {open: settle_dispute}", "at_once: []", "« referral.disputed » doit ouvrir une tâche"),
        ("series: [1mo, 6mo, 12mo]", "delay: 1mo", "« no_call_open » compte les appels"),
        ("actions: [correct_number]", "actions: [correct_it]", "« correct_it » n’est pas un acte que permet un lien"),
        ("  orient:              {", "  orient:              {title: Orienter, ", "elle ne prend pas de titre"),
    ],
)  # fmt: skip
def test_a_pathway_that_would_leave_something_undone_is_not_published(
    old: str, new: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(changed(tmp_path, old, new)) == 1
    assert said in capsys.readouterr().out.replace("\u00a0", " ")


def test_every_outcome_has_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = changed(tmp_path, "[Accord du comité, Complément demandé, ", "[", SHIPPED / "committee.yaml")

    assert check(file) == 1
    assert "un titre pour chaque issue" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      - {open: orient}\n", "      - {open: reorient}\n", "aucune règle n’ouvre la tâche « orient »"),
        ("completes: [return_loan]\n", "completes: []\n", "aucun événement ne termine la tâche « return_loan »"),
        ("      - {open: triage}\n      - {send", "      - {open: triage}\n      - {open: orient}\n      - {send",
         "la tâche « orient » est à quelqu’un qui peut manquer"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_is_said(old: str, new: str, said: str, tmp_path: Path) -> None:
    written = pathway_files.read(changed(tmp_path, old, new))

    assert any(said in flaw.sentence for flaw in checks.doubts(written.pathway))


def test_what_would_change_is_told_in_words(
    runtime: Runtime, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diff(runtime, changed(tmp_path, "{delay: 3wd, urgent: 0wd}", "{delay: 4wd, urgent: 1wd}"), "valdorne")

    told = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
    assert told[1:] == [
        "  tâche « Examiner la demande de visite » (triage), délai : 3 jours ouvrés (le jour même en cas d’urgence) "
        "→ 4 jours ouvrés (1 jour ouvré en cas d’urgence)"
    ]


OWN = "snooze_days: 10\nrevisit_months: 12\nhold_days: 20\n"
"""Settings that the shipped pathway leaves as they are."""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[{send: danger, to: coordinator, by: email, urgent: true}",
            "[{send: danger, to: coordinator, by: email}",
            "[urgent]",
        ),
        ("daily: true}", "daily: false}", "[groupé avec ceux du jour]"),
        ("by: email, about: report_outcome", "by: email", "[lien vers « Donner des nouvelles de l’aide »]"),
        ("wait: 1h, once: true", "wait: 2h", "[groupé avec ceux du jour, 2 heures après]"),
        ("wait: 1h, once: true", "once: true", "[groupé avec ceux du jour, une seule fois]"),
        ("{open: triage}", "{open: triage, when: danger_told}", "si danger_told"),
        ("{open: first_call}", "{open: call_again}", "tâche « Rappeler le ménage »"),
        ("completes: [triage]", "completes: []", "− termine « Examiner la demande de visite »"),
        ("actions: [correct_number]", "actions: []", "actes par lien : correct_number → aucun"),
        ("undelivered_after: 1wd", "undelivered_after: 2wd", "pas remis 2 jours ouvrés après"),
        ("snooze_days: 10\n", "snooze_days: 5\n", "jours ouvrés d’un report, au plus : 10 → 5"),
        ("revisit_months: 12\n", "", "mois pendant lesquels une visite déjà faite est signalée : 12 → 24"),
        ("hold_days: 20\n", "", "jours pendant lesquels un partenaire peut mettre son aide en attente : 20 → 30"),
        ("act: expire_referral", "act: forget", "acte forget"),
    ],
)
def test_no_change_goes_unsaid(old: str, new: str, said: str, tmp_path: Path) -> None:
    before = SLIME.read_text().replace("absences_allowed: 1", "absences_allowed: 1\n" + OWN)
    for name, text in (("before", before), ("after", before.replace(old, new, 1))):
        (tmp_path / name).write_text(text)

    changes = differences(*(pathway_files.read(tmp_path / name).pathway for name in ("before", "after")))

    assert any(said in change.replace("\u00a0", " ") for change in changes)


def test_the_second_pathway_differs_by_its_visits_and_its_committee(
    runtime: Runtime, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    diff(runtime, SHIPPED / "committee.yaml", "valdorne")

    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert "visites avant le rapport : 1 → 2" in told
    assert "nouvelle tâche « Passer en comité d’orientation » (committee) : la coordination, 35 jours" in told
    assert "événement « report.delivered » : − tâche « Orienter vers les partenaires »" in told


def test_nothing_is_published_until_somebody_says_yes(
    runtime: Runtime, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_id, file = office.triaged(), next_version(tmp_path)
    before = in_force(runtime)

    assert publish(runtime, file, Publication("valdorne")) == 0
    assert publish(runtime, file, Publication("valdorne", move_open=True, ask=lambda _: False)) == 0

    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert "09/10/2025 18 h → 20/10/2025 18 h" in told
    assert "Rien n’est changé" in told
    assert in_force(runtime) == before
    assert office.due(case_id) == {"triage": "2025-10-09 18:00"}


def test_open_cases_are_moved_when_that_is_asked(
    runtime: Runtime, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, file = office.triaged(), next_version(tmp_path)
    publish(runtime, file, Publication("valdorne", yes=True))
    assert office.due(kept) == {"triage": "2025-10-09 18:00"}

    assert publish(runtime, file, Publication("valdorne", yes=True, move_open=True)) == 0
    assert office.due(kept) == {"triage": "2025-10-20 18:00"}
    assert "Situations ouvertes qui ont changé de parcours : 1." in capsys.readouterr().out.replace("\u00a0", " ")


def test_cases_whose_dates_stay_are_counted_and_hide_none_of_the_others(
    runtime: Runtime, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alike, moved, file = office.visited(), office.triaged(), next_version(tmp_path)

    publish(runtime, file, Publication("valdorne"))

    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert f"{office.case(moved).number} (version" in told
    assert office.case(alike).number not in told
    assert "  Aucune date ne change : 1." in told


def test_a_file_with_a_fault_is_not_published(runtime: Runtime, office: Office, tmp_path: Path) -> None:
    before = in_force(runtime)

    assert publish(runtime, changed(tmp_path, "name: slime", "nom: slime"), Publication("valdorne", yes=True)) == 1
    assert in_force(runtime) == before


def test_a_drawing_shows_every_task_with_its_owner_and_its_date(capsys: pytest.CaptureFixture[str]) -> None:
    diagram(SHIPPED / "committee.yaml")

    told = capsys.readouterr().out.replace("\u00a0", " ")
    assert 't_committee["Passer en comité d’orientation<br>la coordination<br>35 jours"]' in told
    assert told.count("```mermaid\nflowchart LR\n") == 6
    assert "| Examiner la demande de visite | la coordination | 5 jours ouvrés" in told


def next_version(folder: Path) -> Path:
    """Another version, with more time to examine an alert."""
    file = changed(folder, "{delay: 3wd, urgent: 0wd}", "{delay: 10wd, urgent: 0wd}")
    file.write_text(re.sub(r"^version: \d+", "version: 99", file.read_text(), flags=re.MULTILINE))
    return file


def in_force(runtime: Runtime) -> str:
    with runtime.database.read() as unit:
        return unit.session.scalars(select(Programme.pathway_hash).where(Programme.slug == "valdorne")).one()


def test_the_second_pathway_keeps_pace_with_the_first() -> None:
    first, second = (pathway_files.read(SHIPPED / name).pathway for name in ("slime.yaml", "committee.yaml"))

    assert set(first.events) <= set(second.events)
    assert set(first.tasks) <= set(second.tasks)

"""A stranger's story that asks for what nobody knows is answered in one sentence, with the names that come closest."""

import re
from pathlib import Path

import pytest

import deployments.demonstration
from deployments.play import Player, read_story
from deployments.play.mistakes import closest
from deployments.play.scene import filled
from deployments.play.story import Story
from services.cases.findings import FindingsForm
from services.forms import ClosureForm, LoanForm, LostVisit
from services.foundation.clock import SetClock
from services.foundation.errors import InvalidInput, Setup
from services.foundation.runtime import build
from services.foundation.settings import Settings

SETTING = Path(deployments.demonstration.__file__).parent / "stories" / "vald_orne.yaml"


def told(folder: Path, *steps: str) -> Story:
    """The story of these steps, as its file says them."""
    lines = [f"story: x\nsetting: {SETTING}\nsteps:", *(f"  - {step}" for step in steps)]
    (folder / "x.yaml").write_text("\n".join(lines), encoding="utf-8")
    return read_story(folder / "x.yaml")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('"2026-01-05 10:00 claire acept_case": {}', r"2026-01-05 10:00 acept_case \(proche.*accept_case"),
        ('"2026-01-05 10:00 expect": {stat: triage}', r"mot inconnu «.stat.» \(proche.*state"),
        (
            '"2026-01-05 10:00 expect": {tasks: [{kin: triage}]}',
            r"ligne 4, 2026-01-05 10:00 mot inconnu «.tasks.0.kin.» \(proche.*kind",
        ),
        ('"2026-01-05 10:00 expect": {kit: {items: {led: 4}}}', r"led"),
        ('"2026-01-05 10:00 claire give_up": {case: lucete}', r"situation lucete"),
        ('"2026-01-05 10:00 nadia close_case": {outcom: solved}', r"ligne 4.*«.outcom.» \(proche.*outcome"),
        (
            '"2026-01-05 10:00 nadia decline_referral": {partner: adil, reason: full}',
            r"«.reason.» ne connaît pas «.full.»",
        ),
        ('"2026-01-05 10:00 nadia snooze_task": {task: triage, reason: workload}', r"il manque «.until.»"),
        (
            '"2026-01-05 10:00 expect": {no_messages: [{text: task_latte}]}',
            r"message ne s’appelle task_latte \(proche.*task_late",
        ),
        ('"2026-01-05 10:00 expect": {no_messages: [{text: task_late, to: nadya}]}', r"nadya \(proche.*nadia"),
        ('"2026-01-05 10:00 expect": {no_messages: [{text: task_late, state: sent}]}', r"ne connaît pas «.sent.»"),
        ('"2026-01-05 10:00 expect": {cannot_see: {karimm: Delorme}}', r"personne ne s’appelle karimm \(proche.*karim"),
        ('"2026-01-05 10:00 expect": {on_screen: {karimm: [x]}}', r"personne ne s’appelle karimm \(proche.*karim"),
        ('"2026-01-05 10:00 expect": {requests: {karim: {stag: visit}}}', r"requests.karim.stag.*\(proche.*stage"),
        ('"2026-01-05 10:00 expect": {sees: {claire: [a: b]}}', r"«.sees.claire.0.» est un texte, entre guillemets"),
        ('"2026-01-05 10:00 expect": {survey: {dwelling: {aera: 4}}}', r"«.dwelling.aera.» \(proche.*area"),
        ('"2026-01-05 10:00 expect": {survey: {rooms: {attic: {heated: yes}}}}', r"ne connaît pas «.attic.»"),
        ('"2026-01-05 10:00 expect": {handlings: {karim: 1}}', r"personne de l’équipe ne s’appelle karim"),
        ('"2026-01-05 10:00 expect": {visits: [{officer: tomas}]}', r"s’appelle tomas \(proche.*thomas"),
        ('"2026-01-05 10:00 expect": {not_coming: [task_latte]}', r"s’appelle task_latte \(proche.*task_late"),
        ('"2026-01-05 10:00 expect": {coming: [{task: triag}]}', r"s’appelle triag \(proche.*triage"),
        ('"2026-01-05 10:00 expect": {stage: detection, outcome: }', r"ligne 4.*«.outcome.» est vide"),
        ('"2026-01-05 10:00 expect":', r"ligne 4.*rien n’est attendu"),
        ('"2026-01-05 10:00 expect": {outcome: helped}', r"00 «.outcome.» ne connaît pas «.helped.» \(proche[^;]*$"),
        (
            '"2026-01-05 10:00 nadia close_case": {outcom: solved, refused: true}',
            r"ligne 4.*«.outcom.» \(proche.*outcome",
        ),
        (
            '"2026-01-05 10:00 claire add_note": {text: Froid, et humide}',
            r"ligne 4.*«.et humide.» n’est pas un mot.*entre guillemets",
        ),
        ('"2026-01-05 10:00 expect": {tasks: [{kind: triag}]}', r"aucune tâche ne s’appelle triag \(proche.*triage"),
        ('"2026-01-05 10:00 expect": {tasks: {kind: triage}}', r"«.tasks.» est une liste"),
        ('"2026-01-05 10:00 expect": {not_happened: [case.acepted]}', r"acepted \(proche.*case.accepted"),
        ('"2026-01-05 10:00 expect": {matches: {lucete: 90}}', r"ligne 4.*aucune situation ne s’appelle lucete"),
        ('"2026-01-05 10:00 expect": {no_messages: [{text: task_late, on: 06/01/2026}]}', r"un jour se dit 2025-10-09"),
        ('"2026-01-05 10:00 expect": {tasks: [{kind: triage, due: 2026-02-30}]}', r"un jour se dit 2025-10-09"),
        (
            '"2026-01-05 10:00 nadia record_call": {result: reached, phone: 639981001}',
            r"ligne 4.*«.phone.» est un texte",
        ),
        ('"2026-01-05 10:00 nadia take_task": {task: [triage]}', r"«.task.» est un texte"),
        ('"2026-01-05 10:00 nadia give_permission": {kind: photos, partner: }', r"«.partner.» est un texte"),
        ('"2026-01-05 10:00 nadia record_kit": {items: [led_bulb]}', r"«.items.» se dit mot par mot"),
        ('"2026-01-05 10:00 claire work_on": {days: monday, refused: true}', r"«.days.» est une liste"),
    ],
)
def test_what_nobody_knows_is_told_before_anything_is_played(step: str, said: str, tmp_path: Path) -> None:
    story = told(tmp_path, step)
    runtime = build(Settings(data_folder=tmp_path, database_url=None), clock=SetClock(story.steps[0].at))

    with pytest.raises(Setup, match=said):
        Player(story, runtime, proof=lambda _: "cannot_tell")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            ['"2026-02-30 10:00 claire give_up":'],
            r"ligne 4.*«.2026-02-30 10:00.» n’est pas un jour et une heure",
        ),
        (
            ['"2026-03-29 02:30 claire give_up":'],
            r"x.yaml, ligne 4.*«.2026-03-29 02:30.» n’existe pas.*l’heure d’été saute cette heure",
        ),
        (['"2026-01-05 10:00 claire give_up": {refused: 3}'], r"ligne 4.*«.refused.» est un texte"),
        (['"2026-01-05 claire give_up":'], r"x.yaml, ligne 4.*jour heure qui quoi"),
        (['"2026-01-05 10:00 claire accept_case": nord'], r"ce qui est donné se dit"),
        (['{at: "2026-01-05 10:00", who: claire, do: give_up, given: {}}'], r"mot inconnu «.given.»"),
        (
            ['"2026-01-05 10:00 clair give_up":'],
            r"10:00 give_up.*personne ne s’appelle clair \(proche.*claire",
        ),
        (
            ['"2026-01-05 10:00 claire give_up":', '"2026-01-04 10:00 claire give_up":'],
            r"2026-01-04 10:00 give_up vient après une étape du 2026-01-05 10:00",
        ),
        (
            ['"2026-01-05 10:00 karim report_alert": {case: a}', '"2026-01-05 10:01 karim report_alert": {case: a}'],
            r"ligne 5.*deux situations s’appellent a",
        ),
        (
            ['"2026-01-05 10:00 karim report_alert": {}', '"2026-01-05 10:01 karim report_alert": {}'],
            r"ligne 5.*deux situations n’ont pas de nom",
        ),
    ],
)
def test_what_is_no_step_is_told_with_its_place(steps: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(Setup, match=said):
        told(tmp_path, *steps)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("story: x\nsetting: {SETTING}\nsteps: [\n", r"x.yaml, ligne \d.*ne se lit pas"),
        ("story: x\nsetting: {SETTING}\nstep: []\nsteps:\n  - x\n", r"x.yaml, ligne 3.*mot inconnu «.step.»"),
        ("story: x\nsetting: {SETTING}\nsteps: {a: b}\n", r"x.yaml, ligne 3.*est une liste d’étapes"),
        (
            'setting: {SETTING}\nsteps:\n  - "2026-01-05 10:00 expect": {sees: {},\n      sees: {}}\n',
            r"x.yaml, ligne 4.*«.sees.» est dit deux fois",
        ),
    ],
)
def test_what_is_no_story_is_told_with_its_line(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(content.replace("{SETTING}", str(SETTING)), encoding="utf-8")

    with pytest.raises(Setup, match=said):
        read_story(tmp_path / "x.yaml")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("role: coordinator", "role: boss", r"ligne 40.*«.staff.claire.role.» ne connaît pas «.boss.»"),
        ("city: Ville", "subdivision: '99'\n  city: Ville", r"ligne 10.*aucun territoire n’a le code «.99.»"),
        ("contact@adil.example", "contact", r"ligne 21.*«.organisations.7.email.» n’est pas une adresse.*contact"),
        ("nadia.ferrand@energie-proche.example", "nadia", r"ligne 41.*«.staff.nadia.email.» n’est pas une adresse"),
        ("thomas.girard@", "Nadia.Ferrand@", r"ligne 42.*cette adresse est celle de nadia"),
        ("organisation: mds-est", "organisation: mds-ouest", r"mds-ouest \(proche\xa0: mds-est"),
        ("slug: adil", "slug: fsl", r"deux organismes s’appellent fsl"),
        ("  karim: {", "  ccas: {", r"ccas est déjà le nom de quelqu’un"),
        (
            "opened_on: 2024-01-01",
            "opened_on: 2024-01-01\nclosures: [{first_on: 2026-05-15, last_on: 2026-05-14, label: Pont}]",
            r"ligne 12.*la fin vient avant le début",
        ),
    ],
)
def test_a_wrong_setting_says_its_line(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    setting = SETTING.read_text(encoding="utf-8")
    assert right in setting
    (tmp_path / "s.yaml").write_text(setting.replace(right, wrong), encoding="utf-8")
    (tmp_path / "x.yaml").write_text("setting: s.yaml\nsteps: [x]\n", encoding="utf-8")

    with pytest.raises(Setup, match=f"s.yaml, .*{said}"):
        read_story(tmp_path / "x.yaml")


def test_a_story_without_its_setting_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("story: x\nsteps: []\n", encoding="utf-8")

    with pytest.raises(Setup, match=r"ne dit pas «.setting.»"):
        read_story(tmp_path / "x.yaml")


def test_a_step_is_its_head_alone_or_said_word_by_word(tmp_path: Path) -> None:
    story = told(
        tmp_path,
        '"2026-01-05 10:00 claire post_letters"',
        '{at: "2026-01-05 10:01", who: household, do: answer_on_page, case: a, refused: no, with: {answer: call_me}}',
        '{at: "2026-01-05 10:02", with: {stage: visit}}',
    )

    assert [(step.who, step.do, step.given) for step in story.steps] == [
        ("claire", "post_letters", {}),
        ("household", "answer_on_page", {"answer": "call_me"}),
        ("", "expect", {"stage": "visit"}),
    ]
    assert (story.steps[1].case, story.steps[1].refused) == ("a", "no")


@pytest.mark.parametrize(
    ("form", "given", "said"),
    [
        (FindingsForm, {"burdn": 21.7}, r"mot inconnu «.burdn.» \(proche.*burden"),
        (FindingsForm, {"burden": 140}, "vaut au plus 100"),
        (FindingsForm, {"energy_cost": "beaucoup"}, "« energy_cost » se dit en chiffres"),
        (LoanForm, {"item": "", "due_on": "demain"}, "« item » est vide.*« due_on » est un jour"),
        (ClosureForm, {}, "il manque « outcome »"),
        (ClosureForm, {"outcome": "solvd"}, r"ne connaît pas «.solvd.» \(proche.*solved"),
        (LostVisit, {"state": "cancelled_by_household", "reason": "dog"}, r"ne connaît pas «.dog.»"),
    ],
)
def test_a_step_that_does_not_fit_says_what_may_stand_there(form: type, given: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        filled(form, given)

    assert re.search(said, refused.value.sentence.replace("\N{NO-BREAK SPACE}", " "), re.IGNORECASE)


def test_a_name_like_no_other_is_left_alone() -> None:
    assert closest("zzz", ["accept_case"]) == ""

"""Takes the guards away one at a time and runs the tests that should notice: a suite that cannot fail proves nothing.

`python -m tests.faults.mutations [WORD...]` works on a copy of the tree; with words, on the guards that hold one of
them. Fails when a guard is no longer where it was, when a test fails without any mutation, and when a mutant survives.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TREES: Final = ("models", "services", "flows", "deployments", "tests")
FILES: Final = ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile")
PATIENCE_S: Final = 900
FAILED: Final = re.compile(r"^(?:FAILED|ERROR) \S+?::(\S+)", re.MULTILINE)
PASSED_CODE, FAILED_CODE = 0, 1


@dataclass(frozen=True)
class Mutant:
    """What stands guard, how it is taken away (`old` occurs once in `file`), and which tests must notice."""

    guard: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


DELIVERY: Final = "tests/flows/test_delivery.py"
STORM: Final = "tests/faults/test_storm.py"
DATABASE: Final = "tests/services/foundation/test_database.py"
WORK: Final = "tests/services/rules/test_work.py"
LEDGER: Final = "tests/services/rules/test_ledger.py"
CONTENTION: Final = "tests/faults/test_contention.py"
SLEEPER: Final = (
    f"{STORM}::test_a_worker_stopped_between_the_mark_and_data_finds_when_he_wakes_that_another_has_sent_it"
)

MUTANTS: Final = (
    Mutant(
        "the key of an effect",
        "services/rules/plan.py",
        "def _effect(situation: Situation, step: Step, key: str) -> Effect:\n",
        "def _effect(situation: Situation, step: Step, key: str) -> Effect:\n"
        "    key += __import__('uuid').uuid4().hex\n",
        ("tests/flows/test_detection.py::test_handling_a_cases_events_again_changes_nothing",),
    ),
    Mutant(
        "the fence of a relay whose lease was lost",
        "services/rules/work.py",
        "if gone.rowcount != len(ids):",
        "if False:",
        (
            f"{WORK}::test_a_late_worker_is_fenced_and_its_effects_are_rolled_back",
            "tests/flows/test_relay.py::test_a_relay_whose_lease_was_taken_leaves_no_effect",
        ),
    ),
    Mutant(
        "the token of a relay's lease",
        "services/rules/work.py",
        "return Work.id.in_(ids), Work.token == token, ",
        "return Work.id.in_(ids), ",
        (f"{WORK}::test_a_late_worker_is_fenced_and_its_effects_are_rolled_back",),
    ),
    Mutant(
        "the lease of an event",
        "services/rules/work.py",
        "and_(state == WorkState.LEASED.value, lapsed)",
        "state == WorkState.LEASED.value",
        (f"{WORK}::test_an_event_that_is_leased_is_not_claimed_twice",),
    ),
    Mutant(
        "the solitude of an event whose workers died",
        "services/rules/work.py",
        "if place < max(1, limit >> row.attempts)]",
        "if place < limit]",
        (f"{WORK}::test_workers_that_die_over_one_event_park_that_one_alone",),
    ),
    Mutant(
        "the order of a case's events",
        "services/rules/work.py",
        ".where(_is_open(Work.state, Work.ready_at, Work.leased_until), not_(_STUCK))",
        ".where(_is_open(Work.state, Work.ready_at, Work.leased_until))",
        (f"{WORK}::test_an_event_waits_for_an_earlier_one_of_its_case_in_other_hands", WORK),
    ),
    Mutant(
        "the token of a message's claim",
        "services/rules/ledger.py",
        "Message.id.in_(envelope.ids), Message.token == envelope.token, held",
        "Message.id.in_(envelope.ids), held",
        (f"{LEDGER}::test_a_late_worker_cannot_record_a_failure",),
    ),
    Mutant(
        "the mark before DATA",
        "services/channels/mail.py",
        "if not await before_data():",
        "if False:",
        (f"{DELIVERY}::test_a_worker_killed_anywhere_neither_loses_a_mail_nor_sends_it_twice",),
    ),
    Mutant(
        "the withdrawal of a mark that failed",
        "services/correspondence/delivery.py",
        "            self.asked.pop(envelope.id, None)  # who fails",
        "            pass  # who fails",
        (f"{DELIVERY}::test_who_could_not_mark_sends_nothing_and_nobody_marks_it_for_him",),
    ),
    Mutant(
        "the fence before DATA",
        "services/channels/mail.py",
        "if self._monotonic() - asked_at > FENCE_S:",
        "if False:",
        (SLEEPER,),
    ),
    Mutant(
        "the wait for proof",
        "services/rules/ledger.py",
        'if verdict == "cannot_tell":',
        "if False:",
        (f"{DELIVERY}::test_without_proof_an_unknown_mail_is_never_sent_again",),
    ),
    Mutant(
        "a late acceptance of what was put back",
        "services/rules/ledger.py",
        "_OPEN: Final = (MessageState.QUEUED, ",
        "_OPEN: Final = (",
        (
            "tests/services/rules/test_bundles.py::test_a_late_acceptance_of_what_was_put_back_keeps_it_from_leaving_again",
        ),
    ),
    Mutant(
        "the attempts spared while a server is away",
        "services/correspondence/delivery.py",
        "                breaker.trip()\n                waiting.appendleft(envelope)\n                return\n",
        "                breaker.trip()\n                handover = Handover('transient', detail='away')\n",
        ("tests/faults/test_mail_away.py",),
    ),
    Mutant(
        "the lock of SQLite's writers",
        "services/foundation/database.py",
        "fcntl.flock(handle, fcntl.LOCK_EX)",
        "pass",
        (f"{DATABASE}::test_writers_take_turns_without_the_patience_of_sqlite",),
    ),
    Mutant(
        "BEGIN IMMEDIATE",
        "services/foundation/database.py",
        '"BEGIN IMMEDIATE"',
        '"BEGIN"',
        (f"{DATABASE}::test_nobody_writes_between_what_a_writer_reads_and_what_he_writes",),
    ),
    Mutant(
        "the version of a case",
        "models/cases.py",
        '{"version_id_col": version}',
        '{"version_id_col": version, "version_id_generator": lambda _version: 1}',
        (f"{CONTENTION}::test_what_was_read_before_somebody_else_acted_is_not_written_over",),
    ),
    Mutant(
        "the lock of a case",
        "services/rules/policy.py",
        "query.with_for_update(of=Case)",
        "query",
        (f"{CONTENTION}::test_two_calls_noted_at_once_are_both_kept",),
    ),
    Mutant(
        "the order of the life of a case",
        "models/lifecycles.py",
        'raise TransitionRefused("case", state, action) from None',
        "return state",
        (f"{CONTENTION}::test_of_fifty_who_decide_one_case_at_once_one_wins_and_the_others_are_told",),
    ),
    Mutant(
        "one relay on an SQLite folder",
        "flows/relay.py",
        "fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        ("tests/flows/test_relay.py::test_a_second_relay_on_one_sqlite_folder_is_refused_in_one_sentence",),
    ),
    Mutant(
        "the older journal of an unmended SQLite",
        "services/foundation/database.py",
        'if module.sqlite_version_info >= _FIXED_SQLITE else "TRUNCATE"',
        'if True else "TRUNCATE"',
        ("tests/faults/test_disk.py::test_without_the_fix_of_its_log_sqlite_keeps_the_older_journal",),
    ),
    Mutant(
        "a full disk said in a sentence",
        "services/web/problems.py",
        "OUTAGES: Final = (OperationalError, InterfaceError, NoConnection)",
        "OUTAGES: Final = (InterfaceError, NoConnection)",
        ("tests/faults/test_disk.py::test_on_a_full_disk_relais_says_so_and_keeps_nothing_by_halves",),
    ),
    Mutant(
        "the idempotency key",
        "services/idempotency.py",
        "answer = unit.session.get(IdempotentAnswer, (actor, route, key))",
        "answer = None",
        ("tests/services/web/api/test_idempotency.py::test_the_same_request_gets_the_first_answer_again",),
    ),
    Mutant(
        "the origin of a form",
        "services/web/security.py",
        'return site == "same-origin"',
        "return True",
        ("tests/services/web/test_security.py::test_a_form_of_another_site_is_refused",),
    ),
    Mutant(
        "the right of a role",
        "services/rules/policy.py",
        "    check(unit, actor, case, right)\n    return case\n",
        "    return case\n",
        ("tests/services/rules/test_policy.py",),
    ),
    Mutant(
        "an operator's own cases",
        "services/rules/policy.py",
        "return and_(of_programme, Case.operator_id == actor.organisation_id, _GOES_ON)",
        "return of_programme",
        ("tests/services/rules/test_policy.py",),
    ),
    Mutant(
        "the programme's own cases",
        "services/rules/policy.py",
        "of_programme = Case.programme_id == actor.programme_id",
        "of_programme = Case.programme_id.is_not(None)",
        ("tests/services/rules/test_policy.py",),
    ),
)


def main(words: Sequence[str]) -> int:
    """Try the mutants; how many survived or could not be tried."""
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.guard for word in words)]
    with tempfile.TemporaryDirectory(prefix="relais-mutations-") as folder:
        copy = Path(folder)
        for tree in TREES:
            shutil.copytree(ROOT / tree, copy / tree, ignore=shutil.ignore_patterns("__pycache__"))
        for file in FILES:
            shutil.copy(ROOT / file, copy / file)
        code, failed = run(copy, sorted({test for mutant in chosen for test in mutant.tests}))
        if code != PASSED_CODE:
            say(f"Without any mutation: {failed}")
            return 1
        return sum(not is_killed(copy, mutant) for mutant in chosen)


def is_killed(copy: Path, mutant: Mutant) -> bool:
    """Whether a test fails, and for no other reason than the mutation; a line of the table says which."""
    file = copy / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutated(mutant, whole), encoding="utf-8")
    code, failed = run(copy, mutant.tests)
    file.write_text(whole, encoding="utf-8")
    verdict = {PASSED_CODE: "SURVIVES", FAILED_CODE: f"killed by {failed}"}.get(code, f"COULD NOT BE TRIED ({code})")
    say(f"{mutant.guard:45} {verdict}")
    return code == FAILED_CODE


def mutated(mutant: Mutant, whole: str) -> str:
    """The file without its guard. Raises `LookupError` when the guard is not there, or not once."""
    if whole.count(mutant.old) != 1:
        raise LookupError(f"{mutant.guard}: {whole.count(mutant.old)} times in {mutant.file}: {mutant.old!r}")
    return whole.replace(mutant.old, mutant.new)


def run(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """The exit code of pytest in this copy, and the first test that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    found = FAILED.search(done.stdout)
    return done.returncode, found[1] if found else done.stdout[-500:]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

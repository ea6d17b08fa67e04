"""`relais import cases FILE`: says what a coordinator's spreadsheet would give, and takes its cases in when asked."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployments.importing import columns, naming_the_option, place_of_corrections, verdicts, writing

if TYPE_CHECKING:
    from services.foundation.runtime import Runtime
    from services.imports.cases import CaseOrder, CaseOutcome


@dataclass(frozen=True)
class CaseOptions:
    """What the command may be told.

    Parameters
    ----------
    programme
        Identifiant du dispositif, s’il y en a plusieurs.
    mapping
        Fichier YAML qui dit quelle colonne est quoi (columns, defaults, values)\u00a0; retenu pour les fichiers aux
        mêmes en-têtes.
    errors
        Où écrire les lignes à corriger\u00a0; sinon, à côté du fichier.
    commit
        Ouvre les situations\u00a0; sans cette option, rien n’est écrit dans la base.
    """

    programme: str | None = None
    mapping: Path | None = None
    errors: Path | None = None
    commit: bool = False


def main(runtime: "Runtime", file: Path, options: CaseOptions) -> int:
    """Import a spreadsheet and say what became of it. Raises a refusal when nothing could be done with it."""
    from services.foundation.runtime import use
    from services.imports import cases
    from services.imports.case_columns import CASE_COLUMNS
    from services.imports.mapping import MappingFile, read_mapping

    said = read_mapping(options.mapping, CASE_COLUMNS) if options.mapping else MappingFile()
    order = cases.CaseOrder(file, options.programme, said, options.commit)
    with use(runtime), naming_the_option():
        outcome = cases.run(runtime.database, order)
    corrections = _write_corrections(file, options, outcome)
    lines = [*_remembered(outcome), *columns(outcome), *verdicts(outcome), *_positions(outcome)]
    sys.stdout.write("\n".join([*lines, *_next(order, outcome, corrections)]) + "\n")
    return 0


def _write_corrections(file: Path, options: CaseOptions, outcome: "CaseOutcome") -> Path | None:
    from services.imports import corrections
    from services.imports.case_columns import CASE_LABELS

    if not any(one.verdict in corrections.NOT_TAKEN for one in outcome.judged):
        return None
    path = place_of_corrections(file, options.errors, outcome)
    with writing(path):
        corrections.write(path, outcome.judged, tuple(CASE_LABELS), labels=CASE_LABELS, verdicts=corrections.NOT_TAKEN)
    return path


def _remembered(outcome: "CaseOutcome") -> Iterable[str]:
    if outcome.mapped.remembered:
        yield "Colonnes lues comme la dernière fois (mêmes en-têtes)\u00a0; --mapping les changerait."


def _positions(outcome: "CaseOutcome") -> Iterable[str]:
    from services.imports.positions import NAMES

    if outcome.positions:
        yield "Étapes des lignes valables\u00a0:"
    for position, count in outcome.positions:
        yield f"  {NAMES[position]:<22}{count:>6}"


def _next(order: "CaseOrder", outcome: "CaseOutcome", corrections: Path | None) -> Iterable[str]:
    if corrections is not None:
        yield f"Lignes non reprises, avec leur motif\u00a0: {corrections}. Corrigez-les, puis redonnez ce fichier."
    if not order.commit:
        yield "Essai à blanc\u00a0: rien n’a été écrit. Ajoutez --commit pour reprendre les situations valables."
        return
    yield f"Situations reprises\u00a0: {len(outcome.numbers)}. Rien de leur passé n’est envoyé."
    if outcome.recounted:
        yield f"Échéances comptées depuis aujourd’hui, la leur étant passée\u00a0: {outcome.recounted}."
    if outcome.uninformed:
        yield f"Lettres d’information à imprimer (ménages jamais informés)\u00a0: {outcome.uninformed}."

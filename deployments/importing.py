"""`relais import alerts FILE`: says what a file of alerts would give, and takes it in when asked."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.foundation.runtime import Runtime
    from services.imports.alerts import Order
    from services.imports.register import Outcome

SHOWN: Final = 20


@dataclass(frozen=True)
class Options:
    """What the command may be told.

    Parameters
    ----------
    organisation
        Identifiant du donneur d’alerte qui envoie le fichier.
    programme
        Identifiant du dispositif, s’il y en a plusieurs.
    mapping
        Fichier YAML qui dit quelle colonne est quoi (columns, defaults, values).
    collector
        Qui a recueilli l’accord des ménages, si le fichier ne le dit pas ligne par ligne.
    agreed_on
        Quand cet accord a été recueilli (AAAA-MM-JJ).
    errors
        Où écrire les lignes à corriger\u00a0; sinon, à côté du fichier.
    commit
        Ouvre les situations\u00a0; sans cette option, rien n’est écrit dans la base.
    notify
        Envoie aussi l’accusé de réception et les avis à la coordination\u00a0; sans cette option, rien ne part.
    """

    organisation: str
    programme: str | None = None
    mapping: Path | None = None
    collector: str | None = None
    agreed_on: date | None = None
    errors: Path | None = None
    commit: bool = False
    notify: bool = False


def main(runtime: "Runtime", file: Path, options: Options) -> int:
    """Import a file and say what became of it. Raises a refusal when nothing could be done with it."""
    from services.imports import alerts

    order = _order(file, options)
    with naming_the_option():
        outcome = alerts.run(runtime.database, order)
    corrections = _write_corrections(file, options, outcome)
    sys.stdout.write("\n".join([*columns(outcome), *verdicts(outcome), *_next(order, outcome, corrections)]) + "\n")
    return 0


def _order(file: Path, options: Options) -> "Order":
    from services.foundation.errors import InvalidInput
    from services.imports.alerts import Order
    from services.imports.mapping import MappingFile, read_mapping
    from services.imports.verdicts import Collected

    if (options.collector is None) != (options.agreed_on is None):
        raise InvalidInput(
            "collector", "Donnez ensemble --collector et --agreed-on\u00a0: qui a recueilli l’accord, et quand."
        )
    if options.notify and not options.commit:
        raise InvalidInput(
            "notify", "--notify n’a de sens qu’avec --commit\u00a0: sans lui, rien n’est écrit ni envoyé."
        )
    return Order(
        file=file,
        organisation=options.organisation,
        programme=options.programme,
        mapping=read_mapping(options.mapping) if options.mapping else MappingFile(),
        collected=Collected(options.collector, options.agreed_on) if options.collector and options.agreed_on else None,
        commit=options.commit,
        notify=options.notify,
    )


def _write_corrections(file: Path, options: Options, outcome: "Outcome") -> Path | None:
    from services.imports import corrections

    if not any(one.verdict in corrections.TO_CORRECT for one in outcome.judged):
        return None
    path = place_of_corrections(file, options.errors, outcome)
    with writing(path):
        corrections.write(path, outcome.judged, outcome.mapped.kept)
    return path


def place_of_corrections(file: Path, wanted: Path | None, outcome: "Outcome") -> Path:
    """Where the rows to correct go: where somebody said, else beside the file. Raises `InvalidInput`."""
    from services.foundation.errors import InvalidInput

    path = wanted or _free(file, ".xlsx" if outcome.is_workbook else ".csv")
    if path.resolve() == file.resolve():
        raise InvalidInput(
            "errors", "Le fichier à corriger ne peut pas remplacer le fichier lu\u00a0: changez --errors."
        )
    return path


@contextmanager
def naming_the_option() -> Iterator[None]:
    """Say by which option of a command somebody says what the columns are."""
    from services.imports.mapping import ColumnsRefused

    try:
        yield
    except ColumnsRefused as refused:
        raise ColumnsRefused(f"{refused.sentence} L’option --mapping prend un fichier qui le dit.") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence that a file cannot be written."""
    from services.foundation.errors import InvalidInput

    try:
        yield
    except OSError:
        raise InvalidInput("errors", f"«\u00a0{path}\u00a0» ne peut pas être écrit\u00a0: changez --errors.") from None


def _free(file: Path, suffix: str) -> Path:
    """A name beside the file that nobody uses: somebody may be correcting the one of the last run."""
    number, path = 1, file.with_name(f"{file.stem}-a-corriger{suffix}")
    while path.exists():
        number += 1
        path = file.with_name(f"{file.stem}-a-corriger-{number}{suffix}")
    return path


def columns(outcome: "Outcome") -> Iterable[str]:
    """What became of the columns, by their headers."""
    mapped = outcome.mapped
    if mapped.nir_dropped:
        yield f"Colonne écartée, numéros de sécurité sociale interdits ici\u00a0: {_listed(mapped.nir_dropped)}."
    if mapped.caf_dropped:
        yield f"Colonne écartée, numéros d’allocataire inutiles ici\u00a0: {_listed(mapped.caf_dropped)}."
    elsewhere = outcome.masked and not mapped.nir_dropped
    if elsewhere:
        yield f"Numéros de sécurité sociale masqués dans le texte\u00a0: {outcome.masked}."
    if mapped.ignored:
        yield f"Colonnes ignorées\u00a0: {_listed(mapped.ignored)}."


def verdicts(outcome: "Outcome") -> Iterable[str]:
    """How many rows of each verdict, and the reasons of the first ones."""
    from services.imports.verdicts import Verdict

    names = {
        Verdict.VALID: "Valables",
        Verdict.DOUBTFUL: "Douteuses",
        Verdict.DUPLICATE: "Doublons",
        Verdict.REFUSED: "Refusées",
        Verdict.DONE: "Déjà reprises",
    }
    yield f"{'Lignes':<16}{len(outcome.judged):>6}"
    for verdict, name in names.items():
        yield f"  {name:<14}{outcome.counts[verdict]:>6}"
    told = [one for one in outcome.judged if one.reasons]
    for one in told[:SHOWN]:
        known = f" ({', '.join(one.known)})" if one.known else ""
        yield f"  ligne {one.row.number}\u00a0: {' '.join(one.reasons)}{known}"
    if len(told) > SHOWN:
        yield f"  … et {len(told) - SHOWN} autres."


def _next(order: "Order", outcome: "Outcome", corrections: Path | None) -> Iterable[str]:
    from services.imports.verdicts import Verdict

    if outcome.dangers:
        lines = ", ".join(map(str, outcome.dangers))
        yield f"Danger signalé (ligne {lines})\u00a0: appelez ces ménages sans attendre."
    if corrections is not None:
        yield (
            f"Lignes à corriger ou à confirmer\u00a0: {corrections} (pour la coordination\u00a0: "
            "ne rendez au donneur d’alerte que les lignes refusées)."
        )
    if not order.commit:
        yield "Essai à blanc\u00a0: rien n’a été écrit. Ajoutez --commit pour ouvrir les situations valables."
        return
    yield f"Situations ouvertes\u00a0: {len(outcome.numbers)}."
    if outcome.counts[Verdict.VALID] and not order.notify:
        yield "Aucun message ne part\u00a0; la lettre d’information due aux ménages attend d’être imprimée."


def _listed(titles: Iterable[str]) -> str:
    return ", ".join(f"«\u00a0{title}\u00a0»" for title in titles)

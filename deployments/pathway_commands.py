"""What `relais pathway` does: check a file, say what it changes, publish it, draw it. It prints; services decide."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from deployments import pathway_files
from deployments.accounts import programme_named
from deployments.pathway_diagram import drawing
from deployments.pathway_files import Misread, PathwayFile
from models.pathway import Pathway
from models.programmes import Programme
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.runtime import Runtime
from services.foundation.settings import Settings
from services.programme import publishing
from services.programme.publishing import CaseMove, Moved
from services.rules import checks
from services.rules.comparison import differences
from services.rules.published import lacking, pathway_of
from services.rules.texts.typography import french


@dataclass(frozen=True)
class Publication:
    """How a pathway is published; `ask` puts a question to whoever is at the keyboard, None when nobody is."""

    programme: str | None = None
    yes: bool = False
    move_open: bool = False
    ask: Callable[[str], bool] | None = None


def check(file: Path) -> int:
    """Every fault and doubt of a file, with its line; 1 if it may not be published."""
    written = _sound(file)
    if written is None:
        return 1
    _say([f"Le parcours « {written.pathway.name} », version {written.pathway.version}, peut être publié."])
    return 0


def diff(current: Runtime, file: Path, programme: str | None) -> int:
    """What a file changes in the pathway that new cases of a programme follow."""
    written = pathway_files.read(file)
    with current.database.read() as unit:
        found = programme_named(unit, programme)
        _say(_changes(pathway_of(unit, found.pathway_hash), written.pathway))
    return 0


def publish(current: Runtime, file: Path, publication: Publication) -> int:
    """Say what changes and for whom; then, if agreed, put it in force and move the open cases when asked to."""
    written = _sound(file)
    if written is None:
        return 1
    with current.database.read() as unit:
        programme = programme_named(unit, publication.programme)
        programme_id = programme.id
        publishing.check_version(unit, written.pathway)
        moves = publishing.preview(unit, programme, written.pathway)
        _say(_announced(unit, programme, written.pathway, moves, is_moving=publication.move_open))
        is_in_force = pathway_of(unit, programme.pathway_hash) == written.pathway
        if is_in_force and not (moves and publication.move_open):
            return 0
    if not _is_agreed(publication):
        _say(["Rien n’est changé : c’était à blanc. Pour publier, ajoutez --yes."])
        return 0
    with current.database.write("publish") as unit:
        publishing.publish(unit, programme_named(unit, publication.programme), written.pathway)
    _say([f"Le parcours « {written.pathway.name} », version {written.pathway.version}, est en vigueur."])
    if publication.move_open:
        _say(_moved(publishing.move_open(current.database, programme_id, written.pathway)))
    return 0


def diagram(file: Path) -> int:
    """The pathway as Markdown: a Mermaid drawing a stage, and a table of the tasks."""
    sys.stdout.write(drawing(pathway_files.read(file).pathway))
    return 0


def _sound(file: Path) -> PathwayFile | None:
    """The pathway of a file if nothing is wrong with it; faults and doubts are printed."""
    try:
        written = pathway_files.read(file)
    except Misread as misread:
        _say([*misread.remarks, _faults(len(misread.remarks))])
        return None
    wrong = [*lacking(written.pathway, acts=_acts()), *checks.mistakes(written.pathway)]
    _say(written.remark(flaw) for flaw in sorted(wrong, key=written.line))
    doubts = sorted(checks.doubts(written.pathway), key=written.line)
    _say(f"{written.remark(flaw)} (à vérifier)" for flaw in doubts)
    if wrong:
        _say([_faults(len(wrong))])
    return None if wrong else written


def _acts() -> frozenset[str]:
    """What timers can do by themselves. Imports the flows, and so Prefect."""
    from deployments import environment

    environment.set_for_prefect(Settings())
    from flows.reminders import ACTS

    return frozenset(ACTS)


def _faults(count: int) -> str:
    return f"{count} {'faute' if count == 1 else 'fautes'} : ce parcours ne peut pas être publié."


def _changes(before: Pathway, after: Pathway) -> list[str]:
    if before == after:
        return [f"Rien ne change : le parcours « {after.name} », version {after.version}, est en vigueur."]
    versions = f"Du parcours « {before.name} », version {before.version}, à « {after.name} », version {after.version} :"
    told = differences(before, after) or ["rien, sinon la façon de l’écrire"]
    return [versions, *(f"  {line}" for line in told)]


def _announced(
    unit: UnitOfWork, programme: Programme, after: Pathway, moves: Sequence[CaseMove], *, is_moving: bool
) -> list[str]:
    """The changes, then what becomes of the open cases."""
    lines = _changes(pathway_of(unit, programme.pathway_hash), after)
    if not moves:
        return [*lines, "Aucune situation ouverte ne suit un autre parcours."]
    if not is_moving:
        kept = f"Situations ouvertes qui gardent leur parcours : {len(moves)}."
        lines.append(f"{kept} Avec --move-open, elles en changeraient ainsi :")
    else:
        lines.append("Les situations ouvertes changent de parcours ; ce qui est déjà arrivé ne se rejoue pas :")
    lines += [line for move in moves for line in _told(move, programme.zone)]
    alike = sum(1 for move in moves if not move.stays and not move.tasks)
    return [*lines, f"  Aucune date ne change : {alike}."] if alike else lines


def _told(move: CaseMove, zone: ZoneInfo) -> list[str]:
    """What a case keeps or gets; nothing of one whose dates stay, which would bury the others."""
    head = f"  {move.number} (version {move.version}) :"
    if move.stays:
        return [f"{head} reste, {move.stays}."]
    return [f"{head} {task.title}, {_day(task.before, zone)} → {_day(task.after, zone)}" for task in move.tasks]


def _day(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%d/%m/%Y} {wording.hour(local)}"


def _is_agreed(publication: Publication) -> bool:
    return publication.yes or (publication.ask is not None and publication.ask("Publier ce parcours ?"))


def _moved(done: Moved) -> list[str]:
    stay = [f"  {each.number} : reste, {each.stays}." for each in done.stay]
    return [f"Situations ouvertes qui ont changé de parcours : {done.moved}.", *stay]


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{french(line)}\n" for line in lines)

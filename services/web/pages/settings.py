"""The settings: what the programme has chosen, one line each, with the page that changes it."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import func, or_, select
from starlette.responses import Response

from models.engine import FileImport
from models.programmes import Closure, Membership, Organisation, Territory
from models.vocabulary import ImportState
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.programme import publishing, texts
from services.rules.policy import Right, require, rights
from services.web.pages import answers
from services.web.pages.visitor import SignedIn, Visitor

router = APIRouter(include_in_schema=False)
HERE: Final = "/reglages"


@dataclass(frozen=True)
class Line:
    """One thing that can be set: what it holds, how it stands, where it is changed ("" for others to change)."""

    title: str
    holds: str
    state: str
    href: str = ""


@router.get(HERE)
def show(request: Request, visitor: SignedIn) -> Response:
    """Every setting."""
    with visitor.runtime.database.read() as unit:
        require(visitor.actor, Right.SETTINGS)
        lines = [_pathway(unit, visitor), _texts(unit, visitor), *_around(unit, visitor)]
    return answers.page(request, "settings.html", shell=visitor.shell(HERE), lines=lines)


def _pathway(unit: UnitOfWork, visitor: Visitor) -> Line:
    last = publishing.standing(unit, visitor.actor).history[0]
    since = wording.day(last.at.astimezone(visitor.zone).date(), today=visitor.today)
    state = f"Parcours « {last.name} », version {last.version}, en vigueur depuis le {since}"
    holds = "Qui fait quoi, pour quand, et quelles relances partent."
    by = f", publiée par {last.by}" if last.by else ""
    return Line("Délais et relances", holds, f"{state}{by}.", f"{HERE}/delais")


def _texts(unit: UnitOfWork, visitor: Visitor) -> Line:
    known = texts.of_programme(unit, visitor.actor)
    own = sum(line.is_own for line in known)
    state = f"{len(known)} textes, dont {own} dans vos mots." if own else f"{len(known)} textes, tous d’origine."
    return Line("Textes", "Les e-mails, les SMS et les lettres que Relais envoie.", state, f"{HERE}/textes")


def _around(unit: UnitOfWork, visitor: Visitor) -> list[Line]:
    closures, people, organisations, communes, imported = _counts(unit, visitor)
    may_invite = Right.ADMINISTER in rights(visitor.actor)
    return [
        Line(
            "Calendrier", "Jours fermés, absences, jours travaillés, astreintes.",
            f"{_told(closures, 'fermeture')} à venir.",
            "/calendrier",
        ),
        Line(
            "Organisations", "Services qui signalent, opérateurs et partenaires, avec leurs adresses.",
            f"{organisations} organisations.", "/organisations",
        ),
        Line(
            "Territoire", "Les communes où travaille le dispositif, avec leurs dates.",
            f"{_told(communes, 'commune')}.", f"{HERE}/territoire",
        ),
        Line(
            "Reprises", "Vos tableaux de situations en cours, les listes de demandes d’un service.",
            f"{imported} fichiers repris." if imported > 1 else f"{imported or 'Aucun'} fichier repris.",
            f"{HERE}/reprises",
        ),
        Line(
            "Personnes", "Qui entre dans Relais, avec quel rôle.",
            f"{people} personnes{'.' if may_invite else ' ; l’administration les invite.'}",
            "/administration/personnes" if may_invite else "",
        ),
    ]  # fmt: skip


def _told(number: int, words: str) -> str:
    return wording.counted(number, words) if number else f"Aucune {words}"


def _counts(unit: UnitOfWork, visitor: Visitor) -> list[int]:
    """How many closures to come, people, organisations, communes of today, and files that were taken in."""
    ours, today = visitor.programme_id, visitor.today
    queries = (
        select(func.count()).select_from(Closure).where(Closure.programme_id == ours, Closure.last_on >= today),
        select(func.count(Membership.person_id.distinct())).where(
            Membership.programme_id == ours, Membership.ended_at.is_(None)
        ),
        select(func.count()).select_from(Organisation).where(
            Organisation.programme_id == ours, Organisation.ended_on.is_(None)
        ),
        select(func.count(Territory.commune_code.distinct())).where(
            Territory.programme_id == ours,
            Territory.from_on <= today,
            or_(Territory.to_on.is_(None), Territory.to_on >= today),
        ),
        select(func.count()).select_from(FileImport).where(
            FileImport.programme_id == ours, FileImport.state == ImportState.DONE
        ),
    )  # fmt: skip
    return [unit.session.scalar(query) or 0 for query in queries]

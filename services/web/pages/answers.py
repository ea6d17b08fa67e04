"""What a page answers: a template, a redirection that says what was done, and an act carried out once."""

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse

from models.cases import Document
from services import idempotency
from services.cases import documents
from services.foundation.database import UnitOfWork
from services.foundation.errors import Conflict
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.work import held_up, unhandled
from services.web.rendering import Form

SEE_OTHER: Final = 303
POLL_S: Final = 0.05
PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""While the other press of the same button is being answered."""
PASSWORDS: Final = frozenset({"current", "password"})
REMEDIES: Final = {"event.tried_again": "Événement essayé de nouveau", "message.sent_again": "Message renvoyé"}
DONE: Final = {
    "demande": "La situation est ouverte.",
    "mot-de-passe": "Le mot de passe est changé : les autres navigateurs sont déconnectés.",
    "connexion-fermee": "Votre connexion s’est fermée : rien n’est enregistré de ce que vous veniez d’envoyer.",
    "mot-de-passe-choisi": "Votre mot de passe est enregistré : connectez-vous avec lui.",
    "invitation": "L’invitation est partie : la personne choisit elle-même comment elle entre.",
    "role-donne": "Le rôle est donné. La personne se reconnecte pour l’avoir.",
    "role-retire": "Le rôle est retiré, tout de suite.",
    "telephone-oublie": "Le téléphone est oublié : la prochaine connexion en demandera un autre.",
    "compte-ferme": "Le compte est fermé, tout de suite.",
    "compte-rouvert": "Le compte est rouvert.",
    "cle-revoquee": "La clé est révoquée : elle n’ouvre plus rien.",
    "navigateur-ferme": "Ce navigateur est déconnecté.",
    "navigateurs-fermes": "Tous les autres navigateurs sont déconnectés.",
    "abonnement-arrete": "L’abonnement est arrêté : plus rien n’est envoyé à ce logiciel.",
    "abonnement-rejoue": "C’est relancé : les événements repartent dans l’ordre.",
    "remede": "C’est relancé : le motif est gardé.",
    "accepter": "La demande est acceptée : l’opérateur est prévenu.",
    "refuser": "La demande est refusée : le donneur d’alerte et le ménage reçoivent une réponse.",
    "appel": "L’appel est noté.",
    "numero": "Le nouveau numéro est enregistré.",
    "courriel": "L’adresse est enregistrée : les messages suivants y partent.",
    "courriel-retirer": "L’adresse est retirée : plus aucun e-mail ne part vers ce ménage.",
    "visite": "La visite est fixée : l’invitation et la confirmation partent.",
    "visite-deplacer": "La visite est déplacée : chacun reçoit la nouvelle date.",
    "visite-faite": "La visite est notée : le rapport est à rendre.",
    "visite-perdue": "C’est noté : la suite s’organise.",
    "danger": "Le danger est signalé : la coordination est prévenue tout de suite.",
    "danger-pris-en-charge": "Vous avez pris le danger en charge : les alertes s’arrêtent.",
    "rapport": "Le rapport est remis : l’orientation peut commencer.",
    "rapport-remplacer": "Le rapport est remplacé : l’ancien ne se lit plus.",
    "orienter": "La demande est envoyée au partenaire.",
    "reponse": "La réponse du partenaire est notée.",
    "adresse": "L’adresse est enregistrée : la demande repart.",
    "retirer": "La demande est retirée : le partenaire est prévenu.",
    "repondre": "Votre réponse est enregistrée : le partenaire est prévenu dans une minute.",
    "nouvelles": "Les nouvelles du partenaire sont notées.",
    "passer-au-suivi": "Le suivi commence.",
    "suivi": "L’appel de suivi est noté.",
    "cloturer": "La situation est terminée.",
    "renoncer": "La situation est terminée, ménage injoignable : la porte reste ouverte.",
    "rouvrir": "La situation est rouverte.",
    "suspendre": "La situation est en pause : les échéances attendent.",
    "reprendre": "La situation reprend : les échéances sont reculées d’autant.",
    "chiffres": "Les chiffres sont notés.",
    "releve": "Le relevé est complété.",
    "equipements": "Les équipements sont notés.",
    "sans-solution": "Le manque est noté : il compte dans les chiffres du dispositif.",
    "ressemblance": "La ressemblance est notée.",
    "derogation": "La dérogation est demandée.",
    "derogation-decision": "La décision est notée.",
    "reclamation": "La réclamation est notée : une réponse est due.",
    "reclamation-reponse": "La réponse est notée.",
    "diagnostic": "Le diagnostic est terminé : le rapport reste à remettre.",
    "non-eligible": "La situation est arrêtée : le donneur d’alerte et le ménage reçoivent une réponse.",
    "retrait": "L’accompagnement est arrêté à la demande du ménage.",
    "transmettre": "La situation passe à l’autre dispositif.",
    "fiche-remise": "C’est noté : le ménage et le donneur d’alerte sont prévenus.",
    "reunir": "Les deux situations n’en font plus qu’une.",
    "separer": "Les situations sont séparées : celle-ci est à examiner.",
    "reaffecter": "La situation est confiée au nouvel opérateur.",
    "revenus": "C’est noté : le niveau de revenus est sur la page.",
    "pret": "Le prêt est noté.",
    "pret-rendu": "Le retour de l’appareil est noté.",
    "pret-perdu": "L’appareil est noté perdu : personne ne le réclame plus.",
    "accord": "L’accord du ménage est noté.",
    "accord-retire": "L’accord est retiré : ce qui en dépendait s’arrête.",
    "tache-relancer": "La relance est prête : elle part avec l’e-mail du jour.",
    "rappel": "C’est annulé : rien n’est parti.",
    "rappel-partiel": "Une partie était déjà partie ; le reste est annulé.",
    "tache-prendre": "C’est noté : vous vous en occupez.",
    "tache-rendre": "La tâche est rendue à la coordination.",
    "tache-transmettre": "La tâche est transmise.",
    "tache-reporter": "Les relances sont reportées.",
    "tache-terminer": "La tâche est faite.",
    "preparer": "La demande est gardée : elle ne part pas avant que vous l’envoyiez.",
    "transferer": "La demande part à l’autre partenaire dans une minute ; le premier est prévenu alors.",
    "redemander": "Une nouvelle demande est préparée : relisez-la, puis envoyez-la.",
    "erreur": "La demande est annulée.",
    "aide-confirmee": "La parole du ménage est notée.",
    "aide-contestee": "C’est noté : la coordination vérifie.",
    "note": "La note est ajoutée.",
    "message-remis": "Le message est noté comme remis.",
    "message-non-remis": "Le message va repartir.",
    "reponse-lue": "La réponse est lue : rien d’autre n’est attendu pour elle.",
    "message-classe": "Le message est rangé dans cette situation, comme une note.",
    "message-sans-suite": "Le message est noté comme lu.",
    "envoi-passe": "C’est noté : cette relance ne partira pas, les suivantes gardent leur jour.",
    "envoi-avance": "La relance part dans une minute, sans attendre son jour.",
    "message-envoye": "Le message part dans une minute.",
    "contact": "C’est noté : les nouvelles seront demandées ainsi.",
    "coupure": "La coupure annoncée est suivie : les dates se comptent à rebours.",
    "coupure-jour": "Le nouveau jour est noté : les dates sont recomptées.",
    "coupure-fournisseur": "L’appel au fournisseur est noté.",
    "coupure-aide": "Le dépôt est noté : la fourniture est maintenue jusqu’à la décision.",
    "coupure-issue": "C’est noté.",
    "coupure-retablie": "Le retour de l’énergie est noté.",
    "absence": "L’absence est notée : voyez qui reçoit les messages.",
    "absence-annulee": "L’absence est annulée.",
    "jours": "Les jours travaillés sont enregistrés.",
    "astreinte": "L’astreinte est prévue.",
    "astreinte-annulee": "L’astreinte est annulée.",
    "jours-fermes": "Ces jours sont fermés : ce qui y tombait passe au jour ouvert suivant.",
    "fermeture": "La fermeture est notée.",
    "fermeture-annulee": "La fermeture est annulée.",
    "lien-renouvele": "Le lien est renouvelé : l’ancien n’ouvre plus rien. Donnez le nouveau au service.",
    "lettre-arretee": "C’est noté : la lettre du mois ne viendra plus.",
    "lettre-reprise": "C’est noté : la lettre du mois viendra de nouveau.",
    "lien-retire": "Le lien est retiré : il n’ouvre plus rien.",
    "organisation-ajoutee": "L’organisation est ajoutée.",
    "organisation-modifiee": "C’est enregistré.",
    "organisation-terminee": "Cette organisation n’est plus proposée ; ce qui a été fait reste écrit.",
    "organisation-reprise": "Cette organisation travaille de nouveau avec le dispositif.",
    "territoire": "Le territoire est enregistré : les prochaines demandes sont examinées ainsi.",
    "service-ajoute": "Le service est dans l’annuaire : l’orientation le propose dès maintenant.",
    "service-modifie": "La fiche est enregistrée, et vérifiée aujourd’hui.",
    "service-verifie": "C’est noté : la fiche est juste aujourd’hui.",
    "service-retire": "Le service n’est plus proposé.",
    "proposition-prise": "La fiche dit maintenant ce que le partenaire a proposé.",
    "proposition-ecartee": "La fiche reste comme elle était.",
    "zone-dessinee": "La zone est enregistrée.",
    "parcours-publie": "C’est publié pour les nouvelles situations ; celles qui sont ouvertes gardent leurs dates.",
    "texte-change": "Le texte est enregistré : les envois à partir de maintenant le disent ainsi.",
    "texte-retabli": "Le texte d’origine est rétabli.",
    "lettres-imprimees": "Les lettres sont prêtes : ouvrez le PDF, imprimez, postez.",
    "lettres-aucune": "Aucune lettre n’avait encore de raison de partir.",
    "fichier-lu": "Le fichier est lu : rien n’est encore écrit.",
    "fichier-relu": "Le fichier est relu avec vos corrections.",
    "fichier-demande": "La reprise est demandée : elle continue même si vous fermez cette page.",
    "fichier-efface": "Les lignes de ce fichier sont effacées.",
    "lettres-postees": "Le dépôt est noté dans l’histoire de chaque situation.",
}


def page(request: Request, name: str, /, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A template, filled; `inline` when htmx puts the answer in a page that is there."""
    context.setdefault("inline", is_inline(request))
    return HTMLResponse(request.app.state.pages.get_template(name).render(**context), status)


def is_inline(request: Request) -> bool:
    """Whether the page stays and only a part of it changes."""
    return request.headers.get("hx-request") == "true"


def pages(total: int, number: int, size: int, address: str) -> dict[str, Any] | None:
    """Where one is in a long list, and its neighbours; None if one page shows all. `address` ends before the number."""
    if total <= size:
        return None
    first, last = (number - 1) * size + 1, min(total, number * size)
    return {
        "here": f"{first} à {last} sur {total}",
        "previous": f"{address}{number - 1}" if number > 1 else None,
        "following": f"{address}{number + 1}" if last < total else None,
    }


def done_words(code: str) -> str:
    """The sentence of what was just done; nothing for a code that nobody wrote."""
    return DONE.get(code, "")


def see(address: str, done: str = "") -> RedirectResponse:
    """Lead to a page that says what was done; the address holds a code, never a datum."""
    return RedirectResponse(f"{address}?fait={done}" if done else address, SEE_OTHER)


def saved(runtime: Runtime, document: Document) -> FileResponse:
    """A file of a case: always saved, never shown among our pages."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(document.filename)}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return FileResponse(documents.path_of(runtime, document), media_type=document.media_type, headers=headers)


def blank() -> Form:
    """A form that nobody filled yet, with the key that lets one sending count once."""
    return Form()


def act_once(runtime: Runtime, data: FormData, *, actor: str, route: str, act: Callable[[UnitOfWork], object]) -> None:
    """Carry out an act in one transaction, once for each form that was shown, however often its button is pressed."""
    _in_turn(runtime, data, actor, route, act)


def has_acted(runtime: Runtime, data: FormData, *, actor: str, route: str) -> bool:
    """Whether this form was carried out already: for what is proved before the act, and cannot be proved twice."""
    return _in_turn(runtime, data, actor, route)


def _in_turn(
    runtime: Runtime, data: FormData, actor: str, route: str, act: Callable[[UnitOfWork], object] | None = None
) -> bool:
    """One press of a button after the other; whether one before did what it asks."""
    key = str(data.get("once") or new_token())
    digest = idempotency.request_hash(runtime.secrets, key, *_typed(runtime, data))
    for rest in (*PAUSES_S, None):
        try:
            with runtime.database.write("web") as unit:
                known = idempotency.find(unit, actor, route, key, digest) is not None
                if act is not None and not known:
                    act(unit)
                    idempotency.remember(unit, actor, route, key, digest, status=SEE_OTHER, body={})
            return known
        except idempotency.KeyReused:
            raise Conflict("Ce formulaire a déjà été envoyé : rouvrez la page avant d’en envoyer un autre.") from None
        except idempotency.KeyInUse:
            if rest is None:
                raise
            time.sleep(rest)
    raise AssertionError  # the last turn returns or raises


def _typed(runtime: Runtime, data: FormData) -> list[str]:
    """What tells one sending of a form from another. Of a password twelve bits: enough for that, and nothing to guess
    it by, since the answer is kept for days.
    """
    return [
        f"{name}={runtime.secrets.sign('typed', value)[:2] if name in PASSWORDS else value}"
        for name, value in sorted(data.multi_items(), key=str)
        if isinstance(value, str)
    ]


def wait_for_engine(request: Request, case_id: UUID) -> None:
    """Let the engine draw the consequences of the last acts before a page is shown; a moment at most."""
    database, until = request.app.state.runtime.database, time.monotonic() + request.app.state.engine_wait_s
    while time.monotonic() < until:
        with database.read() as unit:
            if unhandled(unit, [case_id]) == held_up(unit, [case_id]):
                return
        time.sleep(POLL_S)

"""The settings on screen: what would change is shown before anything does, and a text is said in one's own words."""

import asyncio
import html
import re
from typing import Any

import yaml
from sqlalchemy import select
from starlette.testclient import TestClient

from deployments.publishing import read_pathway
from flows.taking_in import take_in
from models.cases import Case
from models.engine import Task
from models.pathway import Pathway
from models.programmes import PathwayPublication, Programme
from models.vocabulary import CaseState
from tests.factories import Office, make_case
from tests.services.web.browser import browser, send

NOW = read_pathway().version
DELAYS, TEXTS = "/reglages/delais", "/reglages/textes"
REQUEST = f"{TEXTS}/referral_request/partner/email"


def plain(answer: Any) -> str:
    return html.unescape(str(answer.text)).replace("\N{NO-BREAK SPACE}", " ")


def filled(client: TestClient) -> dict[str, Any]:
    """The whole form as it is shown."""
    page = client.get(f"{DELAYS}/modifier").text
    typed: dict[str, Any] = dict(
        re.findall(r'<input type="(?:hidden|number)"[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page)
    )
    typed |= dict.fromkeys(re.findall(r'<input type="checkbox" name="([^"]+)" value="on" checked', page), "on")
    for name, options in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        (typed[name],) = re.findall(r'value="([^"]+)" selected', options)
    return typed


def carried(page: str) -> dict[str, Any]:
    return {
        "started_from": re.findall(r'name="started_from" value="(\w+)"', page)[0],
        "change": list(dict.fromkeys(re.findall(r'name="change" value="([^"]+)"', page))),
    }


def test_what_would_change_is_shown_before_it_is_published(office: Office) -> None:
    case_id = make_case(office, CaseState.TO_CONTACT)
    claire = browser(office, "claire")
    typed = filled(claire) | {"tasks.first_call.due.delay": "10", "call_attempts": "4"}
    del typed["ladders.late_operator.rungs.1.off"]

    shown = plain(send(claire, f"{DELAYS}/apercu", **typed))
    assert "Appels avant d’attendre un signe du ménage : 3 → 4" in shown
    assert "Appeler le ménage une première fois, délai : 5 jours ouvrés → 10 jours ouvrés" in shown
    assert "Tâche de l’opérateur en retard, 2e étape : envoyée → arrêtée" in shown
    assert "lundi 13 octobre à 18 h → lundi 20 octobre à 18 h" in re.sub(r"</?strong>", "", shown)
    assert f"version {NOW}, publiée" in plain(claire.get(DELAYS))
    again = plain(send(claire, f"{DELAYS}/apercu", then="corriger", **carried(shown)))
    assert 'value="10"' in again

    done = send(claire, f"{DELAYS}/publier", "p", open_cases="move", **carried(shown))

    assert done.headers["location"] == f"{DELAYS}/situations"
    assert "Déplacement en cours : il reste une situation" in plain(claire.get(f"{DELAYS}/situations"))
    move_all()
    assert "Aucune situation ouverte ne suit une autre version." in plain(claire.get(f"{DELAYS}/situations"))
    page = plain(claire.get(DELAYS))
    assert f"Version {NOW + 1}, lundi 6 octobre à 10 h, publiée par Claire Morvan" in page
    assert "arrêtée" in page
    with office.runtime.database.read() as unit:
        published = unit.session.get_one(Programme, office.programme_id).pathway_hash
        assert unit.session.get_one(Case, case_id).pathway_hash == published
        task = unit.session.scalars(select(Task).where(Task.case_id == case_id, Task.kind == "first_call")).one()
        assert f"{task.due_at:%d/%m}" == "20/10"
        assert unit.session.scalars(select(PathwayPublication)).one().by_id == office.claire.id
    held = Pathway.model_validate(yaml.safe_load(claire.get(f"{DELAYS}/parcours.yaml").text))
    assert (held.version, held.hash, held.call_attempts) == (NOW + 1, published, 4)


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(office: Office) -> None:
    claire = browser(office, "claire")
    typed = filled(claire) | {"call_slots": "9", "tasks.orient.due.delay": "dix", "call_days": "2"}

    page = plain(answer := send(claire, f"{DELAYS}/apercu", **typed))
    assert answer.status_code == 422
    assert all(
        words in page for words in ("Un nombre de 1 à 4 est attendu.", "Un nombre entier est attendu.", 'value="dix"')
    )
    assert "Orienter vers les partenaires, délai – Un nombre entier est attendu." in page  # forty fields are a "Délai"
    typed |= {"call_slots": "2", "tasks.orient.due.delay": "10", "ladders.answer.rungs.1.after": "2"}
    assert "Cette étape viendrait avant celle d’au-dessus." in plain(send(claire, f"{DELAYS}/apercu", **typed))
    assert "Rien ne changerait" in plain(send(claire, f"{DELAYS}/apercu", **filled(claire)))


def test_an_urgent_delay_and_reminders_are_added_and_removed_on_screen(office: Office) -> None:
    claire = browser(office, "claire")
    delay, own = "tasks.plan_visit.due.urgent", "tasks.plan_visit.urgent_ladder"

    shown = plain(send(claire, f"{DELAYS}/apercu", **filled(claire) | {delay: "1", own: "on"}))
    assert "Fixer la date de la visite, délai en cas d’urgence : aucun → 1 jour ouvré" in shown
    assert "Fixer la date de la visite, relances en cas d’urgence : comme d’ordinaire → à part" in shown
    send(claire, f"{DELAYS}/publier", "a", **carried(shown))
    assert "Fixer la date de la visite, en urgence" in plain(claire.get(DELAYS))
    assert "ladders.plan_visit_urgent.rungs.0.off" in filled(claire)

    without = filled(claire) | {delay: ""}
    del without[own]
    shown = plain(send(claire, f"{DELAYS}/apercu", **without))
    assert "délai en cas d’urgence : 1 jour ouvré → aucun" in shown
    again = plain(send(claire, f"{DELAYS}/apercu", then="corriger", **carried(shown)))
    assert f'name="{own}" value="on">' in again
    send(claire, f"{DELAYS}/publier", "b", **carried(shown))
    assert "Fixer la date de la visite, en urgence" not in plain(claire.get(DELAYS))


def move_all() -> None:
    """What the relay does until nothing that was asked is left."""
    while asyncio.run(take_in()):
        pass


def test_two_who_publish_at_once_are_told_of_each_other(office: Office) -> None:
    make_case(office, CaseState.TO_CONTACT)
    claire = browser(office, "claire")
    hers = carried(send(claire, f"{DELAYS}/apercu", **filled(claire) | {"snoozes": "3"}).text)
    other = carried(send(claire, f"{DELAYS}/apercu", **filled(claire) | {"visits": "2"}).text)
    assert send(claire, f"{DELAYS}/publier", "a", **other).status_code == 303

    late = send(claire, f"{DELAYS}/publier", "b", **hers)

    assert (late.status_code, f"Claire Morvan a publié la version {NOW + 1} entre-temps" in plain(late)) == (409, True)
    assert send(claire, f"{DELAYS}/publier", "c", **carried(late.text)).headers["location"].endswith("parcours-publie")
    behind = plain(claire.get(f"{DELAYS}/situations"))
    assert "Une situation ouverte suit une autre version." in behind
    assert f"vers la version {NOW + 2}" in behind
    assert send(claire, f"{DELAYS}/situations").headers["location"] == f"{DELAYS}/situations"
    move_all()
    assert "Aucune situation ouverte ne suit une autre version." in plain(claire.get(f"{DELAYS}/situations"))


def test_a_text_is_tried_saved_and_restored(office: Office) -> None:
    claire = browser(office, "claire")
    assert "Répondre avant le jour de l’échéance à une demande d’aide" in plain(claire.get(TEXTS))
    words = {"subject": "Pouvez-vous aider ? [Reference]", "version": "0"}
    body = "Bonjour,\n\nÀ [commune], pour : [type de solution].\n\nRépondre :\n[lien]\n\n<b>[signature]"

    wrong = send(claire, REQUEST, "a", **words, body="[menage], [prix] et {{ 7*7 }}")
    tried = send(claire, f"{REQUEST}/apercu", "b", **words, body=body)
    done = send(claire, REQUEST, "c", **words, body=body)
    late = send(claire, REQUEST, "d", **words, body=f"{body}.")

    assert wrong.status_code == 422
    assert all(
        each in plain(wrong) for each in ("Le champ « [prix] » n’existe pas", "Ce message ne connaît pas « [ménage] »")
    )
    assert "49" not in re.sub(r"<[^>]*>", "", plain(wrong).partition('id="preview"')[2].partition("</section>")[0])
    assert "À Brest, pour : Médiation avec le bailleur." in plain(tried)
    assert ("<b>" in tried.text, tried.text.count("&lt;b&gt;")) == (False, 2)
    assert (done.headers["location"], late.status_code) == (f"{REQUEST}?fait=texte-change", 409)
    assert "Claire Morvan a changé ce texte entre-temps" in plain(late)
    page = plain(claire.get(REQUEST))
    assert "Pouvez-vous aider ? [référence]" in page
    assert "dans vos mots" in page
    assert send(claire, f"{REQUEST}/retablir", "e", version="1").status_code == 303
    assert "texte d’origine rétabli" in plain(claire.get(REQUEST))


def test_only_the_coordination_has_settings(office: Office) -> None:
    page = plain(browser(office, "claire").get("/reglages"))
    assert all(words in page for words in (f"version {NOW}, en vigueur", "tous d’origine", 'href="/organisations"'))
    assert "/administration/personnes" not in page

    karim = browser(office, "karim")
    assert {karim.get(each).status_code for each in ("/reglages", DELAYS, f"{DELAYS}/modifier", TEXTS, REQUEST)} == {
        403
    }
    assert send(karim, f"{DELAYS}/publier", change="visits=2").status_code == 403
    assert send(karim, REQUEST, body="x").status_code == 403

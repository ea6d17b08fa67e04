"""What an https address adds: cookies of this host alone, never sent in the clear, and browsers that stay on https."""

from dataclasses import replace

import pytest

from services.web.sessions import PLAIN_COOKIE, SECURE_COOKIE
from tests.factories import Office
from tests.services.web import town
from tests.services.web.doors import World, knocker

STAYS = "max-age=31536000; includeSubDomains"
GIVING = (
    ("coordinator", "/connexion", {"etape"}),
    ("coordinator", "/connexion/telephone", {"", "appareil", "etape"}),
    ("operator", "/connexion/code", {"", "appareil", "etape"}),
    ("administrator", "/compte/telephone", {"etape"}),
    ("operator", "/deconnexion", {""}),
    ("nobody", "/connexion/lien", {"navigateur"}),
    ("partner", "/l/{token}/acces", {"navigateur"}),
    ("partner", "/acces/{token}", {"partenaire"}),
    ("partner", "/acces/quitter", {"partenaire"}),
    ("household", "/d/{slug}/ma-situation", {"menage"}),
    ("household", "/d/{slug}/ma-situation/quitter", {"menage"}),
)
"""Who is given a cookie, or has it taken, at which door, and which ones: the end of each name."""


@pytest.fixture
def world(office: Office) -> World:
    settings = office.runtime.settings.model_copy(update={"public_url": "https://relais.test"})
    return town.build(replace(office, runtime=replace(office.runtime, settings=settings)))


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_over_https_every_cookie_is_of_this_host_alone_and_out_of_reach(world: World) -> None:
    for actor, path, expected in GIVING:
        given = world.ask(knocker(world, actor), actor, "POST", path).headers.get_list("set-cookie")
        world.settle()

        names = {each.partition("=")[0] for each in given}
        assert names == {f"{SECURE_COOKIE}-{end}" if end else SECURE_COOKIE for end in expected}, path
        for each in given:
            assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(each.split("; ")), path
            assert "Domain" not in each, path


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_over_https_a_cookie_of_plain_http_opens_nothing(world: World) -> None:
    client, token = knocker(world, "operator"), world.holders["operator"].cookies[SECURE_COOKIE]

    answers = []
    for name in (PLAIN_COOKIE, SECURE_COOKIE):
        client.cookies = {name: token}
        answers.append([client.get(path).status_code for path in ("/a-faire", "/api/v1/today")])
    assert answers == [[303, 401], [200, 200]]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_over_https_every_answer_says_to_stay_there(world: World) -> None:
    client = knocker(world, "nobody")
    answers = [client.get(path) for path in ("/connexion", "/a-faire", "/rien", "/api/v1/today", "/static/relais.css")]
    answers.append(client.post("/connexion"))  # from no page of ours

    assert [answer.status_code for answer in answers] == [200, 303, 404, 401, 200, 403]
    assert {answer.headers["strict-transport-security"] for answer in answers} == {STAYS}

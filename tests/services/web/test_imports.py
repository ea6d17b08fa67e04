"""A file to take in, on the coordinator's page: read, corrected, carried out by the relay, forgotten."""

import asyncio
import io
import re
import resource
import zipfile
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from flows import relay
from flows.reminders import tick
from flows.taking_in import take_in
from models.cases import Case
from models.engine import Event, FileImport, ImportedColumns, Message
from models.programmes import AccessEntry, Organisation
from models.vocabulary import MessageState
from services.foundation.spreadsheet import workbook as text_workbook
from services.imports import carrying, files
from services.imports.reading import parse
from services.operations import upkeep
from tests import ledger
from tests.factories import Office
from tests.services.imports import stranger
from tests.services.imports.desk import faults
from tests.services.imports.office import HEADER, KADRI, MARTIN
from tests.services.web.browser import browser, send

HERE = "/reglages/reprises"
SPLIT: dict[str, str] = {"c:Statut": "tenure", "c:Où en est-on ?": "stage"}


def drop(client: TestClient, content: bytes, *, what: str = "situations", name: str = "Suivi.xlsx", **told: Any) -> Any:
    """Choose a file and send it."""
    file = {"file": (name, io.BytesIO(content))}
    return client.post(f"{HERE}/{what}", data={"once": name + what, **told}, files=file)


def chosen(page: str) -> dict[str, str]:
    """What the selects of a page say."""
    selects = re.findall(r'<select id="(?:colonne|valeur)-\d+" name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL)
    found = {name: re.search(r'value="([^"]*)" selected', options) for name, options in selects}
    return {name: hit[1] if hit else "" for name, hit in found.items()}


def take_all() -> None:
    """What the relay does until no file waits."""
    while asyncio.run(take_in()):
        pass


def engine() -> None:
    """What the relay does at this hour."""
    asyncio.run(relay.drain())
    asyncio.run(tick())
    asyncio.run(relay.drain())


def corrected(content: bytes) -> bytes:
    """The rows to correct, corrected: the type of solution, a telephone, a stage; the closed one stays."""
    header, *rows = parse(content).sheets[0].rows
    for row in rows:
        told = dict(zip(header, row, strict=True))
        if "Type de solution" in told["Motif (Relais)"]:
            row[header.index("Type de solution")] = "Médiation avec le bailleur"
        if not told["Téléphone"]:
            row[header.index("Téléphone")] = "06 39 98 09 99"
        if told["Étape"] == "?":
            row[header.index("Étape")] = "à appeler"
    return text_workbook("À corriger", [header, *rows])


def test_a_strangers_fifty_cases_run_on_without_a_mail_for_the_past(office: Office) -> None:
    client, database = browser(office, "claire"), office.runtime.database
    address = drop(client, stranger.workbook()).headers["location"].partition("?")[0]
    page = client.get(address).text
    assert "Deux colonnes peuvent être «\u00a0Étape\u00a0»" in page
    assert "Reprendre 4" not in page
    twice = client.post(f"{address}/colonnes", data={"once": "deux", **chosen(page)})
    assert twice.status_code == 422
    assert "est déjà lue ainsi" in twice.text

    assert send(client, f"{address}/colonnes", **chosen(page) | SPLIT, once="un").status_code == 303
    page = client.get(address).text
    assert "«\u00a0V1 ok\u00a0»" in page.replace("« V1 ok »", "«\u00a0V1 ok\u00a0»")
    send(client, f"{address}/colonnes", **chosen(page) | {"v:stage:V1 ok": "to_report"}, once="trois")
    page = client.get(address).text
    assert "Reprendre 42 situations" in page
    assert "Rien de son passé n’est envoyé" in page
    assert "Téléphone absent." in page
    assert "to_report" not in client.get(f"{address}?lignes=valid").text.replace('value="to_report"', "")
    assert "1234567" not in page
    assert len(parse(client.post(f"{address}/a-corriger").content).sheets[0].rows) == 9
    with database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Case)) == 0

    assert send(client, f"{address}/reprendre", once="quatre").status_code == 303
    assert "La reprise va commencer" in client.get(address).text
    take_all()
    page = client.get(address).text
    assert "42 situations reprises" in page
    rest = client.post(f"{address}/a-corriger").content
    again = drop(client, corrected(rest), name="a-corriger.xlsx").headers["location"].partition("?")[0]
    send(client, f"{again}/reprendre", once="cinq")
    take_all()
    assert "7 situations reprises" in client.get(again).text
    assert faults(database) == []

    live_on(office, address)


def live_on(office: Office, address: str) -> None:
    """Two months later nothing was told of the past, and no row of the files is left."""
    database, imported_at = office.runtime.database, office.clock.now()
    for _ in range(9):
        office.clock.at += timedelta(days=7)
        engine()
    with database.read() as unit:
        assert ledger.problems(unit, drained=True) == []
        assert unit.session.scalar(select(func.count()).select_from(Case)) == 49
        left = select(Event.occurred_at).join(Message, Message.event_id == Event.id)
        told = unit.session.scalars(left.where(Message.state != MessageState.CANCELLED)).all()
        assert told
        assert min(told) > imported_at
        kept = unit.session.scalars(select(FileImport).order_by(FileImport.dropped_at, FileImport.id)).all()
        assert [each.content for each in kept] == [None, None]
        assert unit.session.scalar(select(func.count()).select_from(ImportedColumns)) == 1
        logged = set(unit.session.scalars(select(AccessEntry.action).where(AccessEntry.action.startswith("import."))))
        assert logged == {"import.dropped", "import.read", "import.corrected", "import.asked", "import.fetched"}
    with database.write("night") as unit:
        assert upkeep.forget_files(unit) == []
    client = browser(office, "claire")
    assert client.post(f"{address}/a-corriger").status_code == 409
    assert "Fichier effacé" in client.get(HERE).text


def rows_of(*rows: Sequence[str], header: Sequence[str] = HEADER) -> bytes:
    return "\r\n".join(";".join(row) for row in (header, *rows)).encode()


def address_of(answer: Any) -> str:
    return str(answer.headers["location"]).partition("?")[0]


THREE = rows_of(
    ("Le Goff", "0639980001", "1 rue de Siam", "29200", "Brest", "à appeler", "Énergence"),
    ("Moal", "0639980002", "2 rue Pasteur", "29200", "Brest", "Nouveau", ""),
    ("Bihan", "0639980003", "3 place Guérin", "29200", "Brest", "à appeler", "Énergence"),
    ("", "", "", "", "", "", ""),
    ("Sans", "", "4 rue de Lyon", "29200", "Brest", "Nouveau", ""),
    header=("Nom", "Téléphone", "Adresse", "Code postal", "Commune", "Étape", "Opérateur"),
)


def test_a_file_is_taken_in_once_whoever_asks_and_whatever_dies_in_the_middle(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, database = browser(office, "claire"), office.runtime.database
    first = address_of(drop(client, THREE, name="a.csv"))
    second = address_of(drop(client, THREE, name="b.csv"))
    assert send(client, f"{first}/reprendre", once="un").status_code == 303
    refused = send(client, f"{second}/reprendre", once="deux")
    assert (refused.status_code, "déjà en cours de reprise" in refused.text) == (409, True)
    assert send(client, f"{first}/effacer", once="trois").status_code == 409

    carrying.carry_on(database, budget_s=0)  # a relay that has time for one row, then one that dies at the end
    page = client.get(first).text
    assert "Reprise en cours\u00a0: 1 sur 3" in page
    assert '<meta http-equiv="refresh"' in page
    with monkeypatch.context() as patch:
        patch.setattr(carrying, "_finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            carrying.carry_on(database, budget_s=60)
    take_all()

    assert "3 situations reprises" in client.get(first).text
    send(client, f"{second}/reprendre", once="quatre")
    take_all()
    assert "Aucune situation de plus" in client.get(second).text
    with database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(Case)) == 3
        told = select(FileImport.summary).where(FileImport.filename == "a.csv")
        assert unit.session.scalars(told).one()["counts"] == {"valid": 3, "refused": 1}


def test_a_file_that_nobody_can_take_in_stops_and_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    client, database = browser(office, "claire"), office.runtime.database
    address = address_of(drop(client, THREE, name="a.csv"))
    send(client, f"{address}/reprendre", once="un")
    with monkeypatch.context() as patch:
        patch.setattr(files, "batch_of", lambda *_: 1 / 0)
        for _ in range(carrying.TRIES):
            with pytest.raises(ZeroDivisionError):
                carrying.carry_on(database, budget_s=60)
        carrying.carry_on(database, budget_s=60)
    assert "Relais n’a pas pu aller au bout" in client.get(address).text

    send(client, f"{address}/reprendre", once="deux")
    take_all()

    assert "3 situations reprises" in client.get(address).text


def test_a_drop_without_service_nor_file_is_told_of_both(office: Office) -> None:
    answer = send(browser(office, "claire"), "/reglages/reprises/demandes", collected_by="Mme Roy")

    assert answer.status_code == 422
    assert "Choisissez le service qui envoie ce fichier." in answer.text
    assert "Choisissez un fichier." in answer.text


def test_a_list_of_alerts_says_its_service_and_nothing_leaves_unless_asked(office: Office) -> None:
    client = browser(office, "claire")
    with office.runtime.database.write("test") as unit:
        unit.session.get_one(Organisation, office.giver_id).email = "ccas@example.org"
    content = rows_of((*MARTIN, "Danger"), (*KADRI[:8], "", ""), header=(*HEADER, "Urgence"))
    giver = {"organisation_id": str(office.giver_id)}
    assert drop(client, content, what="demandes", name="a.csv").status_code == 422
    halved = drop(client, content, what="demandes", name="a.csv", **giver, collected_by="Ada")
    assert "qui a recueilli l’accord" in halved.text
    said = giver | {"collected_by": "Ada", "collected_on": "2025-10-01"}
    address = address_of(drop(client, content, what="demandes", name="b.csv", **said))
    page = client.get(address).text
    assert "Danger signalé" in page
    assert "Aucun e-mail ni SMS ne part pour elles" in page

    send(client, f"{address}/reprendre", once="deux")
    take_all()
    engine()

    assert "2 situations reprises" in client.get(address).text
    with office.runtime.database.read() as unit:
        left = unit.session.scalars(select(Message.channel).where(Message.state != MessageState.CANCELLED))
        assert set(left) == {"letter"}


def zipped(*entries: tuple[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return data.getvalue()


def with_strings(strings: bytes) -> bytes:
    """A true workbook whose texts are these."""
    with zipfile.ZipFile(io.BytesIO(stranger.workbook())) as archive:
        kept = [(name, archive.read(name)) for name in archive.namelist() if name != "xl/sharedStrings.xml"]
    return zipped(*kept, ("xl/sharedStrings.xml", strings))


BOOK = ("xl/workbook.xml", b"<workbook/>")
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><sst><si><t>&b;</t></si></sst>'


def attacks() -> dict[str, tuple[bytes, str]]:
    """Put together when they are asked for: every worker imports this file, and one is large."""
    long = b"<sst>" + b"<si><t>%b</t></si>" % (b"x" * 150_000) * 400 + b"</sst>"
    return {
        "bombe.xlsx": (zipped(BOOK, ("xl/a.bin", b"\0" * (220 << 20))), "bien plus que des lignes utiles"),
        "beaucoup.xlsx": (zipped(BOOK, *((f"x{n}", b"") for n in range(3000))), "bien plus que des lignes utiles"),
        "long.xlsx": (with_strings(long), "bien plus que des lignes utiles"),
        "rires.xlsx": (with_strings(LAUGHS), "est abîmé"),
        "dehors.xlsx": (zipped(("../../etc/cron.d/a", b"*"), ("/etc/a", b"*")), "n’est pas un tableur"),
        "page.xlsx": (b"<html><script>alert(1)</script></html>", "n’est pas un tableur"),
        "outil.csv": (b"MZ\x90\0\x03\0\0\0", "n’est pas un tableur"),
        "lettre.ods": (b"%PDF-1.7\n/JavaScript", "n’est pas un tableur"),
        "lourd.csv": (b"a;b\n" * (5 << 20) + b"c", "dépasse 20"),
    }


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_that_attacks_is_refused_in_one_sentence_and_costs_little_memory(office: Office) -> None:
    client, files = browser(office, "claire"), attacks()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    said = {name: drop(client, content, name=name) for name, (content, _) in files.items()}

    found = {name: (answer.status_code, files[name][1] in answer.text) for name, answer in said.items()}
    assert found == dict.fromkeys(files, (422, True))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    form = {"content-type": "multipart/form-data; boundary=b"}
    parts = b"".join(b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(10_000)) + b"--b--"
    assert client.post(f"{HERE}/situations", content=parts, headers=form).status_code in {400, 404, 422}
    with office.runtime.database.read() as unit:
        assert unit.session.scalar(select(func.count()).select_from(FileImport)) == 0


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_name_and_a_cell_do_nothing_but_be_read(office: Office) -> None:
    client = browser(office, "claire")
    header = ("Nom", "Téléphone", "Adresse", "Commune", "Étape")
    row = ("=HYPERLINK(1)", "0639980001", "1 rue de Siam", "Brest", "+SOMME(A1)")

    address = address_of(drop(client, rows_of(row, header=header), name='../a"\u202e<b>.csv' + "x" * 4000))
    page = client.get(address).text
    rest = client.post(f"{address}/a-corriger")

    assert "<b>" not in page.partition("<main")[2].partition("</h1>")[0]
    assert rest.headers["content-disposition"] == 'attachment; filename="a-corriger.csv"'
    cells = [cell.strip('"') for line in rest.content.decode("utf-8-sig").splitlines() for cell in line.split(";")]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert "'=HYPERLINK(1)" in cells

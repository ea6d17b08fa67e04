"""Through the API: a file is dropped, looked at, its columns said, its rows taken in, those to correct taken away."""

from typing import Any

from services.imports import carrying
from services.imports.reading import parse
from tests.services.web.api.office import Office

ROWS = (
    "Nom;Tél;Rue;Ville;Où en est-on;Suivi par\r\n"
    "Le Goff;0639980001;1 rue de Siam;Brest;V1;Bo\r\n"
    "Moal;;2 rue Pasteur;Brest;Nouveau;\r\n"
).encode()


def test_a_file_goes_its_whole_way_through_the_api(office: Office) -> None:
    sent: dict[str, Any] = {"files": {"file": ("suivi.csv", ROWS)}}
    assert office.post("Bo", "/imports", **sent).status_code == 403
    assert office.post("Ada", "/imports", files={"file": ("a.xlsx", b"<html>")}).status_code == 422
    first = office.post("Ada", "/imports", key="un", **sent)
    assert office.post("Ada", "/imports", key="un", **sent).json() == first.json()
    path = f"/imports/{first.json()['id']}"

    office.act("Ada", f"{path}/columns", {"values": {"stage": {"V1": "à appeler"}}})
    seen = office.get("Ada", f"{path}/preview").json()
    assert {each["title"]: each["field"] for each in seen["columns"]}["Où en est-on"] == "stage"
    assert seen["counts"] == {"valid": 1, "refused": 1}
    assert office.get("Ada", f"{path}/preview", verdict="refused").json()["rows"] == [
        {"number": 3, "verdict": "refused", "reasons": ["Téléphone absent."], "known": []}
    ]
    assert office.post("Ada", f"{path}/columns", {"columns": {"nom": "x"}}).status_code == 422
    assert office.get("Cy", path).status_code == 403

    assert office.act("Ada", f"{path}/carry-out")["state"] == "queued"
    carrying.carry_on(office.runtime.database, budget_s=60)

    done = office.get("Ada", path).json()
    assert (done["state"], done["taken"], done["counts"]) == ("done", 1, {"valid": 1, "refused": 1})
    rest = office.get("Ada", f"{path}/to-correct")
    assert len(parse(rest.content).sheets[0].rows) == 2
    assert office.act("Ada", f"{path}/withdraw")["filename"] == ""
    assert office.post("Ada", f"{path}/carry-out").status_code == 409
    assert [each["state"] for each in office.get("Ada", "/imports").json()["items"]] == ["done"]

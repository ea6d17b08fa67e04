"""The figures on their page: drawings that say what they tell, tables that lead to lists, files; nothing under five."""

import html
import io
import re
from itertools import pairwise

import python_calamine

from models.vocabulary import CaseState
from services.web.drawings import Bar, bars
from tests.factories import Office, make_case
from tests.services.web.browser import browser


def some_cases(office: Office) -> None:
    for _ in range(6):
        make_case(office)
    make_case(office, CaseState.ORIENTING)


def test_a_figure_leads_to_its_cases_and_a_small_one_is_neither_told_nor_linked(office: Office) -> None:
    some_cases(office)
    client = browser(office, "claire")
    page = html.unescape(client.get("/chiffres").text).replace("\N{NO-BREAK SPACE}", " ")
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="num">(.*?)</td>', page))
    (href, told) = re.findall(r'<a href="([^"]+)">(\d+)</a>', rows["Demande reçue"])[0]

    assert (told, rows["Visite faite"]) == ("7", "–")
    assert client.get(href).text.count('scope="row"') == 7
    assert "Un tiret cache" in page


def test_a_drawing_is_named_described_and_has_its_table(office: Office) -> None:
    some_cases(office)
    page = browser(office, "claire").get("/chiffres").text

    for code in ("received", "funnel", "delays", "ages", "seasons"):
        assert f'aria-labelledby="{code}-title {code}-desc"' in page
        assert f'<title id="{code}-title">' in page
    assert page.count("<figcaption>") == page.count('<caption class="sr">') == 5
    assert "style=" not in page


def test_the_files_hold_the_same_tables(office: Office) -> None:
    some_cases(office)
    client = browser(office, "claire")
    text = client.get("/chiffres/chiffres.csv").content.decode("utf-8-sig")
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(client.get("/chiffres/chiffres.xlsx").content))
    cells = book.get_sheet_by_index(0).to_python()

    assert "Demande reçue;7;100" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert ["Demande reçue", 7.0] in [row[:2] for row in cells]
    assert client.get("/chiffres/chiffres.exe").status_code == 404


def test_a_drawing_keeps_markup_out_and_bars_in_proportion() -> None:
    drawn = bars("x", "<b>", "dit", [Bar("a", 10, "10"), Bar("b", 5, "5"), Bar("c", None, "–")])
    widths = [float(width) for width in re.findall(r'class="bar"[^>]* width="([\d.]+)%"', drawn)]

    assert "&lt;b&gt;" in drawn
    assert [round(a / b) for a, b in pairwise(widths)] == [2]
    assert drawn.count('class="kept"') == 1

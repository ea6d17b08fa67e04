"""The programme's figures: drawings with their tables and a sentence each, by period and commune; the same as files."""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import xlsxwriter
from babel.dates import format_date
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.foundation import wording
from services.foundation.errors import NotFound
from services.listing import Filters
from services.overview import figures
from services.overview.figures import Count, Delay, Figures
from services.rules.disclosure import FEWEST
from services.rules.texts.labels import inside, label
from services.web import drawings
from services.web.drawings import Bar, Span
from services.web.pages import answers
from services.web.pages.lists import Asked
from services.web.pages.visitor import SignedIn

router = APIRouter(include_in_schema=False)
HERE: Final = "/chiffres"
LIST: Final = "/situations"
KEPT: Final = "–"
"""A number that is kept back: under five, or one that would give such a one away."""
KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@router.get(HERE)
def show(request: Request, visitor: SignedIn, asked: Asked) -> Response:
    """Funnel, delays, ages, seasons of the cases opened in a period."""
    with visitor.runtime.database.read() as unit:
        filters = _filters(asked, figures.last_year(unit, visitor.actor))
        found = figures.figures(unit, visitor.actor, filters)
        communes = figures.communes(unit, visitor.actor)
    return answers.page(
        request,
        "figures.html",
        shell=visitor.shell(HERE),
        blocks=_blocks(found),
        filters=filters,
        communes=communes,
        total=_words(found.total),
        period=_period(filters),
        fewest=FEWEST,
        files=[(kind.upper(), filters.address(f"{HERE}/chiffres.{kind}")) for kind in KINDS],
    )


@router.get(f"{HERE}/chiffres.{{kind}}")
def download(visitor: SignedIn, asked: Asked, kind: str) -> Response:
    """The same tables as a file."""
    if kind not in KINDS:
        raise NotFound
    with visitor.runtime.database.read() as unit:
        filters = _filters(asked, figures.last_year(unit, visitor.actor))
        found = figures.figures(unit, visitor.actor, filters)
    blocks = _blocks(found)
    rows = [["Période", _period(filters)], ["Commune", filters.commune or "toutes"]]
    for block in blocks:
        rows += [[], [block["heading"]], [column["label"] for column in block["columns"]]]
        rows += [[cell["text"] for cell in row] for row in block["rows"]]
    body = _csv(rows) if kind == "csv" else _xlsx(rows)
    headers = {"content-disposition": f'attachment; filename="chiffres.{kind}"'}
    return Response(body, media_type=KINDS[kind], headers=headers)


def _filters(asked: Filters, usual: Filters) -> Filters:
    """What narrows the figures: a period, the last twelve months unless one is given, and a commune."""
    first, last = asked.opened_from or usual.opened_from, asked.opened_to or usual.opened_to
    if first is not None and last is not None and last < first:
        first, last = last, first
    return Filters(opened_from=first, opened_to=last, commune=asked.commune, operator_id=asked.operator_id)


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Semicolons and a mark of its encoding: what a French spreadsheet opens by a double click."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Chiffres")
        sheet.set_column(0, 0, 42)
        sheet.set_column(1, 4, 18)
        for place, row in enumerate(rows):
            for at, cell in enumerate(row):
                number = cell.replace(wording.NBSP, "").replace(",", ".")
                if number.replace(".", "", 1).isdigit():
                    sheet.write_number(place, at, float(number))
                else:
                    sheet.write_string(place, at, cell)
    return data.getvalue()


# --- Blocks: a heading, a drawing, its table, the sentence that it tells


def _blocks(found: Figures) -> list[dict[str, Any]]:
    gaps = [_gaps(found)] if found.gaps else []
    return [_received(found), _funnel(found), _delays(found), _ages(found), _seasons(found), *gaps]


def _block(code: str, heading: str, drawing: Any, sentence: str, table: tuple[list[str], list[Any]]) -> dict[str, Any]:
    names, rows = table
    columns = [{"label": name, "num": place > 0} for place, name in enumerate(names)]
    return {
        "code": code,
        "heading": heading,
        "drawing": drawing,
        "sentence": sentence,
        "columns": columns,
        "rows": rows,
    }


def _cell(text: str, href: str = "") -> dict[str, str]:
    return {"text": text, "href": href}


def _counted(each: Count) -> dict[str, str]:
    """A number with its list; one that is kept back leads nowhere."""
    return _cell(_words(each.count), each.filters.address(LIST) if each.count else "")


def _words(count: int | None) -> str:
    return KEPT if count is None else f"{count:,}".replace(",", wording.NBSP)


def _share(count: int | None, of: int | None) -> str:
    return f"{round(100 * count / of)} %" if count is not None and of else KEPT


def _received(found: Figures) -> dict[str, Any]:
    """Requests lead to no list: several may be of one household."""
    values = [Bar(label("received", each.code), each.count, _words(each.count)) for each in found.received]
    alerts, households, _ = (each.count for each in found.received)
    sentence = "Trop peu de demandes dans cette période pour en dire quelque chose."
    if alerts and households:
        sentence = f"{_words(alerts)} demandes reçues pour {_words(households)} ménages."
    rows = [
        [_cell(label("received", each.code)), _cell(_words(each.count)) if each.code == "alerts" else _counted(each)]
        for each in found.received
    ]
    heading = "Demandes et ménages"
    drawing = drawings.bars("received", heading, sentence, values)
    return _block("received", heading, drawing, sentence, (["Ce qui est compté", "Nombre"], rows))


def _gaps(found: Figures) -> dict[str, Any]:
    values = [Bar(label("theme", each.code), each.count, _words(each.count)) for each in found.gaps]
    known = [(each.count, label("theme", each.code)) for each in found.gaps if each.count]
    sentence = "Des besoins sont restés sans solution, trop peu de chaque sorte pour en dire plus."
    if known:
        count, theme = max(known)
        sentence = f"Ce qui manque le plus : « {inside(theme)} », {_words(count)} ménages."
    rows = [[_cell(label("theme", each.code)), _counted(each)] for each in found.gaps]
    heading = "Ce qui reste sans solution"
    drawing = drawings.bars("gaps", heading, sentence, values)
    return _block("gaps", heading, drawing, sentence, (["Type de solution qui manque", "Ménages"], rows))


def _funnel(found: Figures) -> dict[str, Any]:
    values = [Bar(label("step", each.code), each.count, _words(each.count)) for each in found.funnel]
    sentence = "Trop peu de situations dans cette période pour en dire quelque chose."
    fall, visited = drawings.fall(values), next(each for each in found.funnel if each.code == "visited")
    if found.total and visited.count is not None:
        sentence = f"Sur 100 demandes, {round(100 * visited.count / found.total)} vont jusqu’à la visite."
        if fall is not None:
            sentence += f" La perte la plus forte est entre « {inside(fall[0])} » et « {inside(fall[1])} »."
    rows = [
        [_cell(label("step", each.code)), _counted(each), _cell(_share(each.count, found.total))]
        for each in found.funnel
    ]
    heading = "Jusqu’où vont les demandes"
    drawing = drawings.bars("funnel", heading, sentence, values)
    return _block("funnel", heading, drawing, sentence, (["Étape atteinte", "Situations", "Part des demandes"], rows))


def _delays(found: Figures) -> dict[str, Any]:
    values = [Span(label("delay", each.code), each.median, each.ninth, _took(each)) for each in found.delays]
    visit = next(each for each in found.delays if each.code == "visited")
    sentence = "Trop peu de visites dans cette période pour en dire quelque chose."
    if visit.median is not None:
        sentence = f"La moitié des ménages sont visités en {_number(visit.median)} jours"
        sentence += f" ; un sur dix attend plus de {_number(visit.ninth)} jours." if visit.ninth is not None else "."
    rows = [
        [_cell(label("delay", each.code)), _cell(_number(each.median)), _cell(_number(each.ninth))]
        for each in found.delays
    ]
    heading = "Combien de temps cela prend"
    names = ["Délai, en jours", "Médiane", "Neuf sur dix en moins de"]
    return _block("delays", heading, drawings.spans("delays", heading, sentence, values), sentence, (names, rows))


def _took(each: Delay) -> str:
    if each.median is None:
        return "–"
    words = f"{_number(each.median)} j"
    return f"{words} – {_number(each.ninth)} j" if each.ninth is not None else words


def _number(days: float | None) -> str:
    if days is None:
        return "–"
    return f"{days:.1f}".replace(".", ",") if days < 10 else str(round(days))  # noqa: PLR2004 - tenths say nothing more


def _ages(found: Figures) -> dict[str, Any]:
    values = [Bar(label("age_band", each.code), each.count, _words(each.count)) for each in found.ages]
    old = [each.count for each in found.ages[-2:]]
    sentence = "Trop peu de situations ouvertes pour en dire quelque chose."
    if found.open_cases:
        sentence = f"{_words(found.open_cases)} situations sont ouvertes aujourd’hui"
        known = [count for count in old if count is not None]
        more = (
            f", dont {_share(sum(known), found.open_cases)} depuis plus de six mois." if len(known) == len(old) else "."
        )
        sentence += more
    rows = [
        [_cell(label("age_band", each.code)), _counted(each), _cell(_share(each.count, found.open_cases))]
        for each in found.ages
    ]
    heading = "L’âge des situations ouvertes"
    drawing = drawings.bars("ages", heading, sentence, values)
    return _block("ages", heading, drawing, sentence, (["Ouverte depuis", "Situations", "Part"], rows))


def _seasons(found: Figures) -> dict[str, Any]:
    months = [(date.fromisoformat(f"{each.code}-01"), each) for each in found.seasons]
    values = [
        Bar(format_date(month, "MMMMM", locale="fr"), each.count, f"{_month(month)} : {_words(each.count)}")
        for month, each in months
    ]
    whole = [(month, each) for month, each in months if _is_whole(month, each.filters)]
    known = [(each.count, month) for month, each in whole if each.count is not None]
    sentence = "Trop peu de demandes pour comparer les mois."
    if known and max(known)[0]:
        most, least = max(known), min(known)
        sentence = f"Le mois le plus chargé est {_month(most[1])} : {_words(most[0])} demandes"
        sentence += f", contre {_words(least[0])} en {_month(least[1])}."
    rows = [[_cell(_month(month)), _counted(each)] for month, each in months]
    heading = "Quand les demandes arrivent"
    drawing = drawings.columns("seasons", heading, sentence, values)
    return _block("seasons", heading, drawing, sentence, (["Mois", "Demandes reçues"], rows))


def _is_whole(month: date, filters: Filters) -> bool:
    """Whether the period holds all of a month: one that is cut is compared with none."""
    last = filters.opened_to
    return filters.opened_from == month and last is not None and (last + timedelta(days=1)).day == 1


def _month(month: date) -> str:
    return format_date(month, "MMMM yyyy", locale="fr")


def _period(filters: Filters) -> str:
    if filters.opened_from is None or filters.opened_to is None:
        return ""
    first, last = filters.opened_from, filters.opened_to
    return f"du {wording.short(first)} {first.year} au {wording.short(last)} {last.year}"

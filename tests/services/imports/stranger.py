"""The spreadsheet of a coordinator whom nobody told how to keep one: fifty open cases, her own words, her own slips.

A title merged over the top, headings on two lines, colours, empty lines, dates as cells and as texts, names in
capitals, two people in one cell, « fait », « en attente ADIL », owners by their first name.
"""

import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import xlsxwriter

HEADINGS: Final = (
    "N°", "NOM Prénom", "Tél.", "Tél", "Adresse", "CP", "Ville", "Statut", "Reçu le", "Travailleur social",
    "Suivi par", "Appel", "Date\nde visite", "Heure", "Rapport", "Où en est-on ?", "Orientation", "Relancer le",
    "Remarques", "N° CAF",
)  # fmt: skip
FAMILIES: Final = (
    "LE GOFF", "KERVELLA", "MOAL", "BEN ALI / HADDAD", "Petiton", "JAOUEN", "GARREC", "HASCOET", "BIHAN", "CORVELLEC",
    "QUEINNEC", "TANGUY", "UGUEN", "VOURCH", "YVINEC", "ZELLER", "SALAUN", "OMNES", "NEDELEC", "LAGADEC", "DIALLO",
    "FERNANDES", "NGUYEN VAN", "O'BRIEN", "KOWALSKI",
)  # fmt: skip
WRITTEN: Final = (
    "{} Lucette",
    "Mme {} Anne",
    "M. et Mme {} Yves et Jeanne",
    "{}",
    "M. {} Paul",
    "{} Soizic",
    "{} Loïc",
)
STREETS: Final = ("rue de Siam", "RUE JEAN JAURES", "place Guérin", "bd Gambetta", "rue de Lyon", "impasse du Four",
                  "quai Malbert", "rue Anatole France", "route de Quimper", "allée des Tilleuls")  # fmt: skip


def _day(*day: int) -> datetime:
    return datetime(*day)  # type: ignore[arg-type]  # noqa: DTZ001 - a spreadsheet has no zone


TOLD: Final[Sequence[dict[str, Any]]] = (
    {"Où en est-on ?": "Nouveau"},
    {"Où en est-on ?": "à appeler"},
    {"Où en est-on ?": "a rappeler (répondeur)", "Appel": "02/10"},
    {"Où en est-on ?": "RDV à fixer", "Appel": "fait"},
    {"Où en est-on ?": "RDV pris", "Appel": "le 30/09/25", "Date\nde visite": _day(2025, 10, 21), "Heure": "14h30"},
    {"Où en est-on ?": "visite ok, rapport à faire", "Date\nde visite": "29/09/2025"},
    {"Où en est-on ?": "A ORIENTER", "Date\nde visite": "le 15/09/2025 matin", "Rapport": "fait"},
    {
        "Où en est-on ?": "en attente ADIL",
        "Date\nde visite": _day(2025, 9, 8),
        "Rapport": "fait",
        "Orientation": "ADIL",
    },
    {"Où en est-on ?": "suivi", "Date\nde visite": "01/07/2025", "Rapport": "15/07/2025"},
    {"Où en est-on ?": "V1 ok", "Date\nde visite": _day(2025, 9, 22)},
)


def rows() -> list[list[Any]]:
    """Fifty households, with a colleague's slips: no telephone, a closed case, a stage that says nothing."""
    found = []
    for number in range(50):
        family, told = FAMILIES[number % len(FAMILIES)], TOLD[number % len(TOLD)]
        written = WRITTEN[number % len(WRITTEN)].format(family)
        cells: dict[str, Any] = {
            "N°": number + 1,
            "NOM Prénom": written,
            "Tél.": f"06.39.98.{number // 10:02d}.{number:02d}",
            "Adresse": f"{number + 1} {STREETS[(number + number // 25) % len(STREETS)]}",
            "CP": 29200,
            "Ville": "BREST" if number % 2 else "Brest cedex",
            "Statut": ("loc. privé", "HLM", "proprio", "?")[number % 4],
            "Reçu le": date(2025, 6, 2 + number % 20) if number % 3 else f"{2 + number % 20:02d}/06/2025",
            "Travailleur social": "Mme Anne Kerbrat (CCAS)",
            "Suivi par": ("Karim", "Énergence", "K. Le Gall")[number % 3],
            "Remarques": "chien, sonner deux fois" if number % 7 == 0 else "",
            "N° CAF": 1234567,
            **told,
        }
        if number % 10 == 8:
            cells["Relancer le"] = _day(2025, 11, 3)
        found.append([cells.get(title, "") for title in HEADINGS])
    at = HEADINGS.index
    found[11][at("Tél.")] = ""
    found[21][at("Où en est-on ?")] = "?"
    found[31][at("Où en est-on ?")] = "clos (déménagé)"
    found[41][at("Tél.")], found[41][at("Tél")] = "pas de tel", "07 39 98 00 41"
    return found


def workbook(*, found: Sequence[Sequence[Any]] | None = None) -> bytes:
    """Her file, as she saves it."""
    data = io.BytesIO()
    options = {"in_memory": True, "default_date_format": "dd/mm/yyyy"}
    with xlsxwriter.Workbook(data, options) as book:
        book.add_worksheet("Lisez-moi").write(0, 0, "Suivi SLIME — ne pas supprimer")
        sheet = book.add_worksheet("Suivi 2025")
        late = book.add_format({"bg_color": "#ff9999"})
        sheet.merge_range(0, 0, 0, len(HEADINGS) - 1, "SLIME BREST – SUIVI DES MENAGES 2025")
        sheet.merge_range(2, 0, 2, 8, "MENAGE")
        sheet.merge_range(2, 9, 2, len(HEADINGS) - 1, "SUIVI")
        sheet.write_row(3, 0, HEADINGS)
        at = 4
        for number, row in enumerate(found or rows()):
            sheet.write_row(at, 0, row, late if number % 5 == 0 else None)
            at += 2 if number % 12 == 11 else 1
    return data.getvalue()

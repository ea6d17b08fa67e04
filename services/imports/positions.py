"""How far a case in progress has come, in the words of a spreadsheet, and what each position needs to be told. Pure."""

from enum import StrEnum
from typing import Final

from services.rules.finding import search_key


class Position(StrEnum):
    """How far a case has come, in the order of the road."""

    TRIAGE = "triage"
    TO_CALL = "to_call"
    TO_PLAN = "to_plan"
    PLANNED = "planned"
    TO_REPORT = "to_report"
    TO_ORIENT = "to_orient"
    REFERRED = "referred"
    FOLLOWED = "followed"

    def reaches(self, other: "Position") -> bool:
        """Whether a case that stands here has passed the other, or stands there."""
        return ORDER.index(self) >= ORDER.index(other)


ORDER: Final = tuple(Position)
NAMES: Final = {
    Position.TRIAGE: "à trier",
    Position.TO_CALL: "à appeler",
    Position.TO_PLAN: "visite à fixer",
    Position.PLANNED: "visite prévue",
    Position.TO_REPORT: "rapport à rendre",
    Position.TO_ORIENT: "à orienter",
    Position.REFERRED: "orientation en cours",
    Position.FOLLOWED: "en suivi",
}
PAST: Final = {
    Position.TRIAGE: ("requested_on",),
    Position.TO_CALL: ("requested_on", "called_on"),
    Position.TO_PLAN: ("requested_on", "called_on"),
    Position.PLANNED: ("requested_on", "called_on", "visit_on"),
    Position.TO_REPORT: ("requested_on", "called_on", "visit_on"),
    Position.TO_ORIENT: ("requested_on", "called_on", "visit_on", "reported_on"),
    Position.REFERRED: ("requested_on", "called_on", "visit_on", "reported_on", "sent_on"),
    Position.FOLLOWED: ("requested_on", "called_on", "visit_on", "reported_on", "sent_on"),
}
"""The dates that may be known at each position, in the order in which they come."""
NEEDED: Final = {
    Position.PLANNED: ("visit_on",),
    Position.TO_REPORT: ("visit_on",),
    Position.TO_ORIENT: ("visit_on",),
    Position.REFERRED: ("visit_on",),
    Position.FOLLOWED: ("visit_on",),
}
OWN_DATE: Final = {
    Position.TRIAGE: "next_on",
    Position.TO_CALL: "next_on",
    Position.TO_PLAN: "next_on",
    Position.PLANNED: "visit_on",
    Position.TO_REPORT: "visit_on",
    Position.TO_ORIENT: "reported_on",
    Position.REFERRED: "sent_on",
    Position.FOLLOWED: "next_on",
}
"""Which date the words of the position itself may give: « à rappeler le… », « visite prévue le… »."""
CLOSED: Final = "closed"

# Pieces of words, looked for in what is written; the first found wins.
_WORDS: Final = (
    ("aclore", Position.FOLLOWED), ("acloturer", Position.FOLLOWED), ("visiteterminee", Position.TO_REPORT),
    ("rapporttermine", Position.TO_ORIENT), ("rapportrecu", Position.TO_ORIENT), ("clos", CLOSED), ("clotur", CLOSED),
    ("archiv", CLOSED), ("abandon", CLOSED), ("sanssuite", CLOSED), ("termine", CLOSED), ("refusmenage", CLOSED),
    ("refusdumenage", CLOSED), ("menagerefus", CLOSED), ("refusvisite", CLOSED), ("noneligible", CLOSED),
    ("horscritere", CLOSED), ("demenage", CLOSED), ("decede", CLOSED),
    ("visiteannulee", Position.TO_PLAN), ("rdvannule", Position.TO_PLAN), ("absen", Position.TO_PLAN),
    ("lapin", Position.TO_PLAN), ("reprogrammer", Position.TO_PLAN), ("replanifier", Position.TO_PLAN),
    ("rdvafixer", Position.TO_PLAN), ("visiteafixer", Position.TO_PLAN), ("rendezvousafixer", Position.TO_PLAN),
    ("dateafixer", Position.TO_PLAN), ("rdvaprendre", Position.TO_PLAN), ("visiteaprogrammer", Position.TO_PLAN),
    ("visiteaplanifier", Position.TO_PLAN), ("visiteaprevoir", Position.TO_PLAN), ("aplanifier", Position.TO_PLAN),
    ("visiteafaire", Position.TO_PLAN), ("attenterdv", Position.TO_PLAN), ("attentederdv", Position.TO_PLAN),
    ("rdvpris", Position.PLANNED), ("rdvfixe", Position.PLANNED), ("rdvprevu", Position.PLANNED),
    ("rdvle", Position.PLANNED), ("rendezvouspris", Position.PLANNED), ("visiteprevue", Position.PLANNED),
    ("visitefixee", Position.PLANNED), ("visiteprogrammee", Position.PLANNED), ("visiteplanifiee", Position.PLANNED),
    ("visiteavenir", Position.PLANNED),
    ("rapportarendre", Position.TO_REPORT), ("rapportafaire", Position.TO_REPORT), ("arediger", Position.TO_REPORT),
    ("rapportarediger", Position.TO_REPORT), ("rapportencours", Position.TO_REPORT),
    ("rapportenattente", Position.TO_REPORT), ("attenterapport", Position.TO_REPORT),
    ("attentedurapport", Position.TO_REPORT), ("attentederapport", Position.TO_REPORT),
    ("compterendu", Position.TO_REPORT), ("crafaire", Position.TO_REPORT), ("visitefaite", Position.TO_REPORT),
    ("visiteeffectuee", Position.TO_REPORT), ("visiterealisee", Position.TO_REPORT), ("visiteok", Position.TO_REPORT),
    ("diagnosticencours", Position.TO_REPORT),
    ("aorienter", Position.TO_ORIENT), ("orientationafaire", Position.TO_ORIENT), ("areorienter", Position.TO_ORIENT),
    ("orientationadecider", Position.TO_ORIENT), ("rapportrendu", Position.TO_ORIENT),
    ("rapportremis", Position.TO_ORIENT), ("rapportenvoye", Position.TO_ORIENT), ("rapportfait", Position.TO_ORIENT),
    ("prisencharge", Position.FOLLOWED), ("priseencharge", Position.FOLLOWED), ("acceptepar", Position.FOLLOWED),
    ("ensuivi", Position.FOLLOWED), ("suivi", Position.FOLLOWED), ("accompagnement", Position.FOLLOWED),
    ("travauxencours", Position.FOLLOWED),
    ("orientationencours", Position.REFERRED), ("oriente", Position.REFERRED), ("transmisa", Position.REFERRED),
    ("envoyea", Position.REFERRED), ("attentepartenaire", Position.REFERRED), ("encourschez", Position.REFERRED),
    ("attentereponse", Position.REFERRED), ("relancepartenaire", Position.REFERRED),
    ("appeler", Position.TO_CALL), ("acontacter", Position.TO_CALL), ("recontacter", Position.TO_CALL),
    ("injoignable", Position.TO_CALL), ("pasdereponse", Position.TO_CALL), ("nerepond", Position.TO_CALL),
    ("messagelaisse", Position.TO_CALL), ("attenteappel", Position.TO_CALL), ("ajoindre", Position.TO_CALL),
    ("attribue", Position.TO_CALL), ("affecte", Position.TO_CALL),
    ("nouve", Position.TRIAGE), ("atrier", Position.TRIAGE), ("atraiter", Position.TRIAGE),
    ("aqualifier", Position.TRIAGE), ("aexaminer", Position.TRIAGE), ("demanderecue", Position.TRIAGE),
    ("signale", Position.TRIAGE), ("recu", Position.TRIAGE), ("aattribuer", Position.TRIAGE),
)  # fmt: skip
_WAITING: Final = ("attente", "chez", "vers", "envoy", "transmis")


def position_of(text: str, *, names_partner: bool) -> Position | str | None:
    """The position, `CLOSED`, or None when the words say nothing; « en attente ADIL » waits for a partner."""
    key = search_key(text)
    for name, written in (*NAMES.items(), *((each, each.value) for each in Position)):
        if key and key == search_key(written):
            return name
    found = next((position for piece, position in _WORDS if piece in key), None)
    if found is None and names_partner and any(word in key for word in _WAITING):
        return Position.REFERRED
    return found

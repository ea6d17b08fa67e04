"""The columns of a coordinator's own spreadsheet: one row a case in progress, its dates, who has it, what is next."""

from collections.abc import Mapping
from typing import Final

from services.imports.mapping import CONFIRM_HEADER, LABELS, SYNONYMS, Columns

_HOUSEHOLD: Final = (
    "surname", "first_name", "civility", "phone", "phone_2", "email", "street_number", "street", "complement",
    "postcode", "commune", "commune_code", "tenure", "giver_name", "giver_email",
)  # fmt: skip

CASE_LABELS: Final[Mapping[str, str]] = {
    "reference": "Référence interne",
    **{name: LABELS[name] for name in _HOUSEHOLD},
    "giver_name": "Donneur d’alerte",
    "giver_email": "Courriel du donneur d’alerte",
    "stage": "Étape",
    "operator": "Opérateur",
    "requested_on": "Date de demande",
    "called_on": "Date d’appel",
    "visit_on": "Date de visite",
    "visit_time": "Heure de visite",
    "reported_on": "Date de rapport",
    "partner": "Partenaire",
    "theme": "Type de solution",
    "sent_on": "Date d’envoi",
    "next_on": "Prochaine date",
    "informed": "Ménage informé",
    "note": "Note",
    "confirmed": CONFIRM_HEADER,
}
"""Every field that a column of cases may feed, with the header that the file to correct gives it."""

_CASE_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: SYNONYMS[name] for name in _HOUSEHOLD if name in SYNONYMS},
    "street_number": ("n° de rue", "n° de voie", "numéro de voie", "n° voie"),
    "tenure": ("occupation", "statut occupation", "statut du logement", "statut d'occupation du logement",
               "type d'occupation"),
    "giver_name": ("travailleur social", "prescripteur", "nom du prescripteur", "signalé par", "origine",
                   "nom du travailleur social", "référent social"),
    "giver_email": ("mail du prescripteur", "courriel du prescripteur", "mail du travailleur social",
                    "courriel du travailleur social", "mail prescripteur"),
    "reference": ("référence", "réf", "réf interne", "n° dossier", "n° de dossier", "numéro de dossier", "numéro",
                  "numéro dossier", "id", "identifiant", "dossier", "n°"),
    "stage": ("statut", "état", "avancement", "état d'avancement", "étape en cours", "statut du dossier",
              "état du dossier", "où en est-on", "où ça en est", "où en est le dossier", "situation", "phase"),
    "operator": ("prestataire", "opérateur visite", "structure visite", "suivi par", "confié à", "responsable",
                 "opérateur en charge", "attribué à"),
    "requested_on": ("date de la demande", "date demande", "demande le", "date de signalement", "date signalement",
                     "date du signalement", "date d'alerte", "date de l'alerte", "reçu le", "date de réception",
                     "date d'entrée", "date de création", "signalé le", "entrée le"),
    "called_on": ("appel", "appels", "date de l'appel", "date appel", "appelé le", "date du premier appel",
                  "premier appel", "1er appel", "date 1er appel", "1er contact",
                  "date premier contact", "date de contact", "date contact", "premier contact", "contacté le",
                  "dernier appel", "date du dernier appel", "contact le"),
    "visit_on": ("date de la visite", "date visite", "visite", "visite le", "date rdv", "date du rdv", "date de rdv",
                 "rdv", "rdv le", "rendez-vous", "date de rendez-vous", "date du rendez-vous", "date visite 1", "vad",
                 "date vad", "date de vad"),
    "visit_time": ("heure", "heure visite", "heure de la visite", "heure rdv", "heure du rdv", "horaire"),
    "reported_on": ("date du rapport", "date rapport", "rapport", "rapport le", "rapport rendu", "rapport remis",
                    "rapport rendu le", "rapport envoyé le", "rapport remis le", "date de remise du rapport",
                    "date remise rapport"),
    "partner": ("orienté vers", "orientation", "orientation vers", "partenaire sollicité", "structure partenaire",
                "partenaire d'orientation", "structure d'orientation"),
    "theme": ("solution", "type d'orientation", "famille d'orientation", "nature de l'orientation", "besoin"),
    "sent_on": ("date envoi", "date d'orientation", "date orientation", "date de l'orientation", "orienté le",
                "envoyé le", "date de transmission", "transmis le", "depuis le", "en attente depuis le"),
    "next_on": ("prochaine échéance", "échéance", "date d'échéance", "à relancer le", "relancer le", "relance",
                "date de relance",
                "prochaine relance", "prochaine action", "date prochaine action", "prochain contact", "rappeler le",
                "à rappeler le", "à faire le", "prochaine étape le"),
    "informed": ("information du ménage", "ménage informé oui/non", "rgpd", "notice remise", "information rgpd"),
    "note": ("notes", "commentaire", "commentaires", "observation", "observations", "remarque", "remarques"),
}  # fmt: skip

CASE_COLUMNS: Final = Columns(CASE_LABELS, _CASE_SYNONYMS, ("surname", "phone", "street", "stage"))

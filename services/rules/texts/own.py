"""A text in a programme's own words: plain text with fields in brackets, never a template; filled in, checked, begun.

A line whose field is unknown for a message is left out with the line that announces it. What a programme wrote never
reaches the template engine: each field has its own template, which ships with this version.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import zip_longest
from typing import Final, NamedTuple

from jinja2 import Template, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from models.vocabulary import Channel, Party
from services.foundation import wording
from services.rules.texts.catalogue import (
    Rendered,
    TextContext,
    TextIncomplete,
    environment,
    environment_of,
    load,
    one_line,
    part,
    render,
    short_name,
    tidy,
)
from services.rules.texts.labels import LabelMissing
from services.rules.texts.typography import NBSP, french, gsm_7

FIELDS: Final[Mapping[str, str]] = {
    "référence": "reference",
    "commune": "commune",
    "type de solution": 'theme|label("theme_mail")',
    "aide demandée": 'theme|label("theme_plain")',
    "partenaire": "partner",
    "structure": "organisation",
    "ménage": "addressee",
    "tâche": "task",
    "en attente de": 'responsible|label("party")',
    "échéance": "due_at|moment",
    "jour de l’échéance": "due_at|day",
    "rendez-vous": "visit_starts_at|slot",
    "jour de la visite": "visit_starts_at|day",
    "rendez-vous proposé": "meets_at|moment",
    "visiteur": "officer",
    "prénom du visiteur": "officer|first_name",
    "mot de passe de la visite": "visit_word",
    "jour de la coupure": "cut_on|day",
    "premier jour permis de la coupure": "cut_lawful_on|day",
    "motif": 'reason|label("reason")',
    "motif du refus": 'reason|label("rejection_told")|inside',
    "explication du refus": 'reason|label("rejection_plain")',
    "issue": 'outcome|label("outcome_told")|inside',
    "danger": 'danger|label("danger")',
    "service qui prend la suite": "destination",
    "téléphone de ce service": "destination_phone|phone",
    "lien": "link",
    "lien vers les demandes": "requests_link",
    "nom du service": "programme_name",
    "téléphone du service": "programme_phone|phone",
    "e-mail du service": "programme_email",
    "adresse du service": "postal_address",
    "ville": "city",
    "structure porteuse": "carrier",
    "délégué à la protection des données": "dpo_contact",
    "signataire": "signer_name",
    "prénom du signataire": "signer_name|first_name",
    "téléphone du signataire": "signer_phone|phone",
}
"""What each field says, in the words of the shipped texts: a value of `TextContext` with the filters that write it."""

SHARED: Final[Mapping[str, str]] = {
    "mention d’urgence": "urgent_note",
    "numéro d’urgence": "gas_note",
    "rendez-vous ou appel": "meeting_note",
    "appel à venir": "call_note",
}
"""Fields that are a whole sentence which several texts share, said when it is called for."""

SIGNATURE: Final = "signature"
ENDS: Final[Mapping[Party, str]] = {
    Party.PARTNER: "partner_end",
    Party.ALERT_GIVER: "alert_giver_end",
    Party.COORDINATOR: "team_end",
    Party.OPERATOR: "team_end",
    Party.HOUSEHOLD: "household_end",
}
LINK: Final = "lien"
ALWAYS: Final = frozenset(
    {"référence", "nom du service", "téléphone du service", "e-mail du service", "adresse du service", "ville"}
    | {"structure porteuse", "délégué à la protection des données", "prénom du signataire", "téléphone du signataire"}
)
"""What is known of every message, whoever reads it."""
IN_SUBJECTS: Final = frozenset(
    {"référence", "tâche", "échéance", "jour de l’échéance", "rendez-vous", "jour de la visite", "nom du service"}
    | {"jour de la coupure"}
)
"""A subject is read over shoulders and kept by mail servers: a verb, a date, a reference, and nobody's name."""
DATES: Final = ({"échéance", "jour de l’échéance"}, {"rendez-vous", "jour de la visite"})
"""Two ways of writing one date: a text that knows the one knows the other."""

URGENT_WORD: Final = "urgent"
URGENT: Final = "Urgent : "
REFERENCE: Final = " – situation [référence]"
STOP: Final = "STOP"
SMS_LENGTH: Final = 160
SMS_PART: Final = 153  # each of several carries seven septets that tie them together
SMS_MOST: Final = 2
FIELD: Final = re.compile(r"\[([^\[\]\n]*)\]")
STRAY: Final = re.compile(r"[\[\]]")


class Words(NamedTuple):
    """What a programme wrote. `subject` is empty for an SMS."""

    subject: str
    body: str


class Fault(NamedTuple):
    """What is wrong in a field of the form (`subject` or `body`), in one sentence."""

    field: str
    sentence: str


# -- Filling


def write(words: Words, text: str, party: Party, channel: Channel, context: TextContext) -> Rendered:
    """The programme's words for one message.

    What cannot be said without a hole (a subject, an SMS, a body of which nothing is left) is said as it ships.
    Raises `TextIncomplete` for a text that must carry its link and has none.
    """
    shipped = render(text, party, channel, context)
    lines = [_filled(line, party, channel, context) for line in words.body.splitlines()]
    if channel is Channel.SMS:
        body = "\n".join(line for line in lines if line is not None)
        return Rendered("", one_line(gsm_7(body))) if None not in lines and body.strip() else shipped
    if asks_for_link(text, party, channel) and context.link is None:  # pragma: no cover - what ships refused already
        raise TextIncomplete(text, f"{party}.{channel}", LINK)
    body = french(tidy("\n".join(_without_holes(lines))))
    subject = _filled(words.subject, party, channel, context)
    return Rendered(
        french(one_line(_pressing(subject, shipped.subject))) if subject else shipped.subject,
        body if body.strip() else shipped.body,
    )


def _pressing(subject: str, shipped: str) -> str:
    """A subject says that it presses where the one that ships would."""
    presses = URGENT_WORD in shipped.lower() and URGENT_WORD not in subject.lower()
    return f"{URGENT}{subject}" if presses else subject


def _filled(line: str, party: Party, channel: Channel, context: TextContext) -> str | None:
    """A line with its values; None when one is unknown. A value is never looked through for fields."""
    values = {name: _value(name, party, channel, context) for name in FIELD.findall(line)}
    if None in values.values():
        return None
    return FIELD.sub(lambda found: values[found[1]] or "", line)


def _without_holes(lines: list[str | None]) -> Iterator[str]:
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        announces = line is not None and line.rstrip().endswith(":")
        if line is not None and not (announces and following is None):
            yield line


def _value(name: str, party: Party, channel: Channel, context: TextContext) -> str | None:
    shared = ENDS[party] if name == SIGNATURE else SHARED.get(name)
    if shared is not None:
        return part(shared, context) or None
    known = context.known()
    if channel is Channel.SMS:
        known["programme_name"] = short_name(context)
    try:
        return _template(name).render(known) if name in FIELDS else None
    except (UndefinedError, LabelMissing):
        return None


@cache
def _template(name: str) -> Template:
    return environment().from_string(f"{{{{ {FIELDS[name]} }}}}")


# -- What to begin from


class _Value:
    """A value that writes its field's name instead of itself, whatever filters it passes."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def __str__(self) -> str:
        return f"[{_names()[self.expression]}]"


@cache
def shipped(text: str, party: Party, channel: Channel) -> Words:
    """The text that ships, as one would write it with fields: its conditions settled for the ordinary case."""
    key = f"{party.value}.{channel.value}"
    known = {name: _Value(name) for name in {expression.partition("|")[0] for expression in FIELDS.values()}}
    subject, body = (_begun().get_template(f"{text}/{key}/{of}").render(known) for of in ("subject", "body"))
    return Words(french(one_line(subject)), french(tidy(body)).rstrip("\n"))


@cache
def _names() -> dict[str, str]:
    return {expression: name for name, expression in FIELDS.items()}


@cache
def _begun() -> ImmutableSandboxedEnvironment:
    """The shipped texts over values that write their names; the shared ends and notes are fields themselves."""
    parts = dict.fromkeys(ENDS.values(), f"[{SIGNATURE}]\n")
    parts |= {name: f"[{field}]\n" for field, name in SHARED.items()}
    made = environment_of(load().parts | parts)
    made.filters |= {name: _passing(name) for name in ("day", "moment", "slot", "phone", "first_name", "inside")}
    made.filters["label"] = lambda value, kind: _Value(f'{value.expression}|label("{kind}")')
    return made


def _passing(name: str) -> object:
    return lambda value: _Value(f"{value.expression}|{name}")


def title(text: str, party: Party, channel: Channel) -> str:
    """How a text is called: its subject without the reference; an SMS takes that of the same text elsewhere."""
    for other in (channel, Channel.EMAIL, Channel.LETTER):
        if subject := _subject(text, party, other):
            named = FIELD.sub(r"\1", subject.removesuffix(REFERENCE))
            return wording.capital(named)
    return text.replace("_", " ").capitalize()  # pragma: no cover - every SMS that ships has a mail or a letter beside


def _subject(text: str, party: Party, channel: Channel) -> str:
    is_written = f"{party.value}.{channel.value}" in load().texts.get(text, {})
    return shipped(text, party, channel).subject if is_written else ""


def asks_for_link(text: str, party: Party, channel: Channel) -> bool:
    """Whether what ships refuses to be written without its link: whoever reads it has no other way in."""
    return '{% include "answer" %}' in load().texts[text][f"{party.value}.{channel.value}"].body


def allowed(text: str, party: Party, channel: Channel) -> list[str]:
    """The fields that may stand in a text: those of what ships, and what is known of every message."""
    begun = shipped(text, party, channel)
    own = {name.replace(NBSP, " ") for words in begun for name in FIELD.findall(words)}
    for dates in DATES:
        own |= dates if own & dates else set()
    own |= ALWAYS | {SIGNATURE}
    own |= {"commune"} if channel is not Channel.SMS else set()
    own |= {"signataire"} if party is not Party.HOUSEHOLD else set()
    own -= {SIGNATURE} if channel is Channel.SMS else set()
    return [name for name in (*FIELDS, *SHARED, SIGNATURE) if name in own]


def in_subject(text: str, party: Party, channel: Channel) -> list[str]:
    """The fields that may stand in its subject."""
    return [name for name in allowed(text, party, channel) if name in IN_SUBJECTS]


# -- Checking


def spelled(words: Words) -> Words:
    """The same with the fields spelled as they are called: capitals, accents and apostrophes are forgiven."""
    names = {_plain(name): name for name in (*FIELDS, *SHARED, SIGNATURE)}
    return Words(*(FIELD.sub(lambda found: f"[{names.get(_plain(found[1]), found[1])}]", each) for each in words))


def faults(words: Words, text: str, party: Party, channel: Channel) -> list[Fault]:
    """What keeps these words from being sent; `words` are spelled."""
    found = [*_brackets(words), *_fields(words, text, party, channel)]
    if channel is not Channel.SMS and not words.subject.strip():
        found.insert(0, Fault("subject", "Il manque l’objet."))
    if not words.body.strip():
        found.append(Fault("body", "Il manque le texte."))
    elif asks_for_link(text, party, channel) and f"[{LINK}]" not in _lines(words.body):
        sentence = f"Ce message doit porter son lien : écrivez « [{LINK}] », seul sur sa ligne."
        found.append(Fault("body", sentence))
    if STOP in shipped(text, party, channel).body and STOP not in words.body:
        found.append(Fault("body", f"Ce message doit dire comment ne plus en recevoir : gardez le mot « {STOP} »."))
    return [Fault(field, french(sentence)) for field, sentence in found]


def _brackets(words: Words) -> Iterator[Fault]:
    for field, written in words._asdict().items():
        if STRAY.search(FIELD.sub("", written)):
            yield Fault(field, "Un crochet est seul : un champ s’écrit « [commune] ».")


def _fields(words: Words, text: str, party: Party, channel: Channel) -> Iterator[Fault]:
    may = allowed(text, party, channel)
    for field, written in words._asdict().items():
        for name in dict.fromkeys(FIELD.findall(written)):
            if name not in FIELDS and name not in SHARED and name != SIGNATURE:
                close = get_close_matches(name, may, n=1)
                asked = f" ; vouliez-vous dire « [{close[0]}] » ?" if close else "."
                yield Fault(field, f"Le champ « [{name}] » n’existe pas{asked}")
            elif name not in may:
                yield Fault(field, f"Ce message ne connaît pas « [{name}] » : retirez ce champ.")
            elif field == "subject" and name not in IN_SUBJECTS:
                yield Fault(field, f"L’objet d’un message ne nomme personne : retirez « [{name}] ».")
    if any(f"[{LINK}]" in line and line != f"[{LINK}]" for line in _lines(words.body)) and LINK in may:
        yield Fault("body", f"« [{LINK}] » s’écrit seul sur sa ligne : il devient un bouton.")


def sms_parts(body: str) -> int:
    """How many SMS a text takes."""
    return 1 if len(body) <= SMS_LENGTH else -(-len(body) // SMS_PART)


def _lines(body: str) -> list[str]:
    return [line.strip() for line in body.splitlines()]


def _plain(name: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    return " ".join(bare.casefold().replace("’", "'").split())

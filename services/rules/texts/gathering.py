"""One mail of several texts: greeting and end once, each text with its title, its facts and its own link."""

from collections.abc import Sequence
from typing import Final

from models.vocabulary import Party
from services.rules.texts.catalogue import Rendered, TextContext, part
from services.rules.texts.mail import LINK
from services.rules.texts.typography import french

GREETING: Final = "Bonjour,"


READERS: Final = {
    Party.PARTNER: ("several_to_partner", "partner_end"),
    Party.ALERT_GIVER: ("several_to_alert_giver", "alert_giver_end"),
}
TEAM: Final = ("several_to_team", "team_end")


def gathered(texts: Sequence[Rendered], context: TextContext, *, reader: Party) -> Rendered:
    """The mail that holds these texts. Its subject says how many, and nothing of any case."""
    awaited = sum(_asks(text) for text in texts)
    heading, end_part = READERS.get(reader, TEAM)
    subject = part(heading, context, awaited=awaited, told=len(texts) - awaited)
    end = part(end_part, context)
    items = [
        f"{number} sur {len(texts)} – {text.subject}\n\n{_inside(text.body, context)}"
        for number, text in enumerate(texts, start=1)
    ]
    body = "\n\n".join([GREETING, part("several_opening", context), *items, end])
    return Rendered(subject, f"{body}\n")


def _asks(text: Rendered) -> bool:
    """Whether it leads somewhere: a text without link only tells something."""
    return any(LINK.fullmatch(line) for line in text.body.splitlines())


def _inside(body: str, context: TextContext) -> str:
    """A body without its greeting and its end."""
    inside = body.strip().removeprefix(f"{GREETING}\n\n")
    parts = ("partner_end", "team_end", "alert_giver_end")
    ends = [*(part(name, context) for name in parts), french(context.programme_name)]
    for end in ends:
        inside = inside.removesuffix(f"\n\n{end}")
    return inside

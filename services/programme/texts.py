"""The texts of a programme: what its pathway sends, read, tried on sample values, said in its own words, restored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints
from sqlalchemy import select

from models.programmes import Commune, Person, Programme, ProgrammeText, Territory
from models.vocabulary import Channel, ClosureOutcome, Danger, DeclineReason, Party, RejectionReason, Stage, Theme
from services.forms import Form
from services.foundation.database import UnitOfWork
from services.foundation.errors import Conflict, InvalidInput, NotFound
from services.foundation.nir import mask_nir
from services.foundation.runtime import runtime
from services.rules import outline, own_words
from services.rules.casework import Hand
from services.rules.outline import TextKey
from services.rules.policy import Actor, Right, note_access, require
from services.rules.published import calendar_of, pathway_of
from services.rules.rendering import about_programme
from services.rules.texts import own
from services.rules.texts.catalogue import Rendered, TextContext, load
from services.rules.texts.own import Fault, Words
from services.rules.texts.typography import french

SHOWN: Final = 20
"""Versions of one text that its page lists."""
SAMPLE_DAYS: Final = 5
OURS: Final = "Ce texte contient une adresse de Relais, qui ne va qu’à une personne : écrivez « [lien] » à sa place."
Body = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=5000), AfterValidator(lambda text: mask_nir(text)[0])
]
Subject = Annotated[str, StringConstraints(strip_whitespace=True, max_length=150, pattern=r"^[^\x00-\x1f\x7f]*$")]


class TextForm(Form):
    """A text with its fields in brackets. `version` is the one that was being read: 0 is the text that ships."""

    subject: Subject = Field("", description="Objet ; aucun pour un SMS")
    body: Body = Field("", description="Texte, les champs entre crochets")
    version: int = Field(0, ge=0, description="Version que l’on modifie ; 0 : aucune encore")


class RestoreForm(Form):
    """Back to the text that ships; `version` is the one that was being read."""

    version: int = Field(0, ge=0, description="Version que l’on abandonne")


@dataclass(frozen=True)
class Version:
    """When a text was changed and by whom ("" for a command); without words it was restored."""

    number: int
    at: datetime
    by: str
    words: Words | None


@dataclass(frozen=True)
class TextLine:
    """A text of the programme: where it belongs, and whether it is said in its own words."""

    key: TextKey
    title: str
    stage: Stage | None
    words: Words
    version: int
    is_own: bool


@dataclass(frozen=True)
class TextSheet:
    """A text to be edited: what is in force, what ships, which fields it knows, its versions, the newest first."""

    line: TextLine
    shipped: Words
    fields: Sequence[str]
    subject_fields: Sequence[str]
    needs_link: bool
    versions: Sequence[Version]


@dataclass(frozen=True)
class Tried:
    """A text on sample values, with what keeps it from being saved; `parts` counts the SMS it takes."""

    rendered: Rendered
    faults: Sequence[Fault]
    parts: int


def of_programme(unit: UnitOfWork, actor: Actor) -> list[TextLine]:
    """Every text that the pathway in force sends, by stage, then by reader."""
    programme = _programme(unit, actor)
    rows = {own_words.key_of(row): row for row in own_words.in_force(unit, programme.id)}
    staged = outline.texts(pathway_of(unit, programme.pathway_hash))
    known = [(key, stage) for key, stage in staged.items() if f"{key.party}.{key.channel}" in _written(key.text)]
    lines = [_line(key, stage, rows.get(key)) for key, stage in known]
    return sorted(lines, key=lambda line: (outline.STAGES.index(line.stage), list(Party).index(line.key.party)))


def sheet(unit: UnitOfWork, actor: Actor, key: TextKey) -> TextSheet:
    """One text of the programme. Raises `NotFound`."""
    line = _found(unit, actor, key)
    return TextSheet(
        line=line,
        shipped=own.shipped(*key),
        fields=own.allowed(*key),
        subject_fields=own.in_subject(*key),
        needs_link=own.asks_for_link(*key),
        versions=_versions(unit, _programme(unit, actor), key),
    )


def preview(unit: UnitOfWork, actor: Actor, key: TextKey, form: TextForm) -> Tried:
    """What a reader would get, on sample values; nothing is kept."""
    _found(unit, actor, key)
    words = own.spelled(_words(form))
    tried = own.write(words, *key, sample(unit, _programme(unit, actor), key))
    parts = own.sms_parts(tried.body) if key.channel is Channel.SMS else 0
    return Tried(tried, _faults(words, key, parts), parts)


def save(unit: UnitOfWork, hand: Hand, key: TextKey, form: TextForm) -> ProgrammeText | None:
    """Say a text in these words from now on; None when they are in force already. Raises `InvalidInput`, `Conflict`.

    Messages are written when they leave: those that wait are said in the new words too.
    """
    line = _locked(unit, hand, key, form.version)
    tried = preview(unit, hand.actor, key, form)
    if tried.faults:
        raise InvalidInput(tried.faults[0].field, tried.faults[0].sentence)
    words = own.spelled(_words(form))
    if words == line.words:
        return None
    return _add(unit, hand, line, None if words == own.shipped(*key) else words)


def restore(unit: UnitOfWork, hand: Hand, key: TextKey, form: RestoreForm) -> ProgrammeText | None:
    """Say a text as it ships from now on; None when it is already."""
    line = _locked(unit, hand, key, form.version)
    return _add(unit, hand, line, None) if line.is_own else None


def sample(unit: UnitOfWork, programme: Programme, key: TextKey) -> TextContext:
    """Invented values for a preview, with the programme's own name, telephone and addresses."""
    zone = programme.zone
    due = calendar_of(unit, programme.id).due_after(unit.now, working_days=SAMPLE_DAYS)
    day = due.astimezone(zone).replace(hour=14, minute=0)
    reason = DeclineReason.CAPACITY if key.party is Party.COORDINATOR else RejectionReason.OUT_OF_TERRITORY
    return replace(
        about_programme(unit, programme, signer="Claire Martin"),
        reference=f"{unit.now.astimezone(zone).year}-00231",
        commune=_a_commune(unit, programme),
        organisation="CCAS de la commune",
        addressee="Madame Dupont",
        theme=Theme.LANDLORD_MEDIATION.value,
        partner="ADIL du département",
        task="Rappeler le ménage",
        responsible=Party.OPERATOR.value,
        due_at=due,
        visit_starts_at=day,
        visit_ends_at=day + timedelta(hours=2),
        meets_at=day,
        cut_on=day.date(),
        officer="Camille Roux",
        visit_word="hirondelle",
        reason=reason.value,
        outcome=ClosureOutcome.SOLVED.value,
        danger=Danger.GAS.value,
        link=f"{runtime().settings.public_url}/exemple",
        requests_link=f"{runtime().settings.public_url}/exemple",
    )


def _a_commune(unit: UnitOfWork, programme: Programme) -> str:
    query = select(Commune.name).join(Territory, Territory.commune_code == Commune.code)
    found = unit.session.scalars(query.where(Territory.programme_id == programme.id).order_by(Commune.name)).first()
    return found or programme.city


def _programme(unit: UnitOfWork, actor: Actor) -> Programme:
    require(actor, Right.SETTINGS)
    return unit.session.get_one(Programme, actor.programme_id)


def _locked(unit: UnitOfWork, hand: Hand, key: TextKey, version: int) -> TextLine:
    """The text as it is now, for whoever read this version of it. Raises `Conflict` when somebody was faster."""
    programme = _programme(unit, hand.actor)
    unit.session.scalars(select(Programme).where(Programme.id == programme.id).with_for_update()).one()
    line = _found(unit, hand.actor, key)
    if line.version != version:
        last = next(iter(_versions(unit, programme, key)), None)
        told = f"{(last and last.by) or 'Quelqu’un'} a changé ce texte entre-temps : relisez-le, puis recommencez."
        raise Conflict(told)
    return line


def _add(unit: UnitOfWork, hand: Hand, line: TextLine, words: Words | None) -> ProgrammeText:
    programme = _programme(unit, hand.actor)
    made = ProgrammeText(
        programme_id=programme.id,
        text=line.key.text,
        party=line.key.party.value,
        channel=line.key.channel.value,
        version=line.version + 1,
        subject=words.subject if words else None,
        body=words.body if words else None,
        at=unit.now,
        by_id=hand.actor.id,
    )
    unit.session.add(made)
    own_words.forget(unit, programme.id)
    note_access(unit, hand.actor, "text.changed", case_id=None)
    return made


def _found(unit: UnitOfWork, actor: Actor, key: TextKey) -> TextLine:
    for line in of_programme(unit, actor):
        if line.key == key:
            return line
    raise NotFound


def _written(text: str) -> Sequence[str]:
    return list(load().texts.get(text, ()))


def _line(key: TextKey, stage: Stage | None, row: ProgrammeText | None) -> TextLine:
    words = Words(row.subject or "", row.body) if row is not None and row.body is not None else None
    return TextLine(
        key=key,
        title=own.title(*key),
        stage=stage,
        words=words or own.shipped(*key),
        version=row.version if row else 0,
        is_own=words is not None,
    )


def _versions(unit: UnitOfWork, programme: Programme, key: TextKey) -> list[Version]:
    query = (
        select(ProgrammeText, Person.name)
        .outerjoin(Person, Person.id == ProgrammeText.by_id)
        .where(
            ProgrammeText.programme_id == programme.id,
            ProgrammeText.text == key.text,
            ProgrammeText.party == key.party.value,
            ProgrammeText.channel == key.channel.value,
        )
        .order_by(ProgrammeText.version.desc())
        .limit(SHOWN)
    )
    return [
        Version(row.version, row.at, by or "", Words(row.subject or "", row.body) if row.body is not None else None)
        for row, by in unit.session.execute(query)
    ]


def _words(form: TextForm) -> Words:
    """As typed, with the line ends of every browser and French spaces."""
    body = "\n".join(form.body.splitlines())
    return Words(french(form.subject), french(body))


def _faults(words: Words, key: TextKey, parts: int) -> list[Fault]:
    found = own.faults(words, *key)
    if parts > own.SMS_MOST:
        found.append(Fault("body", french(f"C’est trop long : {parts} SMS ; il en faut {own.SMS_MOST} au plus.")))
    if runtime().settings.public_url in words.body:
        found.append(Fault("body", french(OURS)))
    return found

"""One step being done: its transaction, who does it, to what; and how a use case becomes an action."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from deployments.play.mistakes import Way, closest, cut_off, each_explained, explained
from deployments.play.story import HOUSEHOLD, Setting, Step
from models.cases import Case, Need, Referral
from models.engine import Message, Task
from models.programmes import Organisation, Person, Programme
from models.vocabulary import MessageState, ReferralState, Source
from services import forms
from services.foundation import wording
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, LinkExpired
from services.foundation.runtime import Runtime
from services.programme import programmes
from services.rules import open_tasks
from services.rules.casework import Hand
from services.rules.links import open_task_link
from services.rules.policy import Actor

Given = Mapping[str, Any]
F = TypeVar("F", bound=BaseModel)
TASK_LINK: Final = re.compile(r"/l/([0-9a-f]{32}\.[\w-]+)")


class Said(Mapping[str, Any]):
    """What a step gives; it knows which of its words nobody has read: a misspelt one is never passed over."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Nothing is read yet."""
        self._given, self._read, self._asked = given, set[str](), dict[str, None]()

    def __getitem__(self, word: str) -> Any:
        """Raises `KeyError` for a word that is not said."""
        self._asked[word] = None
        self._read.add(word)
        return self._given[word]

    def __iter__(self) -> Iterator[str]:
        """The words, read or not."""
        return iter(self._given)

    def __len__(self) -> int:
        """How many words."""
        return len(self._given)

    @property
    def unread(self) -> list[str]:
        """The words that meant nothing to the action."""
        return [word for word in self._given if word not in self._read]

    def __contains__(self, word: object) -> bool:
        """Whether it is said; asking is knowing the word."""
        self._asked[str(word)] = None
        return word in self._given

    def is_unknown(self, word: str) -> str:
        """The sentence about a word that meant nothing, with those that would have."""
        if self._given[word] is None and " " in word:
            return cut_off(word)
        known = [each for each in self._asked if each != word]
        rest = f", mots possibles\u00a0: {', '.join(known)}" if known else ""
        return f"mot inconnu «\u00a0{word}\u00a0»{closest(word, known) or rest}"

    def lacks(self, word: str) -> str:
        """The sentence about a word that must be said, with the one that stands in its place."""
        return f"il manque «\u00a0{word}\u00a0»{closest(word, self.unread)}"


class Misread(InvalidInput):
    """A word of a step that means nothing: not what a story meant that expects a refusal in whatever words."""


@dataclass(frozen=True)
class Scene:
    """One step being done: its transaction, who does it, to which case."""

    unit: UnitOfWork
    runtime: Runtime
    setting: Setting
    programme: Programme
    step: Step
    case_id: UUID | None
    cases: Mapping[str, UUID]
    key: str | None = None

    @property
    def case(self) -> Case:
        """The case that the step is about."""
        if self.case_id is None:
            raise InvalidInput("case", "Aucune situation n’est encore là.")
        return self.unit.session.get_one(Case, self.case_id)

    @property
    def hand(self) -> Hand:
        """The hand of somebody with an account. Raises `InvalidInput` for anybody else."""
        if not self.is_staff:
            said = f"{self.step.who} n’a pas de compte\u00a0: c’est à quelqu’un de l’équipe de faire {self.step.do}."
            raise InvalidInput("who", said)
        return Hand(
            programmes.member(self.unit, self.programme.id, self.setting.staff[self.step.who].email),
            Source.STORY,
            key=self.key,
            holds=self.step.from_page,
        )

    @property
    def is_staff(self) -> bool:
        """Whether whoever acts has an account."""
        return self.step.who in self.setting.staff

    def task(self, kind: str, partner: str | None = None) -> Task:
        """The open task of this kind, of this partner where one is named, the most pressing."""
        found = open_tasks.of_case(self.unit, self.case.id, kind)
        if partner is not None:
            theirs = self.organisation(partner)
            found = [task for task in found if task.referral and task.referral.partner_id == theirs]
        if not found:
            raise InvalidInput("task", f"Cette situation n’a pas de tâche {kind}.")
        return found[0]

    def named(self, name: str) -> Case:
        """Another case of the story."""
        if name not in self.cases:
            raise InvalidInput("case", f"Aucune situation de ce récit ne s’appelle {name}{closest(name, self.cases)}.")
        return self.unit.session.get_one(Case, self.cases[name])

    def person(self, name: str) -> UUID:
        """The id of somebody of the setting's staff."""
        if name not in self.setting.staff:
            raise InvalidInput("person", f"Personne du cadre ne s’appelle {name}{closest(name, self.setting.staff)}.")
        email = self.setting.staff[name].email
        return self.unit.session.scalars(select(Person.id).where(Person.email == email)).one()

    def through_mail(self, *actions: str, referral: Referral | None = None) -> Hand:
        """The hand of whoever follows the latest link he received for one of these, about this request where one is
        given. Raises `LinkExpired`.
        """
        return Hand(self._link_holder(frozenset(actions), referral), Source.STORY, key=self.key)

    def mails(self) -> Sequence[Message]:
        """The mails of the case that whoever acts received, the latest first."""
        return self.unit.session.scalars(
            select(Message)
            .where(
                Message.case_id == self.case_id,
                Message.address == self.address_of(self.step.who),
                Message.state == MessageState.ACCEPTED,
            )
            .order_by(Message.done_at.desc(), Message.id.desc())
        ).all()

    def address_of(self, who: str) -> str | None:
        """Where somebody reads his mail now."""
        if who == HOUSEHOLD:
            return self.case.household.email
        mended = select(Organisation.email).filter_by(programme_id=self.programme.id, slug=who)
        return self.unit.session.scalar(mended) or self.setting.address(who) or who

    def tokens(self, link: re.Pattern[str]) -> list[str]:
        """The tokens of such links in the mails that whoever acts received, the latest first."""
        return [token for mail in self.mails() for token in link.findall(mail.body or "")]

    def _link_holder(self, actions: frozenset[str], referral: Referral | None) -> Actor:
        for token in self.tokens(TASK_LINK):
            try:
                actor, task = open_task_link(self.unit, self.runtime, token)
            except LinkExpired:
                continue
            if actions & actor.actions and (referral is None or task.referral_id == referral.id):
                return actor
        raise LinkExpired

    def organisation(self, slug: str) -> UUID:
        """The id of an organisation of the programme."""
        query = select(Organisation.id, Organisation.slug).filter_by(programme_id=self.programme.id)
        known = {name: id_ for id_, name in self.unit.session.execute(query)}
        if slug not in known:
            raise InvalidInput("organisation", f"Aucun organisme ne s’appelle {slug}{closest(slug, known)}.")
        return known[slug]

    def referral(self, partner: str, about: str | None = None, *, draft: bool = False) -> Referral:
        """The latest request of the case to this partner; `about`: its solution; `draft`: one kept for later."""
        query = select(Referral).where(
            Referral.case_id == self.case_id, Referral.partner_id == self.organisation(partner)
        )
        if about is not None:
            query = query.join(Need, Need.id == Referral.need_id).where(Need.theme == about)
        if draft:
            query = query.where(Referral.state == ReferralState.DRAFT)
        found = self.unit.session.scalars(query.order_by(Referral.id.desc())).first()
        if found is None:
            told = f" ({about})" if about else ""
            raise InvalidInput("partner", f"Cette situation n’a pas d’orientation vers {partner}{told}.")
        return found


def without(given: Given, *words: str) -> dict[str, Any]:
    """What is given beside these words."""
    return {word: given[word] for word in given if word not in words}


def filled(form: type[F], given: Mapping[str, Any]) -> F:
    """The form of a step. Raises `InvalidInput`, in a sentence for whoever wrote the step."""
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise InvalidInput("with", f"{wording.capital(explained(error, form))}.") from error


Action = Callable[[Scene, Given], object]


@dataclass(frozen=True)
class FormAction:
    """An action that fills a form with what is given beside these words."""

    do: Action
    form: type[BaseModel]
    beside: tuple[str, ...] = ()

    def mistakes(self, given: Given, *, only_words: bool = False) -> Iterator[tuple[Way, str]]:
        """What does not fit, known before anything is played; the way to each. `only_words`: what the form has no word
        for, since the rest may be what is to be refused."""
        try:
            self.form.model_validate(without(given, *self.beside))
        except ValidationError as error:
            yield from each_explained(error, self.form, only_words=only_words)

    def __call__(self, scene: Scene, given: Given) -> object:
        """As any action."""
        return self.do(scene, given)


OF_REFERRAL: Final = ("partner", "about")
OF_TASK: Final = ("task", "partner")
Answering = Callable[[UnitOfWork, Hand, UUID, Any], object]


def answer(act: Answering, form: type[forms.Answer], name: str) -> Action:
    """An answer of a partner, through his mail, or told on his behalf."""

    def answering(scene: Scene, given: Given) -> object:
        partner = given["partner"] if scene.is_staff else given.get("partner", scene.step.who)
        referral, rest = scene.referral(partner, given.get("about")), without(given, *OF_REFERRAL)
        asked = referral if "about" in given else None
        hand = scene.hand if scene.is_staff else scene.through_mail(name, referral=asked)
        return act(scene.unit, hand, referral.id, filled(form, rest))

    return FormAction(answering, form, OF_REFERRAL)


def with_form(act: Callable[[UnitOfWork, Hand, UUID, Any], object], form: type[forms.Form]) -> Action:
    """A use case of one case that takes a form."""
    return FormAction(lambda scene, given: act(scene.unit, scene.hand, scene.case.id, filled(form, given)), form)


def bare(act: Callable[[UnitOfWork, Hand, UUID], object]) -> Action:
    """A use case of one case that takes nothing more."""

    def acting(scene: Scene, given: Given) -> object:
        if given:
            raise InvalidInput("with", f"Cette action ne prend rien de plus\u00a0: {', '.join(given)}.")
        return act(scene.unit, scene.hand, scene.case.id)

    return acting

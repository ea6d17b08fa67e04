"""Names that an expectation may use: one that is misspelt and must not be there would never be found there."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from deployments.play.expectations import VOICEMAIL, Expected
from deployments.play.facts import NONE, OFFICERS
from deployments.play.mistakes import closest, explained
from deployments.play.story import Staff, Story
from deployments.publishing import DEFAULT, read_pathway
from models.events import FACTS
from models.vocabulary import Party
from services.cases import surveys
from services.rules.texts import catalogue

NEW_ORGANISATION = "add_organisation"


@dataclass(frozen=True)
class Words:
    """The readers, texts and tasks that a story may expect."""

    staff: Mapping[str, Staff]
    readers: Collection[str]
    texts: Collection[str]
    tasks: Collection[str]
    cases: Collection[str]
    is_open: bool
    """Organisations come during the story, whose names are made then."""

    @classmethod
    def of(cls, story: Story) -> "Words":
        """Those of a story: its setting, its pathway, the catalogue of texts."""
        pathway = read_pathway(story.setting.pathway or DEFAULT)
        return cls(
            staff=story.setting.staff,
            readers=story.setting.names,
            texts=catalogue.load().texts,
            tasks=pathway.tasks,
            cases=story.cases,
            is_open=any(step.do == NEW_ORGANISATION for step in story.steps),
        )

    def unknown(self, expected: Expected) -> Iterator[str]:
        """A line for each name that is nobody's."""
        counted = (expected.mails, expected.most_a_day)
        read = (expected.monthly, expected.sees, expected.cannot_see, expected.on_screen, expected.not_on_screen)
        named = [*(name for each in (*counted, *read) for name in each), *expected.requests]
        to = [each.to for each in (*expected.messages, *expected.no_messages) if each.to is not None]
        for who in dict.fromkeys([*named, *to]):
            if not self._reads(who):
                yield f"personne ne s’appelle {who}{closest(who, self.readers)}"
        try:
            surveys.places_in(expected.survey)
        except ValidationError as error:
            yield explained(error, surveys.SurveyForm)
        for who in expected.handlings:
            if who not in self.staff:
                yield f"personne de l’équipe ne s’appelle {who}{closest(who, self.staff)}"
        for visit in expected.visits:
            for who in (str(getattr(visit, role)) for role in OFFICERS if getattr(visit, role) is not None):
                if who not in {*self.staff, *(each.name for each in self.staff.values()), NONE}:
                    yield f"personne de l’équipe ne s’appelle {who}{closest(who, self.staff)}"
        yield from self._things(expected)

    def _things(self, expected: Expected) -> Iterator[str]:
        for name in (*expected.happened, *expected.not_happened):
            if name not in FACTS:
                yield f"aucun événement ne s’appelle {name}{closest(name, FACTS)}"
        for name in (*expected.matches, *(expected.doubles or ()), expected.merged_into or NONE):
            if name not in {*self.cases, NONE}:
                yield f"aucune situation ne s’appelle {name}{closest(name, self.cases)}"
        for text in dict.fromkeys(
            each.text for each in (*expected.messages, *expected.no_messages, *expected.other_messages)
        ):
            if text is not None and text not in self.texts:
                yield f"aucun message ne s’appelle {text}{closest(text, self.texts)}"
        for name in dict.fromkeys([*expected.not_coming, *(each.text for each in expected.coming if each.text)]):
            if name not in {*self.texts, *self.tasks}:
                yield f"rien à venir ne s’appelle {name}{closest(name, [*self.texts, *self.tasks])}"
        chased = [each.task for each in expected.coming if each.task is not None]
        for kind in dict.fromkeys([*(each.kind for each in expected.tasks or ()), *chased]):
            if kind not in self.tasks:
                yield f"aucune tâche ne s’appelle {kind}{closest(kind, self.tasks)}"

    def _reads(self, who: str) -> bool:
        return self.is_open or who in {*self.readers, *Party, VOICEMAIL} or "@" in who or who.startswith("+")

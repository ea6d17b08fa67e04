"""What a story file may say: a setting, dated steps, expectations. Nothing is done here.

    story: The household's name, or what happens
    setting: vald_orne.yaml          # beside the story
    steps:
      - "2025-10-06 10:00 karim report_alert": {case: lucette, surname: Martin, ...}
      - "2025-10-06 10:05 expect": {stage: detection, tasks: [{kind: triage, owner: coordinator, due: 2025-10-09}]}
      - {at: "2025-10-09 11:00", who: claire, do: accept_case, with: {operator: energie-proche}}

Times are local to the programme. `case` names a case at its alert and may be left out while there is only one.
A step with `refused: text` must be refused with a code or a sentence that contains this text. Who acts is a name of the
setting, `household`, or an address at which somebody reads our mail (a partner's colleague).
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deployments.play.mistakes import closest, explained
from models.vocabulary import Role
from services.foundation import yaml_files
from services.foundation.errors import InvalidInput, Setup
from services.programmes import OrganisationForm, ProgrammeForm

T = TypeVar("T", bound=BaseModel)

EXPECT: Final = "expect"
REPORT: Final = "report_alert"
_BOOL: Final = "tag:yaml.org,2002:bool"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
HOUSEHOLD: Final = "household"
NAMED: Final = 4
"""Words at the head of a step: day, hour, who, what. `expect` has nobody."""
LONG: Final = frozenset({"at", "who", "do", "with", "case", "refused"})
"""What a step may say when its head is said word by word."""


class _Words(yaml_files.Loader):
    """YAML in which `on`, `no` and dates are words: only `true` and `false` are not."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base declares it
        first: [(tag, pattern) for tag, pattern in found if tag not in {_BOOL, _TIMESTAMP}]
        for first, found in yaml_files.Loader.yaml_implicit_resolvers.items()
    }


_Words.add_implicit_resolver(_BOOL, re.compile(r"^(true|false)$"), list("tf"))


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Staff(_Strict):
    """Somebody with an account."""

    name: str
    email: str
    role: Role
    organisation: str | None = None


class Giver(_Strict):
    """An alert giver: no account, the secret address of his organisation's form."""

    name: str
    email: str
    phone: str | None = None
    organisation: str


class Place(_Strict):
    """A commune of the territory."""

    code: str
    name: str
    postcodes: tuple[str, ...]


class Area(_Strict):
    """A zone that services may name."""

    name: str
    communes: tuple[str, ...]


class Closed(_Strict):
    """Days without work, both included."""

    first_on: date
    last_on: date
    label: str


class Setting(_Strict):
    """Where stories happen: one programme and everybody in it, each under the name that steps use."""

    programme: ProgrammeForm
    opened_on: date
    organisations: tuple[OrganisationForm, ...]
    staff: dict[str, Staff]
    alert_givers: dict[str, Giver]
    communes: tuple[Place, ...] = ()
    neighbours: tuple[Place, ...] = ()  # known, but of another territory
    areas: tuple[Area, ...] = ()
    closures: tuple[Closed, ...] = ()
    pathway: Path | None = None  # beside the setting; without one, the pathway that ships

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which steps are dated."""
        return self.programme.zone

    def address(self, who: str) -> str | None:
        """Where this person or organisation reads mail."""
        if who in self.staff:
            return self.staff[who].email
        if who in self.alert_givers:
            return self.alert_givers[who].email
        return next((it.email for it in self.organisations if it.slug == who), None)

    @property
    def names(self) -> frozenset[str]:
        """Whom steps and expectations may name, beside addresses."""
        organisations = {each.slug for each in self.organisations}
        return frozenset({HOUSEHOLD, *self.staff, *self.alert_givers, *organisations})

    def knows(self, who: str) -> bool:
        """Whether steps may name this person, organisation or address."""
        return who in self.names or "@" in who


class Step(_Strict):
    """One thing that somebody does, or that is expected, at an instant (aware UTC)."""

    at: datetime
    who: str
    do: str
    given: dict[str, Any] = Field(default_factory=dict, alias="with")
    case: str | None = None
    refused: str | None = None


class Story(_Strict):
    """A whole case, or several, as data."""

    name: str
    setting: Setting
    steps: tuple[Step, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names = self.setting.names
        problems = [
            f"{self.when(step)} {step.do}\u00a0: personne ne s’appelle {step.who}{closest(step.who, names)}"
            for step in self.steps
            if step.do != EXPECT and not self.setting.knows(step.who)
        ]
        pairs = zip(self.steps, self.steps[1:], strict=False)
        problems += [
            f"{self.when(later)} {later.do} vient après une étape du {self.when(earlier)}"
            for earlier, later in pairs
            if later.at < earlier.at
        ]
        if problems:
            raise ValueError("\u00a0; ".join(problems))
        return self

    def when(self, step: Step) -> str:
        """The local day and hour of a step, as it is written."""
        return f"{step.at.astimezone(self.setting.zone):%Y-%m-%d %H:%M}"

    @property
    def cases(self) -> list[str]:
        """The names of its cases, in the order of their alerts."""
        return [step.case or "" for step in self.steps if step.do == REPORT and not step.refused]


def read_setting(file: Path) -> Setting:
    """The setting in this file. Raises `Setup`."""
    setting = _valid(Setting, file, _content(file))
    return setting.model_copy(update={"pathway": file.parent / setting.pathway}) if setting.pathway else setting


def read_story(file: Path) -> Story:
    """The story in this file, with its setting. Raises `Setup` if it cannot be understood."""
    content = _content(file)
    if lacking := [word for word in ("setting", "steps") if not content.get(word)]:
        raise Setup(f"L’histoire {file.name} ne dit pas «\u00a0{lacking[0]}\u00a0».")
    setting = read_setting(file.parent / str(content["setting"]))
    steps = []
    for number, entry in enumerate(content["steps"], start=1):
        try:
            steps.append(_step(entry, setting.zone))
        except InvalidInput as error:
            raise Setup(f"L’histoire {file.name}, étape {number}\u00a0: {error.sentence}") from error
    return _valid(Story, file, {"name": content.get("story", file.stem), "setting": setting, "steps": steps})


def is_story(file: Path) -> bool:
    """Whether this file tells a story; a setting lies beside the stories that it serves."""
    return "steps" in _content(file)


def instant(text: object, zone: ZoneInfo) -> datetime:
    """`2025-10-06 10:00`, local, as aware UTC. Raises `InvalidInput`."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M").replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise InvalidInput("at", f"«\u00a0{text}\u00a0» n’est pas un jour et une heure (2025-10-06 10:00).") from None


def day(text: object) -> date:
    """`2025-10-06`. Raises `InvalidInput`."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise InvalidInput("on", f"«\u00a0{text}\u00a0» n’est pas un jour (2025-10-06).") from None


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Words)  # noqa: S506 - a safe loader
    except (OSError, yaml.YAMLError) as error:
        raise Setup(f"Le fichier {file} ne se lit pas\u00a0: {error}") from error
    if not isinstance(content, dict):
        raise Setup(f"Le fichier {file} n’est ni une histoire ni un cadre d’histoires.")
    return content


def _valid(model: type[T], file: Path, content: Mapping[str, Any]) -> T:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Setup(f"Le fichier {file.name} ne se comprend pas\u00a0: {explained(error, model)}.") from error


def _step(entry: object, zone: ZoneInfo) -> Step:
    """Raises `InvalidInput`, in a sentence about its head or about what it gives."""
    head, given = _parts(entry)
    words = head.split()
    who, do = (words[2], words[3]) if len(words) == NAMED else ("", words[-1] if words else "")
    if len(words) != NAMED and (len(words) != NAMED - 1 or do != EXPECT):
        said = "une étape se dit «\u00a0jour heure qui quoi\u00a0», ou «\u00a0jour heure expect\u00a0»"
        raise InvalidInput("head", f"«\u00a0{head}\u00a0»\u00a0: {said}.")
    if given is not None and not isinstance(given, Mapping):
        raise InvalidInput("with", f"«\u00a0{head}\u00a0»\u00a0: ce qui est donné se dit {{mot: valeur}}.")
    rest = dict(given or {})
    case, refused = (
        None if word is None else str(word) for word in (rest.pop("case", None), rest.pop("refused", None))
    )
    return Step(at=instant(" ".join(words[:2]), zone), who=who, do=do, given=rest, case=case, refused=refused)


def _parts(entry: object) -> tuple[str, object]:
    """The head of a step and what it gives, whichever of the two ways it is written in; a head alone gives nothing."""
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and "at" in entry:
        if unknown := [each for each in entry if each not in LONG]:
            raise InvalidInput("head", f"mot inconnu «\u00a0{unknown[0]}\u00a0»{closest(str(unknown[0]), LONG)}.")
        head = " ".join(str(entry[word]) for word in ("at", "who", "do") if word in entry)
        given, aside = entry.get("with") or {}, {word: entry[word] for word in ("case", "refused") if word in entry}
        bare = head if "do" in entry else f"{head} {EXPECT}"
        return bare, {**given, **aside} if isinstance(given, Mapping) else given
    if isinstance(entry, Mapping) and len(entry) == 1:
        return next((str(head), given) for head, given in entry.items())
    raise InvalidInput("head", "une étape est une ligne «\u00a0jour heure qui quoi\u00a0» avec ce qui est donné.")

"""What a story file may say: a setting, dated steps, expectations. Nothing is done here.

    story: The household's name, or what happens
    setting: vald_orne.yaml          # beside the story
    steps:
      - "2025-10-06 10:00 karim report_alert": {case: lucette, surname: Martin, ...}
      - "2025-10-06 10:05 expect": {stage: detection, tasks: [{kind: triage, owner: coordinator, due: 2025-10-09}]}
      - {at: "2025-10-09 11:00", who: claire, do: accept_case, with: {operator: energie-proche}}

Times are local to the programme. `case` names a case at its alert and may be left out while there is only one.
A step with `refused: text` must be refused with a code or a sentence that contains this text.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.vocabulary import Role
from services.foundation.errors import Setup
from services.programmes import OrganisationForm, ProgrammeForm

T = TypeVar("T", bound=BaseModel)

EXPECT: Final = "expect"
REPORT: Final = "report_alert"
_BOOL: Final = "tag:yaml.org,2002:bool"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
NAMED: Final = 4
"""Words at the head of a step: day, hour, who, what. `expect` has nobody."""


class _Words(yaml.SafeLoader):
    """YAML in which `on`, `no` and dates are words: only `true` and `false` are not."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base declares it
        first: [(tag, pattern) for tag, pattern in found if tag not in {_BOOL, _TIMESTAMP}]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
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
        return ZoneInfo(self.programme.zone)

    def address(self, who: str) -> str | None:
        """Where this person or organisation reads mail."""
        if who in self.staff:
            return self.staff[who].email
        if who in self.alert_givers:
            return self.alert_givers[who].email
        return next((it.email for it in self.organisations if it.slug == who), None)

    def knows(self, who: str) -> bool:
        """Whether steps may name this person or organisation."""
        return self.address(who) is not None


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
        problems = [
            f"{step.at:%Y-%m-%d %H:%M} UTC, {step.do}: nobody is called {step.who}"
            for step in self.steps
            if step.do != EXPECT and not self.setting.knows(step.who)
        ]
        pairs = zip(self.steps, self.steps[1:], strict=False)
        problems += [f"a step goes back in time: {later.at}" for earlier, later in pairs if later.at < earlier.at]
        if problems:
            raise ValueError("; ".join(problems))
        return self

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
    try:
        setting = read_setting(file.parent / content["setting"])
        steps = [_step(entry, setting.zone) for entry in content["steps"]]
    except (KeyError, TypeError, ValueError) as error:
        raise Setup(f"L’histoire {file.name} ne se lit pas\u00a0: {error!r}") from error
    return _valid(Story, file, {"name": content.get("story", file.stem), "setting": setting, "steps": steps})


def is_story(file: Path) -> bool:
    """Whether this file tells a story; a setting lies beside the stories that it serves."""
    return "steps" in _content(file)


def instant(text: str, zone: ZoneInfo) -> datetime:
    """`2025-10-06 10:00`, local, as aware UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone).astimezone(UTC)


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
        raise Setup(f"Le fichier {file.name} ne se comprend pas\u00a0: {error}") from error


def _step(entry: Mapping[str, Any], zone: ZoneInfo) -> Step:
    if "at" in entry:
        head = f"{entry['at']} {entry['who']} {entry['do']}" if "who" in entry else f"{entry['at']} {EXPECT}"
        given = dict(entry.get("with") or {})
    else:
        ((head, body),) = entry.items()
        given = dict(body or {})
    words = head.split()
    who, do = (words[2], words[3]) if len(words) == NAMED else ("", words[2])
    case, refused = given.pop("case", None), given.pop("refused", None)
    return Step(at=instant(" ".join(words[:2]), zone), who=who, do=do, given=given, case=case, refused=refused)

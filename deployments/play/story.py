"""What a story file may say: a setting, dated steps, expectations. Nothing is done here.

    story: The household's name, or what happens
    setting: vald_orne.yaml          # beside the story
    steps:
      - "2025-10-06 10:00 karim report_alert": {case: lucette, surname: Martin, ...}
      - "2025-10-06 10:05 expect": {stage: detection, tasks: [{kind: triage, owner: coordinator, due: 2025-10-09}]}
      - {at: "2025-10-09 11:00", who: claire, do: accept_case, with: {operator: energie-proche}}

Times are local to the programme. `case` names a case at its alert and may be left out while there is only one.
A step with `refused: text` must be refused with a code or a sentence that contains this text (`refused: true`: in any
words); what a step with `from_page: true` sends waits a minute, as behind a page's button, and may be taken back
(`take_back`). Who acts is a name of the setting, `household`, or an address at which somebody reads our mail (a
partner's colleague).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, EmailStr, Field, ValidationError, model_validator

from deployments.play import places
from deployments.play.mistakes import Way, closest, each_explained
from deployments.play.places import Written
from models.vocabulary import Role
from services.foundation.errors import InvalidInput, Setup
from services.programme.programmes import OrganisationForm, ProgrammeForm

T = TypeVar("T", bound=BaseModel)

EXPECT: Final = "expect"
ANY: Final = "any"
"""A refusal in whatever words."""
REPORT: Final = "report_alert"
FILES: Final = ("import_alerts", "import_cases")
"""Acts that open the cases of their rows, each row under the name that it gives as `case`."""
HOUSEHOLD: Final = "household"
NAMED: Final = 4
"""Words at the head of a step: day, hour, who, what. `expect` has nobody."""
LONG: Final = frozenset({"at", "who", "do", "with", "case", "refused", "from_page"})
"""What a step may say when its head is said word by word."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Staff(_Strict):
    """Somebody with an account."""

    name: str
    email: EmailStr
    role: Role
    organisation: str | None = None


class Giver(_Strict):
    """An alert giver: no account, the secret address of his organisation's form."""

    name: str
    email: EmailStr
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

    @property
    def people(self) -> dict[str, str]:
        """The whole name of everybody, by the name that steps use."""
        staff = {who: each.name for who, each in self.staff.items()}
        return staff | {who: each.name for who, each in self.alert_givers.items()}

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
    from_page: bool = False
    way: Way = ()  # to what it gives, in its file

    @property
    def opens(self) -> list[str]:
        """The names of the cases that it opens, in their order."""
        if self.refused or self.do not in {REPORT, *FILES}:
            return []
        rows = self.given.get("rows")
        named = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        return [self.case or ""] if self.do == REPORT else [str(row["case"]) for row in named if "case" in row]


class Story(_Strict):
    """A whole case, or several, as data."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    setting: Setting
    steps: tuple[Step, ...]
    written: Written | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        names = self.setting.names
        problems = [
            f"{self.place(step)} {step.do}\u00a0: personne ne s’appelle {step.who}{closest(step.who, names)}"
            for step in self.steps
            if step.do != EXPECT and not self.setting.knows(step.who)
        ]
        pairs = zip(self.steps, self.steps[1:], strict=False)
        problems += [
            f"{self.place(later)} {later.do} vient après une étape du {self.when(earlier)}"
            for earlier, later in pairs
            if later.at < earlier.at
        ]
        seen = set[str]()
        for step in self.steps:
            for name in step.opens:
                if name in seen:
                    said = f"s’appellent {name}" if name else "n’ont pas de nom (case)"
                    problems.append(f"{self.place(step)} {step.do}\u00a0: deux situations {said}")
                seen.add(name)
        if problems:
            raise ValueError("\u00a0; ".join(problems))
        return self

    def when(self, step: Step) -> str:
        """The local day and hour of a step, as it is written."""
        return f"{step.at.astimezone(self.setting.zone):%Y-%m-%d %H:%M}"

    def place(self, step: Step, inside: Way = ()) -> str:
        """Where a step is written, with its day and hour; `inside`: where in what it gives."""
        line = f"{self.written.at((*step.way, *inside))}, " if self.written and step.way else ""
        return f"{line}{self.when(step)}"

    @property
    def cases(self) -> list[str]:
        """The names of its cases, in the order of their alerts."""
        return [name for step in self.steps for name in step.opens]


def read_setting(file: Path) -> Setting:
    """The setting in this file. Raises `Setup`."""
    written = places.read(file)
    setting = _valid(Setting, written, written.content)
    if told := "\u00a0; ".join(f"{written.at(way)}\u00a0: {said}" for way, said in _contradictions(setting)):
        raise Setup(f"{told}.")
    return setting.model_copy(update={"pathway": file.parent / setting.pathway}) if setting.pathway else setting


def _contradictions(setting: Setting) -> Iterator[tuple[Way, str]]:
    """What no field can tell of a setting by itself: names of nobody, one name or address for two."""
    slugs, names, mailboxes = [each.slug for each in setting.organisations], set[str](), dict[str, str]()
    for index, slug in enumerate(slugs):
        if slug in names:
            yield ("organisations", index, "slug"), f"deux organismes s’appellent {slug}"
        names.add(slug)
    works: list[tuple[str, str, str | None]] = [("staff", who, it.organisation) for who, it in setting.staff.items()]
    works += [("alert_givers", who, it.organisation) for who, it in setting.alert_givers.items()]
    for place, who, organisation in works:
        if who in {*names, HOUSEHOLD}:
            yield (place, who), f"{who} est déjà le nom de quelqu’un"
        names.add(who)
        if organisation is not None and organisation not in slugs:
            said = f"aucun organisme ne s’appelle {organisation}{closest(organisation, slugs)}"
            yield (place, who, "organisation"), said
    for who, person in setting.staff.items():
        if (first := mailboxes.setdefault(person.email.lower(), who)) != who:
            yield ("staff", who, "email"), f"cette adresse est celle de {first}"
    for index, closed in enumerate(setting.closures):
        if closed.last_on < closed.first_on:
            yield ("closures", index, "last_on"), "la fin vient avant le début"


def read_story(file: Path) -> Story:
    """The story in this file, with its setting. Raises `Setup` if it cannot be understood."""
    written = places.read(file)
    content = written.content
    if lacking := [word for word in ("setting", "steps") if not content.get(word)]:
        raise Setup(f"L’histoire {file.name} ne dit pas «\u00a0{lacking[0]}\u00a0».")
    if unknown := [word for word in content if word not in {"story", "setting", "steps"}]:
        raise Setup(f"{written.at((unknown[0],))}\u00a0: mot inconnu «\u00a0{unknown[0]}\u00a0».")
    if not isinstance(content["steps"], list):
        raise Setup(f"{written.at(('steps',))}\u00a0: «\u00a0steps\u00a0» est une liste d’étapes.")
    setting = read_setting(file.parent / str(content["setting"]))
    steps = []
    for index, entry in enumerate(content["steps"]):
        try:
            steps.append(_step(entry, setting.zone).model_copy(update={"way": _way(index, entry)}))
        except InvalidInput as error:
            raise Setup(f"{written.at(('steps', index))}\u00a0: {error.sentence}") from error
    told = {"name": content.get("story", file.stem), "setting": setting, "steps": steps, "written": written}
    return _valid(Story, written, told)


def _way(index: int, entry: object) -> Way:
    """To what a step gives: behind its head, or under `with`."""
    if not isinstance(entry, Mapping):
        return "steps", index
    return "steps", index, "with" if "at" in entry else str(next(iter(entry)))


def is_story(file: Path) -> bool:
    """Whether this file tells a story; a setting lies beside the stories that it serves."""
    return "steps" in places.read(file).content


def instant(text: object, zone: ZoneInfo) -> datetime:
    """`2025-10-06 10:00`, local, as aware UTC. Raises `InvalidInput`, also for an hour that summer time skips."""
    try:
        local = datetime.strptime(str(text), "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("at", f"«\u00a0{text}\u00a0» n’est pas un jour et une heure (2025-10-06 10:00).") from None
    at = local.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise InvalidInput("at", f"«\u00a0{text}\u00a0» n’existe pas\u00a0: l’heure d’été saute cette heure.")
    return at


def day(text: object) -> date:
    """`2025-10-06`. Raises `InvalidInput`."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise InvalidInput("on", f"«\u00a0{text}\u00a0» n’est pas un jour (2025-10-06).") from None


def _valid(model: type[T], written: Written, content: Mapping[str, Any]) -> T:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = (f"{written.at(way)}\u00a0: {said}" if way else said for way, said in each_explained(error, model))
        told = "\u00a0; ".join(dict.fromkeys(found))
        raise Setup(f"{told}.") from error


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
    refused, named = _refusal(head, rest.pop("refused", None)), rest.pop("case", None)
    case = None if named is None else str(named)
    is_held = rest.pop("from_page", False) is True
    return Step(
        at=instant(" ".join(words[:2]), zone), who=who, do=do, given=rest, case=case, refused=refused, from_page=is_held
    )


def _refusal(head: str, said: object) -> str | None:
    """The text of the refusal that is expected, `any` for whatever text; None when the step must not be refused."""
    if said is None or isinstance(said, bool):
        return ANY if said else None
    if not isinstance(said, str) or not said:
        text = "refused\u00a0» est un texte que le refus contient, ou true"
        raise InvalidInput("refused", f"«\u00a0{head}\u00a0»\u00a0: «\u00a0{text}.")
    return said


def _parts(entry: object) -> tuple[str, object]:
    """The head of a step and what it gives, whichever of the two ways it is written in; a head alone gives nothing."""
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and "at" in entry:
        if unknown := [each for each in entry if each not in LONG]:
            raise InvalidInput("head", f"mot inconnu «\u00a0{unknown[0]}\u00a0»{closest(str(unknown[0]), LONG)}.")
        head = " ".join(str(entry[word]) for word in ("at", "who", "do") if word in entry)
        given, aside = (
            entry.get("with") or {},
            {word: entry[word] for word in ("case", "refused", "from_page") if word in entry},
        )
        bare = head if "do" in entry else f"{head} {EXPECT}"
        return bare, {**given, **aside} if isinstance(given, Mapping) else given
    if isinstance(entry, Mapping) and len(entry) == 1:
        return next((str(head), given) for head, given in entry.items())
    raise InvalidInput("head", "une étape est une ligne «\u00a0jour heure qui quoi\u00a0» avec ce qui est donné.")

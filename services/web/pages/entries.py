"""What was typed becomes a form of `services.forms`, or the sentences to show beside its fields."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import FormData, UploadFile

from services.foundation.errors import CaseworkError, InvalidInput, InvalidInputs
from services.foundation.phones import normalise

M = TypeVar("M", bound=BaseModel)

PHONES: Final = (
    "phone",
    "other_phone",
    "giver_phone",
    "guardian_phone",
    "professional_phone",
    "household_phone",
    "to_phone",
)
SENTENCES: Final = {
    "missing": "Cette réponse manque.",
    "string_too_short": "Cette réponse manque.",
    "too_short": "Choisissez au moins une réponse.",
    "enum": "Choisissez une réponse.",
    "literal_error": "Choisissez une réponse.",
    "uuid_parsing": "Choisissez une réponse.",
    "string_too_long": "C’est trop long : {max_length} caractères au plus.",
    "string_pattern_mismatch": "Ce texte contient des signes qui ne conviennent pas ici.",
    "int_parsing": "Un nombre entier est attendu, en chiffres.",
    "int_type": "Un nombre entier est attendu, en chiffres.",
    "decimal_parsing": "Un nombre est attendu, en chiffres.",
    "decimal_max_places": "Une décimale au plus.",
    "nothing_said": "Notez au moins une réponse.",
    "greater_than_equal": "Le plus petit nombre possible est {ge}.",
    "less_than_equal": "Le plus grand nombre possible est {le}.",
    "date_from_datetime_parsing": "Une date est attendue.",
    "datetime_from_date_parsing": "Une date et une heure sont attendues.",
}
LISTED: Final = "-liste"
"""Ends the name of a field of which several answers may be ticked, where no page knows its name beforehand."""
DEFAULT: Final = "Cette réponse ne convient pas."
MAIL: Final = "Cette adresse électronique n’est pas complète."
RESUMED: Final = "reprise"
"""Sent with what was typed before a session ended: the form is shown again, nothing is done."""
AGAIN: Final = "Votre connexion s’était fermée : rien n’est encore enregistré. Relisez, puis envoyez."


NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Mistakes(Exception):
    """Sentences by field's name; the key `""` for what concerns no field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """`errors` in the order of the page."""
        super().__init__("mistakes")
        self.errors = dict(errors)


def read(model: type[M], data: FormData, beside: Mapping[str, str] = NOTHING, /, **given: Any) -> M:
    """Build `model` from what was typed; `given` replaces what the page works out itself.

    Raises `Mistakes` for all that is wrong, with what was found `beside` the form, in the database or on the calendar.
    """
    if RESUMED in data:
        raise Mistakes({"": AGAIN})
    values = {name: typed for name in model.model_fields if (typed := _typed(model, data, name)) is not None} | given
    wrong = dict(beside) | _wrong_phones(model, values)
    try:
        made = model.model_validate({name: value for name, value in values.items() if name not in wrong})
    except ValidationError as error:
        found = {_field(each): sentence_of(each) for each in error.errors()}
        raise Mistakes(found | wrong) from None
    if wrong:
        raise Mistakes(wrong)
    return made


def readable_part(model: type[BaseModel], data: FormData) -> dict[str, Any]:
    """Each field as it can be read by itself, None where it cannot: for what is checked beside a form not yet whole."""
    return {name: _by_itself(field.annotation, _typed(model, data, name)) for name, field in model.model_fields.items()}


def _by_itself(kind: Any, typed: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(typed or None)
    except ValidationError:
        return None


def _typed(model: type[BaseModel], data: FormData, name: str) -> Any:
    kind = model.model_fields[name].annotation
    if kind is bool:
        return name in data
    if getattr(kind, "__origin__", None) in {list, frozenset}:
        return data.getlist(name)
    value = data.get(name)
    return value if isinstance(value, str) else None


def _wrong_phones(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, str]:
    """A wrong number is refused by its own type, which does not know the field that it stands in."""
    wrong: dict[str, str] = {}
    for name in PHONES:
        if name not in model.model_fields or not (typed := values.get(name)):
            if name in model.model_fields and model.model_fields[name].is_required():
                wrong[name] = SENTENCES["missing"]
            continue
        try:
            normalise(typed)
        except CaseworkError as error:
            wrong[name] = error.sentence
    return wrong


def _field(error: ErrorDetails) -> str:
    """The field that is wrong; none when it is the whole. What was said for a partner has fields of its own."""
    where = [str(each) for each in error["loc"]]
    return where[1] if where[:1] == ["on_behalf"] and where[1:] else "".join(where[:1])


def sentence_of(error: ErrorDetails) -> str:
    """What is wrong with one answer."""
    if error["type"] == "value_error" and "email" in _field(error):
        return MAIL
    return SENTENCES.get(error["type"], DEFAULT).format(**error.get("ctx", {}))


def mistakes_of(error: CaseworkError) -> dict[str, str]:
    """A refusal as a sentence beside each of its fields, or above the page when it concerns none."""
    if isinstance(error, InvalidInputs):
        return error.errors
    return {error.field if isinstance(error, InvalidInput) else "": error.sentence}


def moment(data: FormData, zone: ZoneInfo, *, day: str, hour: str) -> datetime:
    """The instant of a date and a time typed apart, on the programme's clocks. Raises `Mistakes`."""
    try:
        return datetime.fromisoformat(f"{data.get(day)}T{data.get(hour)}").replace(tzinfo=zone)
    except ValueError:
        raise Mistakes({day: "Une date et une heure sont attendues."}) from None


def uploaded(data: FormData) -> UploadFile | None:
    """The file that was chosen, if one was."""
    upload = data.get("file")
    return upload if isinstance(upload, UploadFile) and upload.filename else None


def kept(data: FormData) -> dict[str, Any]:
    """What was typed, to show again: several values as a list for what the page ticks."""
    names = dict.fromkeys(name for name, _ in data.multi_items())
    return {name: _shown(name, data) for name in names}


TICKED: Final = frozenset(
    {"motives", "agreement", "sms_agreed", "permission", "to_alert_giver", "to_landlord", "letter", "told", "also_ids"}
    | {"weekdays", "urgent", "vulnerabilities", "to_referent", "to_committee", "to_partner_ids"}
    | {"notice_said", "health_agreed", "brief_is_open"}
    | {"themes", "tenures", "income_classes", "types"}
)


def _shown(name: str, data: FormData) -> Any:
    return data.getlist(name) if name in TICKED or name.endswith(LISTED) else data.get(name)

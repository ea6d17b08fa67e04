"""How long what a text says stays true (`standing.yaml`)."""

from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.vocabulary import CaseState, ReferralState
from services.foundation import yaml_files


class Standing(BaseModel):
    """What must hold for a text to leave; what is not said holds always."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: frozenset[CaseState] = frozenset()
    referral: frozenset[ReferralState] = frozenset()
    ahead: Literal["visit", "meeting"] | None = None
    tells: Literal["end", "going_on"] | None = None


@cache
def standings() -> dict[str, Standing]:
    """Of each text that does not stay true for ever."""
    source = resources.files(__package__).joinpath("standing.yaml").read_text(encoding="utf-8")
    return {text: Standing.model_validate(facts) for text, facts in yaml_files.read(source).items()}

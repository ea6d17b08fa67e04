"""How long what a text says stays true (`only_while.yaml`)."""

from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from models.vocabulary import CaseState, ReferralState
from services.foundation import yaml_files


class Standing(BaseModel):
    """The states of its case, or of its request, in which a text may leave; none: in any."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: frozenset[CaseState] = frozenset()
    referral: frozenset[ReferralState] = frozenset()

    def holds(self, case: str, referral: str | None) -> bool:
        """Whether it is still true; a message about no request has None."""
        of_case = not self.case or case in self.case
        return of_case and (not self.referral or referral is None or referral in self.referral)


@cache
def standings() -> dict[str, Standing]:
    """Of each text that does not stay true for ever."""
    source = resources.files(__package__).joinpath("only_while.yaml").read_text(encoding="utf-8")
    return {text: Standing.model_validate(states) for text, states in yaml_files.read(source).items()}

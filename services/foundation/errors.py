"""The refusals of the services: each says what a person can do about it, in one French sentence."""

from collections.abc import Mapping
from typing import Final

from models.refusals import CaseworkError, TransitionRefused

__all__ = [
    "CaseworkError",
    "Conflict",
    "Denied",
    "GuardRefused",
    "InvalidInput",
    "InvalidInputs",
    "LinkAged",
    "LinkExpired",
    "NotFound",
    "Setup",
    "SignInRefused",
    "TransitionRefused",
    "Unavailable",
]


class NotFound(CaseworkError):
    """The thing does not exist, or this actor may not know that it does: the answer is the same."""

    status_code = 404
    code = "not-found"

    def __init__(self) -> None:
        """One sentence for both cases."""
        super().__init__("Cette page n’existe pas, ou ne vous est pas ouverte.")


class Denied(CaseworkError):
    """The actor knows of the thing but may not do this to it."""

    status_code = 403
    code = "denied"

    def __init__(self, sentence: str = "Votre rôle ne permet pas de faire cela.") -> None:
        """`sentence` when more can be said."""
        super().__init__(sentence)


class SignInRefused(CaseworkError):
    """Who are you?"""

    status_code = 401
    code = "sign-in-refused"

    def __init__(self, sentence: str = "Connectez-vous pour continuer.") -> None:
        """The same sentence whether the address is known or not."""
        super().__init__(sentence)


class Conflict(CaseworkError):
    """Somebody else was faster; reading again and trying again is right."""

    retryable = True
    code = "conflict"

    def __init__(self, sentence: str = "La situation a changé entre-temps : relisez-la, puis recommencez.") -> None:
        """`sentence` when more can be said."""
        super().__init__(sentence)


class GuardRefused(CaseworkError):
    """A rule of the office forbids it now; the sentence says which and what is missing."""

    code = "guard-refused"


class InvalidInput(CaseworkError):
    """A field is wrong; `field` names it, the sentence is shown beside it."""

    status_code = 422
    code = "invalid-input"

    def __init__(self, field: str, sentence: str) -> None:
        """`field` is the form's field name."""
        super().__init__(sentence)
        self.field = field


class InvalidInputs(InvalidInput):
    """Several fields are wrong: a sentence for each, the first one stands for all."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """`errors` maps a field's name to its sentence; never empty."""
        super().__init__(*next(iter(errors.items())))
        self.errors = dict(errors)


class LinkExpired(CaseworkError):
    """A link of a mail that no longer opens anything."""

    status_code = 410
    code = "link-expired"

    def __init__(self, sentence: str = "Ce lien ne sert plus : la demande a changé ou sa date est passée.") -> None:
        """The same for a revoked, late or forged link; what became of the request is for the holder of a true one."""
        super().__init__(sentence)


class LinkAged(LinkExpired):
    """A true link whose time is over, to what is still asked: a new one may be sent to whoever it was for."""

    def __init__(self, ask_at: str) -> None:
        """`ask_at`: the address to which the holder posts to have one sent."""
        super().__init__("Ce lien a trop vieilli pour s’ouvrir, mais la demande vous attend toujours.")
        self.ask_at = ask_at


class Unavailable(CaseworkError):
    """The database is away, full or closed to us; the same request, with its key, may succeed later."""

    status_code = 503
    retryable = True
    retry_after_s: Final = 30
    code = "unavailable"

    def __init__(self) -> None:
        """One sentence whatever is missing: the reader cannot mend it."""
        super().__init__("Rien ne peut être lu ni enregistré en ce moment : réessayez dans quelques minutes.")


class Setup(CaseworkError):
    """The installation itself is at fault; the command says so in one sentence and stops."""

    status_code = 503
    code = "setup"

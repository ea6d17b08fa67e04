"""The refusals that people can meet: one base, one class per thing somebody can act on."""


class CaseworkError(Exception):
    """A refusal with a sentence that the person may read (French), never a personal datum.

    `status_code` is its HTTP answer; `retryable` says whether the same act may succeed later unchanged.
    """

    status_code = 409
    retryable = False
    code = "refused"

    @property
    def sentence(self) -> str:
        """What the person reads."""
        return str(self)


class TransitionRefused(CaseworkError):
    """The table of life cycles has no such move."""

    code = "transition-refused"

    def __init__(self, what: str, state: str, action: str) -> None:
        """`what` is the thing moved (case, referral, visit, task)."""
        super().__init__(f"Cette action n’est pas possible là où en est {_FRENCH.get(what, what)} : relisez-la.")
        self.what, self.state, self.action = what, state, action


_FRENCH = {"case": "la situation", "referral": "l’orientation", "visit": "la visite", "task": "la tâche"}

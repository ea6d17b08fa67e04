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
        super().__init__(f"{_FRENCH.get(what, what)} a changé entre-temps : cette action n’est plus possible.")
        self.what, self.state, self.action = what, state, action


_FRENCH = {"case": "La situation", "referral": "L’orientation", "visit": "La visite", "task": "La tâche"}

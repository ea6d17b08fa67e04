"""Asks the mail server that we hand mails to whether it accepted one, when a crash left us unsure."""

from typing import Literal, Protocol

Verdict = Literal["yes", "no", "cannot_tell"]

ANSWER_TIMEOUT_S = 2.0


class Evidence(Protocol):
    """Proof of acceptance: "no" allows the mail to be sent again, so it is said only when it is certain."""

    def accepted(self, message_id: str) -> Verdict: ...


class NoEvidence:
    """For a mail server that cannot be asked: every doubt goes to a person."""

    def accepted(self, message_id: str) -> Verdict:
        return "cannot_tell"


class CatcherEvidence:
    """Asks the local mailbox, which keeps the Message-ID of every mail it ever accepted."""

    def __init__(self, base_url: str) -> None:
        self._url = base_url.rstrip("/") + "/api/accepted"

    def accepted(self, message_id: str) -> Verdict:
        """Ask once, for two seconds at most; any error, refusal or odd answer is "cannot_tell"."""
        import httpx2  # noqa: PLC0415 - the pages would start later

        try:
            # trust_env=False: a proxy of the environment must not answer in the mailbox's place.
            answer = httpx2.get(self._url, params={"message_id": message_id}, timeout=ANSWER_TIMEOUT_S, trust_env=False)
            answer.raise_for_status()
            content = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            return "cannot_tell"
        match content:
            case {"verdict": "yes"}:
                return "yes"
            case {"verdict": "no"}:
                return "no"
        return "cannot_tell"

"""A real SMTP server for tests: keeps what it accepts and fails, verb by verb, as it is told to."""

import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from socketserver import StreamRequestHandler, ThreadingTCPServer
from ssl import SSLContext, SSLSocket
from types import TracebackType
from typing import Any, Final, Literal, Self

from services.channels.evidence import Verdict

# CONNECT is the banner, DATA the answer to the command, BODY the answer after the final dot.
Verb = Literal["CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BODY", "RSET", "NOOP", "QUIT"]

REPLIES: Final[dict[str, str]] = {
    "CONNECT": "220 sink.test ESMTP",
    "HELO": "250 sink.test",
    "STARTTLS": "220 2.0.0 Go ahead",
    "AUTH": "235 2.7.0 Signed in",
    "MAIL": "250 2.1.0 Sender ok",
    "RCPT": "250 2.1.5 Recipient ok",
    "DATA": "354 End with a dot",
    "BODY": "250 2.0.0 Queued as {number}",
    "RSET": "250 2.0.0 Reset",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


USUAL: Final = "usual"


@dataclass(frozen=True)
class Received:
    """A mail that the sink accepted, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, read when somebody looks at it: no sender waits for that."""
        return message_from_bytes(self.raw, policy=policy.SMTP)

    def __getitem__(self, header: str) -> str:
        return str(self.message[header] or "")

    @property
    def text(self) -> str:
        """The plain text part, or an empty string."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""


@dataclass(frozen=True, slots=True)
class _Fault:
    reply: str | None = None  # None: close without a word; USUAL: as if nothing were wrong
    wait_s: float | None = 0.0  # None: until the sink closes
    store: bool = False


class Sink:
    """Listens on a free loopback port inside `with`; faults are queued by verb and used up one at a time.

    With `tls` it offers STARTTLS and signs in whoever asks or, if `encrypted`, speaks TLS from the first byte. With
    `idle_s` it closes a connection on which nothing was said for so long.
    """

    def __init__(
        self,
        *,
        extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8"),
        tls: SSLContext | None = None,
        encrypted: bool = False,
        idle_s: float | None = None,
    ) -> None:
        self.extensions, self.tls, self.encrypted, self.idle_s = extensions, tls, encrypted, idle_s
        self.host, self.port = "127.0.0.1", 0
        self.messages: list[Received] = []
        self.verbs: list[str] = []
        self.connections = self.most_at_once = 0
        self._faults: dict[str, deque[_Fault]] = defaultdict(deque)
        self._changed = threading.Condition()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.accept_connections()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.refuse_connections()

    def accept_connections(self) -> None:
        """Listen, on the same port as before if there was one."""
        if self._server is None:
            self._server = _Server(self)
            self.port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def refuse_connections(self) -> None:
        """Stop listening and cut every open connection."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def fail_next(self, verb: Verb, reply: str, times: int = 1) -> None:
        """Answer `reply` ("451 4.7.1 Later") to the next `times` uses of the verb; a 421 also closes."""
        self._plan(verb, _Fault(reply), times)

    def hang(self, verb: Verb, times: int = 1) -> None:
        """Never answer the verb; nothing is stored."""
        self._plan(verb, _Fault(wait_s=None), times)

    def slow(self, verb: Verb, seconds: float, times: int = 1) -> None:
        """Do as usual, but answer late; after BODY the mail is stored before the wait."""
        self._plan(verb, _Fault(USUAL, seconds, store=True), times)

    def drop(self, verb: Verb, times: int = 1) -> None:
        """Close the connection instead of answering the verb; nothing is stored."""
        self._plan(verb, _Fault(), times)

    def drop_after_data(self, *, stored: bool, times: int = 1) -> None:
        """Read the whole mail, store it or not, and close without an answer."""
        self._plan("BODY", _Fault(store=stored), times)

    def accepted(self, message_id: str) -> Verdict:
        """Evidence as the real port gives it: the sink knows everything that it stored."""
        return "yes" if any(mail["Message-ID"].strip() == message_id.strip() for mail in self.messages) else "no"

    def to(self, address: str) -> list[Received]:
        """The mails accepted for this address, oldest first."""
        return [mail for mail in self.messages if address.lower() in map(str.lower, mail.recipients)]

    def wait_for(self, count: int, timeout_s: float = 5.0) -> list[Received]:
        """Wait until `count` mails are stored and return them all; AssertionError when they are late."""
        with self._changed:
            in_time = self._changed.wait_for(lambda: len(self.messages) >= count, timeout_s)
        assert in_time, f"{len(self.messages)} mails of {count} after {timeout_s} s"
        return self.messages

    def _plan(self, verb: str, fault: _Fault, times: int) -> None:
        self._faults[verb].extend([fault] * times)

    def _next_fault(self, verb: str) -> _Fault | None:
        try:
            return self._faults[verb].popleft()
        except IndexError:
            return None

    def _store(self, sender: str, recipients: list[str], raw: bytes) -> None:
        with self._changed:
            self.messages.append(Received(sender, tuple(recipients), raw))
            self._changed.notify_all()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.open: set[socket.socket] = set()
        self.closing = threading.Event()
        super().__init__((sink.host, sink.port), _Dialogue)

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that goes away in mid-sentence is what the tests are about."""


class _Close(Exception):
    """The connection ends here."""


class _Dialogue(StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.sink.idle_s)

    def handle(self) -> None:
        self.sink, self.sender, self.recipients = self.server.sink, "", list[str]()
        self.sink.connections += 1
        self.server.open.add(self.request)
        self.sink.most_at_once = max(self.sink.most_at_once, len(self.server.open))
        try:
            if self.sink.encrypted:
                self._encrypt()
            self._answer("CONNECT")
            while not self.server.closing.is_set() and (line := self.rfile.readline()):
                self._obey(line.decode("utf-8", "surrogateescape").strip())
        except (_Close, OSError):
            return
        finally:
            self.server.open.discard(self.request)
            self.request.close()

    def _obey(self, line: str) -> None:
        verb = "STARTTLS" if line.upper() == "STARTTLS" else line[:4].upper()
        self.sink.verbs.append(verb)
        match verb:
            case "EHLO":
                words = ("sink.test", *self.sink.extensions, *self._security())
                self._answer(verb, "".join(f"250-{word}\r\n" for word in words) + "250 HELP")
            case "STARTTLS" if self.sink.tls:
                if self._answer(verb):
                    self._encrypt()
            case "MAIL":
                if self._answer(verb):
                    self.sender, self.recipients = _address(line), []
            case "RCPT":
                if self._answer(verb):
                    self.recipients.append(_address(line))
            case "DATA":
                self._data()
            case "RSET":
                self.recipients = []
                self._answer(verb)
            case "QUIT":
                self._answer(verb)
                raise _Close
            case _ if verb in {"HELO", "NOOP"} or (verb == "AUTH" and self.sink.tls):
                self._answer(verb)
            case _:
                self._say("502 5.5.2 Unknown command")

    def _security(self) -> tuple[str, ...]:
        """A password is asked in clear too: whether it is given is the client's care."""
        if self.sink.tls is None:
            return ()
        return ("AUTH PLAIN",) if isinstance(self.request, SSLSocket) else ("STARTTLS", "AUTH PLAIN")

    def _encrypt(self) -> None:
        assert self.sink.tls is not None
        self.server.open.discard(self.request)
        self.request = self.connection = self.sink.tls.wrap_socket(self.request, server_side=True)
        self.server.open.add(self.request)
        self.sink.most_at_once = max(self.sink.most_at_once, len(self.server.open))
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def _data(self) -> None:
        if not self.recipients:
            self._say("503 5.5.1 No recipient")
        elif self._answer("DATA"):
            raw = self._read_body()
            self._answer("BODY", store=lambda: self.sink._store(self.sender, self.recipients, raw))
            self.sender, self.recipients = "", []

    def _read_body(self) -> bytes:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _Close
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _answer(self, verb: str, usual: str = "", store: Callable[[], None] = lambda: None) -> bool:
        """Answer as scripted or as usual; True when the answer is a success."""
        usual = (usual or REPLIES[verb]).format(number=len(self.sink.messages) + 1)
        fault = self.sink._next_fault(verb) or _Fault(USUAL, store=True)
        if fault.store:
            store()
        if fault.wait_s != 0 and self.server.closing.wait(fault.wait_s):
            raise _Close
        if fault.reply is None:
            raise _Close
        reply = usual if fault.reply == USUAL else fault.reply
        self._say(reply)
        if reply.startswith("421"):
            raise _Close
        return reply[0] in "23"

    def _say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]

"""A tiny IMAP server on loopback: one account, one folder, real TLS; what our client asks of one and nothing more."""

import base64
import re
import socketserver
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

ACCOUNT: Final = ("relais", "un secret à accent")


@dataclass
class Kept:
    """A mail of the folder."""

    content: bytes
    seen: bool = False


@dataclass
class ImapSink:
    """Listens inside `with`. `capabilities` are what it offers; `silent_at` is a verb that it never answers."""

    tls: ssl.SSLContext
    starttls: bool = False
    capabilities: str = "IMAP4rev1 AUTH=PLAIN"
    silent_at: str = ""
    mails: dict[int, Kept] = field(default_factory=dict)
    verbs: list[str] = field(default_factory=list)
    clear_verbs: list[str] = field(default_factory=list)
    port: int = 0

    def put(self, content: bytes) -> int:
        """A mail arrives; its uid."""
        uid = 100 + len(self.mails)
        self.mails[uid] = Kept(content)
        return uid

    def __enter__(self) -> Self:
        sink = self

        class Handler(_Dialogue):
            server_sink: ClassVar[ImapSink] = sink

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Dialogue(socketserver.StreamRequestHandler):
    server_sink: ClassVar[ImapSink]
    timeout = 5

    def handle(self) -> None:
        try:
            self._talk()
        except (OSError, ssl.SSLError):  # the client left, or did not like our certificate
            return

    def finish(self) -> None:
        for thing in (self.rfile, self.wfile, self.request):
            with suppress(OSError):
                thing.close()

    def _talk(self) -> None:
        self.is_encrypted = False
        if not self.server_sink.starttls:
            self._encrypt()
        self._say(b"* OK ready")
        while line := self.rfile.readline():
            tag, _, rest = line.strip().partition(b" ")
            verb = rest.split(b" ")[0].decode().upper()
            (self.server_sink.verbs if self.is_encrypted else self.server_sink.clear_verbs).append(verb)
            if verb == self.server_sink.silent_at:
                self.rfile.readline()
                return
            self._answer(tag, verb, rest)
            if verb == "LOGOUT":
                return

    def _encrypt(self) -> None:
        self.rfile.close()
        self.wfile.close()
        self.request = self.server_sink.tls.wrap_socket(self.request, server_side=True)
        self.is_encrypted = True
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

    def _answer(self, tag: bytes, verb: str, rest: bytes) -> None:
        sink, done = self.server_sink, b"OK done"
        if verb == "CAPABILITY":
            offered = "IMAP4rev1 STARTTLS LOGINDISABLED" if not self.is_encrypted else sink.capabilities
            self._say(b"* CAPABILITY " + offered.encode())
        elif verb == "STARTTLS":
            self._say(tag + b" OK go on")
            self._encrypt()
            return
        elif verb == "LOGOUT":
            self._say(b"* BYE")
        elif verb == "AUTHENTICATE":
            self._say(b"+ ")
            _, user, password = base64.b64decode(self.rfile.readline()).decode().split("\0")
            done = b"OK in" if (user, password) == ACCOUNT else b"NO [AUTHENTICATIONFAILED] no such account relais"
        elif verb == "LOGIN":
            done = b"OK in" if rest == b'LOGIN "relais" "ascii"' else b"NO no"
        elif verb == "SELECT":
            self._say(b"* %d EXISTS" % len(sink.mails))
            done = b"OK [READ-WRITE] open" if rest.upper() == b'SELECT "INBOX"' else b"NO no such folder"
        elif verb == "UID":
            self._uid(rest)
        self._say(tag + b" " + done)

    def _uid(self, rest: bytes) -> None:
        mails = self.server_sink.mails
        if rest.startswith(b"UID SEARCH"):
            unseen = [str(uid) for uid, mail in sorted(mails.items()) if not mail.seen]
            self._say(" ".join(["* SEARCH", *unseen]).encode())
        elif rest.startswith(b"UID STORE"):
            mails[int(rest.split(b" ")[2])].seen = True
        else:
            uid = int(rest.split(b" ")[2])
            limit = re.search(rb"BODY\.PEEK\[\]<0\.(\d+)>", rest)
            if uid in mails and limit:
                whole = mails[uid].content
                part = whole[: int(limit[1])]
                head = f"* 1 FETCH (UID {uid} RFC822.SIZE {len(whole)} BODY[]<0> {{{len(part)}}}\r\n"
                self.wfile.write(head.encode() + part)
                self._say(b")")

"""A mail sink that can be asked for proof the way the local mailbox can: over HTTP, by Message-ID."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.sink import Sink


@contextmanager
def mailbox(*, idle_s: float | None = None) -> Iterator[tuple[Sink, int]]:
    """A sink and the port where it answers for what it accepted; `idle_s` as the sink takes it."""
    with Sink(idle_s=idle_s) as sink:

        class Proof(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                (message_id,) = parse_qs(urlsplit(self.path).query)["message_id"]
                body = json.dumps({"verdict": sink.accepted(message_id)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Nothing to say."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Proof)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield sink, server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()

"""A server of one JSON document, as an object store or a CDN serves it: with an ETag, and with its failures."""

import contextlib
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .ports import LOOPBACK

SLOW_SECONDS = 3.0
LARGE_BYTES = 31 * 1024 * 1024
"""More than the gateway takes of any document."""


class ListServer:
    """Serves a revocation list, or the document whose only field is named otherwise, under any path."""

    def __init__(self, field: str = "revoked") -> None:
        self._field = field
        self._lock = threading.Lock()
        self._mode = "ok"
        self._document = b""
        self._counts: Counter[str] = Counter()
        self.publish()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, etag, content = owner._answer(self.headers.get("if-none-match"))
                # More is announced than comes, where the answer is to break off.
                self.close_connection = owner._mode == "cut"
                announced = len(content) + self.close_connection
                # Whoever asked may have given up.
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    if etag:
                        self.send_header("etag", etag)
                    self.send_header("content-length", str(announced))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, *entries: Mapping[str, Any]) -> bool:
        """These entries are the list from now on; true where they were not before."""
        return self.publish_text(json.dumps({self._field: list(entries)}))

    def publish_text(self, text: str) -> bool:
        """The same for a document that need not be right."""
        with self._lock:
            before, self._document = self._document, text.encode()
            return self._document != before

    def answer(self, mode: str) -> None:
        """How it answers: `ok`, `untagged`, `error`, `garbage`, `slow`, `large` or `cut`."""
        with self._lock:
            self._mode = mode

    def counts(self) -> Counter[str]:
        """How often the document was `sent`, and how often it was `unchanged`."""
        with self._lock:
            return Counter(self._counts)

    def _answer(self, known: str | None) -> tuple[int, str, bytes]:
        with self._lock:
            mode, document = self._mode, self._document
            etag = f'"{hashlib.sha256(document).hexdigest()[:16]}"'
            if mode == "ok":
                self._counts["unchanged" if known == etag else "sent"] += 1
        match mode:
            case "error":
                return 500, "", b"out of order"
            case "garbage":
                return 200, "", b"<html>sign in first</html>"
            case "large":
                return 200, "", b" " * LARGE_BYTES
            case "cut" | "untagged":
                return 200, "", document
            case "slow":
                time.sleep(SLOW_SECONDS)
        return (304, etag, b"") if known == etag else (200, etag, document)

    def __enter__(self) -> "ListServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

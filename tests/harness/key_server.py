"""Key sets of many issuers on one port, each of which is held back until a test publishes it."""

import contextlib
import json
import select
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .deadline import wait_until
from .ports import LOOPBACK

PAUSE = 0.02


class KeyServer:
    """Serves `/<name>`; a fetch of a set that was not published waits for it, as long as its caller does."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._documents: dict[str, bytes] = {}
        self._headers: dict[str, str] = {}
        self._fetches: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = owner._await(self.path, self.connection)
                # Whoever asked may have given up.
                with contextlib.suppress(ConnectionError):
                    self.send_response(503 if content is None else 200)
                    for name, value in owner._headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(content or b"")))
                    self.end_headers()
                    self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, name: str, document: Mapping[str, Any]) -> None:
        """Answers every fetch with this set, those that wait included."""
        with self._changed:
            self._documents[f"/{name}"] = json.dumps(document).encode()
            self._changed.notify_all()

    def mark(self, **headers: str) -> None:
        """Adds headers to every answer from now on; `_` in a name stands for `-`."""
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def fetches(self, name: str) -> int:
        """How many fetches have arrived."""
        return self._fetches[f"/{name}"]

    def wait_asked(self, name: str, *, seconds: float = 10.0) -> None:
        """Waits until somebody waits for this set. Raises TimeoutError."""
        wait_until(lambda: self._waiting[f"/{name}"] > 0, what=f"a fetch of `{name}`", seconds=seconds)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _await(self, path: str, caller: socket.socket) -> bytes | None:
        with self._changed:
            self._fetches[path] += 1
            self._waiting[path] += 1
            while path not in self._documents and not _is_gone(caller):
                self._changed.wait(PAUSE)
            self._waiting[path] -= 1
            return self._documents.get(path)


def _is_gone(caller: socket.socket) -> bool:
    """True where the other side closed the connection; it sends nothing while it waits."""
    return bool(select.select([caller], [], [], 0)[0])

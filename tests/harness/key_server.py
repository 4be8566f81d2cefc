"""Key sets of many issuers on one port, each of which can be held back until a test lets it go."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .deadline import wait_until
from .ports import LOOPBACK

LONGEST_HOLD = 30.0


class KeyServer:
    """Serves `/<name>`. A set that was not published is a 503; one that is held is answered once published."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._held: dict[str, threading.Event] = {}
        self._fetches: Counter[str] = Counter()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = owner._answer(self.path)
                self.send_response(503 if content is None else 200)
                self.send_header("content-length", str(len(content or b"")))
                # Whoever asked may have given up.
                with contextlib.suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self, name: str) -> int:
        """From now on a fetch of this set waits for `publish`. Returns how many fetches there were before."""
        self._held[f"/{name}"] = threading.Event()
        return self.fetches(name)

    def publish(self, name: str, document: Mapping[str, Any]) -> None:
        """Answers every fetch with this set, those that wait included."""
        self._documents[f"/{name}"] = json.dumps(document).encode()
        held = self._held.pop(f"/{name}", None)
        if held is not None:
            held.set()

    def fetches(self, name: str) -> int:
        """How many fetches have arrived."""
        return self._fetches[f"/{name}"]

    def wait_fetch(self, name: str, before: int, *, seconds: float = 5.0) -> None:
        """Waits until a fetch has arrived after those `before`. Raises TimeoutError."""
        wait_until(lambda: self.fetches(name) > before, what=f"a fetch of `{name}`", seconds=seconds)

    def stop(self) -> None:
        for held in self._held.values():
            held.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> bytes | None:
        self._fetches[path] += 1
        held = self._held.get(path)
        if held is not None:
            held.wait(LONGEST_HOLD)
        return self._documents.get(path)

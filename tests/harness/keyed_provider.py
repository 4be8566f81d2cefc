"""A provider that answers by the key it is called with: as one does that counts each key's rate, or has withdrawn one."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from . import evidence
from .deadline import wait_until
from .evidence import Kind
from .ports import LOOPBACK
from .token_server import Server

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}  # fmt: skip


class KeyedProvider:
    """Answers chat completions; each key in its own way, 200 where nothing else is said."""

    def __init__(self, *keys: str) -> None:
        evidence.register(Kind.PROVIDER_CREDENTIAL, *keys)
        self.clear()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                key = self.headers.get("authorization", "").removeprefix("Bearer ")
                owner._received.append((key, json.loads(body or b"{}")))
                status, headers = owner._answers.get(key, (200, {}))
                content = json.dumps(ANSWER if status == 200 else {"error": {"message": "no"}}).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = Server((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answers(self, key: str, status: int, headers: Mapping[str, str] = {}) -> None:
        """From now on this key is answered so."""
        self._answers[key] = (status, dict(headers))

    def clear(self) -> None:
        """Forgets what it was sent; every key is good again."""
        self._received: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, tuple[int, dict[str, str]]] = {}

    def received(self) -> list[tuple[str, dict[str, Any]]]:
        """The keys and bodies, in the order in which they came."""
        return list(self._received)

    def keys(self) -> list[str]:
        return [key for key, _ in self._received]

    def wait_received(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        wait_until(lambda: len(self._received) >= count, what=f"{count} requests", seconds=10.0)
        return self.received()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "KeyedProvider":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

"""A token endpoint of a test's own: tokens of any life, and every way to answer badly. What a real one does is shown with
`oidc-provider`; this one shows what that never says."""

import contextlib
import hashlib
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import evidence
from .evidence import Kind
from .ports import LOOPBACK

ENDLESS_SECONDS = 5.0
# For so many tokens of one test the run is searched.
MOST_SEARCHED = 100


@dataclass(frozen=True)
class Question:
    """What the endpoint was asked."""

    at: float
    """Unix seconds."""
    path: str
    form: dict[str, str]
    authorization: str | None


@dataclass(frozen=True)
class Given:
    """A token that was given."""

    value: str = field(repr=False)
    expires: float
    """Unix seconds."""
    question: Question
    """What it was given for."""

    @property
    def id(self) -> str:
        """What the record calls it."""
        return hashlib.sha256(b"claimgate token" + self.value.encode()).hexdigest()[:8]


class Server(ThreadingHTTPServer):
    """Takes a crowd's connections, each of which it closes after its answer."""

    request_queue_size = 512


class TokenServer:
    """Gives a new token for each question, under any path. It has the same port after `stop` and `start`."""

    def __init__(self) -> None:
        self.port = 0
        self.clear()
        self.start()

    def clear(self, *, life: float = 3600.0, delay: float = 0.0) -> None:
        """Forgets what it was asked and has given; from now on tokens live so long, and come so late."""
        self.questions: list[Question] = []
        self.given: list[Given] = []
        self._life, self._delay = life, delay
        self._answer: tuple[int, dict[str, str], bytes] | None = None
        self._is_endless = False

    def answers(self, status: int, content: Any = b"", headers: Mapping[str, str] = {}) -> None:
        """From now on this is the answer: bytes as they are, else a JSON document."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answer = (status, dict(headers), body)

    def never_ends(self) -> None:
        """From now on an answer begins, and goes on and on."""
        self._is_endless = True

    def start(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("content-length", 0)))
                form = dict(urllib.parse.parse_qsl(content.decode(), keep_blank_values=True))
                authorization = self.headers.get("authorization")
                # Whoever asked may have given up.
                with contextlib.suppress(ConnectionError):
                    owner._respond(self, Question(time.time(), self.path, form, authorization))

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = Server((LOOPBACK, self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, handler: BaseHTTPRequestHandler, question: Question) -> None:
        self.questions.append(question)
        if self._is_endless:
            handler.send_response(200)
            handler.send_header("transfer-encoding", "chunked")
            handler.end_headers()
            until = time.monotonic() + ENDLESS_SECONDS
            while time.monotonic() < until:
                handler.wfile.write(b"8\r\n        \r\n")
                time.sleep(0.01)
            handler.close_connection = True
            return
        time.sleep(self._delay)
        status, headers, content = self._answer or (200, {}, self._token(question))
        # One connection for each, so that a stopped server answers nobody; Envoy is told, or it would send another question on it.
        handler.close_connection = True
        headers = {"connection": "close", **headers}
        handler.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(content)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _token(self, question: Question) -> bytes:
        value = f"upstream-token-{len(self.given) + 1}-{secrets.token_hex(16)}"
        token = Given(value, time.time() + self._life, question)
        if len(self.given) < MOST_SEARCHED:
            evidence.register(Kind.PROVIDER_CREDENTIAL, token.value)
        self.given.append(token)
        document = {"access_token": token.value, "token_type": "Bearer", "expires_in": int(self._life)}
        if question.form.get("subject_token"):
            # RFC 8693 section 2.2.1.
            document["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        return json.dumps(document).encode()

    def __enter__(self) -> "TokenServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

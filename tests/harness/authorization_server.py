"""A real authorization server that exchanges tokens, as a child process: `mock-oauth2-server` on Java. It asks nobody for a
password, and each of its issuers is there once it is named in a path."""

import base64
import json
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from . import evidence
from .evidence import Kind
from .ports import LOOPBACK, free_port
from .processes import Process
from .wire import unheard

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "tests" / "setup" / "authorization_server"
PACKAGES = ROOT / "target" / "authorization_server"
MAIN = "no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt"
# It is started once, and lives for seconds.
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
MAY_NOT_INSTALL = 3
HOST = "login.test"
START_SECONDS = 60.0
ANSWER_SECONDS = 20.0


class AuthorizationServer:
    """A running server with one issuer."""

    def __init__(self, directory: Path) -> None:
        install(SETUP)
        self.port = free_port()
        command = [*JAVA, "-cp", f"{PACKAGES}/*", MAIN]
        environment = {"SERVER_PORT": str(self.port), "SERVER_HOSTNAME": LOOPBACK}
        self._process = Process("authorization-server", command, directory, environment)
        self._process.wait_ready(self._listens, START_SECONDS)
        self.issuer = claims_of(self.token("nobody"))["iss"]

    def keys(self) -> dict[str, Any]:
        """Its public keys (RFC 7517)."""
        return json.loads(self._ask("/entra/jwks"))

    def token(self, user: str, audience: str = "gateway") -> str:
        """A token of this user's for the gateway."""
        form = {"grant_type": "password", "username": user, "password": "none", "scope": audience}
        form |= {"client_id": "app", "client_secret": "none"}
        token = json.loads(self._ask("/entra/token", form))["access_token"]
        evidence.register(Kind.TOKEN, token)
        return token

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def _ask(self, path: str, form: dict[str, str] | None = None) -> bytes:
        return ask(self.port, path, form)

    def __enter__(self) -> "AuthorizationServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()


def install(setup: Path) -> None:
    """What a script of tests/setup makes; where it may not, the test is skipped."""
    ended = subprocess.run([setup], capture_output=True, text=True)
    if ended.returncode == MAY_NOT_INSTALL:
        pytest.skip(ended.stderr.strip())
    assert ended.returncode == 0, ended.stdout + ended.stderr


def ask(port: int, path: str, form: dict[str, str] | None = None) -> bytes:
    """What a server answers that is asked by the name by which the gateway asks it, which its tokens have in `iss`."""
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", data, {"host": HOST})
    with unheard(), urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return answer.read()


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

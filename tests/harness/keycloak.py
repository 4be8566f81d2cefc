"""Keycloak as a child process, with a realm whose client `gate` may exchange tokens (RFC 8693). It takes minutes to start."""

import json
import urllib.error
from pathlib import Path
from typing import Any

from . import evidence
from .authorization_server import HOST, ask, install
from .evidence import Kind
from .ports import LOOPBACK, free_port
from .processes import Process

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "tests" / "setup" / "keycloak"
PLACE = ROOT / "target" / "keycloak"
START_SECONDS = 600.0
REALM = "acme"
SECRET = "secret-of-the-client-at-keycloak-4711"
PASSWORD = "password-of-a-user-at-keycloak-4711"
TOKEN_PATH = f"/realms/{REALM}/protocol/openid-connect/token"


class Keycloak:
    """A running server with one realm: users sign in to the client `app`, whose tokens are for `gate`; what `gate` gets in
    exchange is for `provider`."""

    def __init__(self, directory: Path, *users: str) -> None:
        install(SETUP)
        [home] = PLACE.glob("keycloak-*")
        self.port = free_port()
        realm = directory / "realm.json"
        realm.write_text(json.dumps(_realm(users)))
        command = [home / "bin" / "kc.sh", "start-dev", f"--http-port={self.port}", f"--http-host={LOOPBACK}"]
        command += ["--db=dev-mem", "--hostname-strict=false", "--import-realm", "--cache=local"]
        # It reads realms from a place of its own.
        imports = home / "data" / "import"
        imports.mkdir(parents=True, exist_ok=True)
        (imports / "realm.json").write_text(realm.read_text())
        self._process = Process("keycloak", command, directory)
        self._process.wait_ready(self._is_there, START_SECONDS)
        self.issuer = f"http://{HOST}/realms/{REALM}"

    def keys(self) -> dict[str, Any]:
        """The public keys by which it signs (RFC 7517)."""
        keys = json.loads(self._ask(f"/realms/{REALM}/protocol/openid-connect/certs"))["keys"]
        return {"keys": [key for key in keys if key["use"] == "sig"]}

    def sign_in(self, user: str, scope: str = "openid") -> dict[str, str]:
        """What a user gets who signs in to `app`."""
        form = {"grant_type": "password", "client_id": "app", "username": user, "password": PASSWORD, "scope": scope}
        answer = json.loads(self._ask(TOKEN_PATH, form))
        evidence.register(Kind.TOKEN, answer["access_token"], answer["refresh_token"])
        return answer

    def sign_out(self, signed_in: dict[str, str]) -> None:
        """Ends the user's session."""
        form = {"client_id": "app", "refresh_token": signed_in["refresh_token"]}
        self._ask(f"/realms/{REALM}/protocol/openid-connect/logout", form)

    def _is_there(self) -> bool:
        try:
            return bool(self.keys())
        except (OSError, urllib.error.URLError):
            return False

    def _ask(self, path: str, form: dict[str, str] | None = None) -> bytes:
        return ask(self.port, path, form)

    def __enter__(self) -> "Keycloak":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()


def _realm(users: tuple[str, ...]) -> dict[str, Any]:
    app = {"clientId": "app", "publicClient": True, "directAccessGrantsEnabled": True, "protocolMappers": [_audience("gate")]}
    gate = {
        "clientId": "gate",
        "secret": SECRET,
        "standardFlowEnabled": False,
        "attributes": {"standard.token.exchange.enabled": "true"},
        "protocolMappers": [_audience("provider")],
    }
    provider = {"clientId": "provider", "secret": SECRET, "standardFlowEnabled": False}
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "clients": [{"enabled": True, "protocol": "openid-connect", **client} for client in (app, gate, provider)],
        "users": [_user(name) for name in users],
    }


def _audience(client: str) -> dict[str, Any]:
    """Puts a client into the `aud` of another one's tokens."""
    config = {"included.client.audience": client, "access.token.claim": "true"}
    return {"name": client, "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "config": config}


def _user(name: str) -> dict[str, Any]:
    credentials = [{"type": "password", "value": PASSWORD, "temporary": False}]
    # Without any of these the account is not set up, and nobody signs in.
    person = {"firstName": name, "lastName": "Example", "email": f"{name}@example.test", "emailVerified": True}
    return {"username": name, "enabled": True, **person, "credentials": credentials}

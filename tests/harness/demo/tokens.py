"""The demo's identity provider: a key made at the start, the key set it publishes, and tokens for one person."""

import os
import time
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization

from ..gateway import Signer
from .failure import DemoFailed
from .layout import relative

CLUSTER = "idp"
LIFETIME_SECONDS = 900
# What alice may do; `model:` scopes name the models, as policies/model_allow_list.cel has it.
SCOPES = "chat embeddings models model:gpt-4o* model:text-embedding-3-*"


class TokenIssuer:
    """The issuer of a gateway.yaml whose keys come through the cluster `idp`."""

    def __init__(self, gateway: str, file: Path | None = None) -> None:
        """With a file, the private key outlives the process. Raises DemoFailed."""
        issuers = yaml.safe_load(gateway).get("issuers", [])
        found = [issuer for issuer in issuers if issuer["jwks"].get("remote", {}).get("cluster") == CLUSTER]
        if not found:
            raise DemoFailed(f"issuers: none has its keys from the cluster `{CLUSTER}`; the demo needs one")
        self._issuer, self._audience = found[0]["issuer"], found[0]["audiences"][0]
        self._signer = Signer("ES256", "demo")
        if file is not None:
            self._keep(file)

    def jwks(self) -> dict[str, Any]:
        """The key set to publish."""
        return {"keys": [self._signer.jwk()]}

    def write_token(self, file: Path, lifetime: int = LIFETIME_SECONDS) -> None:
        """Puts a fresh token for alice of acme where the printed commands read it."""
        token = self._signer.token(iss=self._issuer, aud=self._audience, **_alice(lifetime))
        write_private(file, f"{token}\n".encode())

    def _keep(self, file: Path) -> None:
        if file.exists():
            try:
                self._signer.private = serialization.load_pem_private_key(file.read_bytes(), None)
            except ValueError:
                raise DemoFailed(f"`{relative(file)}` is no private key; remove it") from None
            return
        form, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        write_private(file, self._signer.private.private_bytes(serialization.Encoding.PEM, form, no_password))


def write_private(file: Path, content: bytes) -> None:
    """Moves a file into place that only its owner may read."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
    os.replace(draft, file)


def _alice(lifetime: int) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "alice", "client_id": "demo", "tenant": "acme", "scope": SCOPES, "iat": now, "exp": now + lifetime}

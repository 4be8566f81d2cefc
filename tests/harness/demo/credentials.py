"""Credentials of the demo, made when it starts: API keys by the `claimgate` command, and an issuer that signs JWTs."""

import base64
import json
import os
import re
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .failure import DemoFailed
from .layout import COMMAND, relative

KEY_IDS = ("search-prod", "intern-laptop", "globex-app", "trial-user")
ISSUER = "https://login.acme.example/"
AUDIENCE = "claimgate"
TOKEN_SECONDS = 900
COMMAND_SECONDS = 60.0


@dataclass(frozen=True)
class ApiKey:
    """A key in clear, for its caller, and its hash, for the configuration."""

    secret: str
    hash: str


def mint_keys() -> dict[str, ApiKey]:
    """A new key for each id of the demo. Raises DemoFailed."""
    return {key_id: _mint(key_id) for key_id in KEY_IDS}


def with_hashes(gateway: str, keys: dict[str, ApiKey]) -> str:
    """The text of a gateway.yaml, line for line, with these keys' hashes; an id that is not in it is passed over."""
    for key_id, key in keys.items():
        name = rf"""\bid:\s*["']?{re.escape(key_id)}["']?[\s,]"""
        entry = re.compile(rf"({name}(?:(?!\bid:).)*?\bhash:\s*)[^\s,}}]+", re.DOTALL)
        gateway = entry.sub(lambda match, key=key: match[1] + key.hash, gateway, count=1)
    return gateway


def provider_credentials(gateway: str, environment: Mapping[str, str]) -> dict[str, str]:
    """A value for each variable that the upstreams name: the one in the environment, else an obvious fake."""
    document = yaml.safe_load(gateway)
    names: set[str] = set()
    for upstream in document.get("upstreams", []):
        credential = upstream.get("credential")
        if not isinstance(credential, dict):
            continue
        names.update(filter(None, [credential.get("env")]))
        tenants = credential.get("per_tenant") or {}
        names.update(tenants.get("tenants", {}).values())
        names.update(filter(None, [tenants.get("fallback")]))
    return {name: environment.get(name) or _fake(name) for name in sorted(names)}


class TokenIssuer:
    """Signs JWTs with an ES256 key; with a file, the key outlives the process."""

    def __init__(self, file: Path | None = None) -> None:
        if file is not None and file.exists():
            key = serialization.load_pem_private_key(file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise DemoFailed(f"`{relative(file)}` holds no EC key; remove it")
            self._key = key
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
        if file is not None:
            _write_private(file, _pem(self._key))
        numbers = self._key.public_key().public_numbers()
        self._jwk = {"kty": "EC", "crv": "P-256", "x": _base64(_bytes32(numbers.x)), "y": _base64(_bytes32(numbers.y))}
        # The thumbprint of RFC 7638.
        canonical = json.dumps(self._jwk, sort_keys=True, separators=(",", ":")).encode()
        digest = hashes.Hash(hashes.SHA256())
        digest.update(canonical)
        self._key_id = _base64(digest.finalize())

    def jwks(self) -> dict[str, Any]:
        """The key set to publish."""
        return {"keys": [{**self._jwk, "kid": self._key_id, "alg": "ES256", "use": "sig"}]}

    def token(self, subject: str, *, tenant: str, scopes: str, lifetime: int = TOKEN_SECONDS) -> str:
        """A signed token that is valid from now on."""
        now = int(time.time())
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self._key_id}
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "client_id": "demo",
            "tenant": tenant,
            "scope": scopes,
            "iat": now,
            "exp": now + lifetime,
            "jti": uuid.uuid4().hex,
        }
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(_bytes32(r) + _bytes32(s))}"


def write_token(file: Path, issuer: TokenIssuer, lifetime: int = TOKEN_SECONDS) -> None:
    """A fresh token for the demo's person, where its commands read it."""
    token = issuer.token("alice", tenant="acme", scopes="chat embeddings models", lifetime=lifetime)
    _write_private(file, token.encode() + b"\n")


def _mint(key_id: str) -> ApiKey:
    # Only key and hash are used; the rest of the entry is the one in gateway.yaml.
    command = [COMMAND, "key", "new", "--id", key_id, "--project", "demo", "--service-account", key_id]
    command += ["--format", "json"]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except OSError as error:
        raise DemoFailed(f"`{relative(COMMAND)}`: {error.strerror}; run `make build`") from error
    if finished.returncode != 0:
        raise DemoFailed(f"`claimgate key new` ended with status {finished.returncode}\n{finished.stderr.strip()}")
    document = json.loads(finished.stdout)
    return ApiKey(document["key"], document["entry"]["hash"])


def _fake(name: str) -> str:
    return f"sim-{name.lower().removesuffix('_api_key').replace('_', '-')}-key"


def _write_private(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
    os.replace(draft, file)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _bytes32(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

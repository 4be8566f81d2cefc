"""Sealed keys by another implementation: what the gateway seals is opened here, and what is sealed here is for the gateway."""

import json
import os
import time
import uuid
from typing import Any

from jwcrypto import jwe, jwk

from . import evidence
from .evidence import Kind
from .gateway import ISSUER, base64url

PATH = "/claimgate/v1/provider-keys"
HEADER = "x-claimgate-provider-key"
GATEWAY = "https://gateway.test/"
ALGORITHMS = ["A256KW", "A256GCM", "dir", "RSA-OAEP-256", "ECDH-ES+A256KW"]


class SealingKey:
    """A key of 256 bits, as `claimgate key sealing` makes one."""

    def __init__(self, kid: str) -> None:
        secret = base64url(os.urandom(32))
        evidence.register(Kind.PRIVATE_KEY, secret)
        self.kid = kid
        self.json = json.dumps({"kty": "oct", "kid": kid, "k": secret})
        self._jwk = jwk.JWK.from_json(self.json)

    def header(self, **fields: Any) -> dict[str, Any]:
        return {"alg": "A256KW", "enc": "A256GCM", "typ": "cgs+jwt", "kid": self.kid, **fields}

    def seal(self, claims: dict[str, Any], header: dict[str, Any] | None = None, recipient: Any = None) -> str:
        """What the gateway would seal, or what it would not: with another header, for another recipient."""
        token = jwe.JWE(json.dumps(claims).encode(), json.dumps(header or self.header()), algs=ALGORITHMS)
        token.add_recipient(recipient or self._jwk)
        value = f"cgs_{token.serialize(compact=True)}"
        evidence.register(Kind.TOKEN, value)
        return value

    def open(self, value: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The header and the claims."""
        token = jwe.JWE(algs=ALGORITHMS)
        token.deserialize(value.removeprefix("cgs_"), self._jwk)
        return token.jose_header, json.loads(token.payload)


def claims(key: str, subject: str, **fields: Any) -> dict[str, Any]:
    """What is sealed for a user of the tenant `acme`."""
    now = int(time.time())
    plain = {"iss": GATEWAY, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 600, "tenant": "acme"}
    plain |= {"sub": subject, "sub_iss": ISSUER, "upstreams": ["openai"], "key": key}
    return plain | fields

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
ALGORITHMS = ["A256KW", "A256GCM", "dir", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]


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


class FeedPair:
    """A pair of a gateway's, as `claimgate key sealing --feed` makes one, and what is sealed for it."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._private = jwk.JWK.generate(kty="OKP", crv="X25519", kid=kid)
        self.json, self.public = self._private.export_private(), self._private.export_public()
        evidence.register(Kind.PRIVATE_KEY, json.loads(self.json)["d"])

    def header(self, **fields: Any) -> dict[str, Any]:
        return {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "cgf+jwt", "kid": self.kid, **fields}

    def entry(self, name: str, key: str, header: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """The entry of a feed for the tenant `acme`, or for whom `fields` say."""
        said = {"id": name, "tenant": "acme", "upstreams": ["openai"], **fields}
        content = {field: value for field, value in said.items() if field not in ("not_before", "expires_at", "disabled")}
        token = jwe.JWE(json.dumps({**content, "key": key}).encode(), json.dumps(header or self.header()), algs=ALGORITHMS)
        token.add_recipient(jwk.JWK.from_json(self.public))
        sealed = token.serialize(compact=True)
        evidence.register(Kind.TOKEN, sealed)
        return {**said, "jwe": sealed}

    def open(self, sealed: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The header and what is sealed."""
        token = jwe.JWE(algs=ALGORITHMS)
        token.deserialize(sealed, self._private)
        return token.jose_header, json.loads(token.payload)


def claims(key: str, subject: str, **fields: Any) -> dict[str, Any]:
    """What is sealed for a user of the tenant `acme`."""
    now = int(time.time())
    plain = {"iss": GATEWAY, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 600, "tenant": "acme"}
    plain |= {"sub": subject, "sub_iss": ISSUER, "upstreams": ["openai"], "key": key}
    return plain | fields

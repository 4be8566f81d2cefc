"""Holders of keys, that prove it on each request (RFC 9449)."""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from .caller import CHAT_PATH
from .gateway import Signer, base64url

PUBLIC_ORIGIN = "https://ai-gateway.example"
THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class Holder:
    """A key pair, and the proofs that it makes."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self._signer = Signer(algorithm)
        jwk = self._signer.jwk()
        self.jwk = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return base64url(hashlib.sha256(canonical.encode()).digest())

    @property
    def confirmation(self) -> dict[str, str]:
        """The claim `cnf` of a token that is bound to this key."""
        return {"jkt": self.thumbprint}

    def proof(
        self,
        credential: str | None,
        method: str = "POST",
        path: str = CHAT_PATH,
        *,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A fresh proof for a request with this credential, but for what `header` and `claims` change; None removes."""
        standard = {"jti": str(uuid.uuid4()), "htm": method, "htu": PUBLIC_ORIGIN + path, "iat": int(time.time())}
        if credential is not None:
            standard["ath"] = base64url(hashlib.sha256(credential.encode()).digest())
        body = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        head = {"typ": "dpop+jwt", "alg": self._signer.algorithm, "jwk": self.jwk, **(header or {})}
        return self.sign(head, body)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JWT of this header and these claims."""
        return self._signer.compact(json.dumps(header).encode(), json.dumps(claims).encode())

    def headers(self, credential: str, *request: str, **claims: Any) -> dict[str, str]:
        """The headers of a request with this credential; arguments as for `proof`."""
        return {"authorization": f"DPoP {credential}", "dpop": self.proof(credential, *request, **claims)}

"""Tokens of the gateway's own, as it would write them, for what it would not give at once."""

import json
import time
from typing import Any

from .gateway import Signer

VARIABLE = "MINT_KEY"
"""Where the gateway finds the key."""


class Mint:
    """A signing key, and the tokens that are got with one API key."""

    issuer = "https://mint.test/"

    def __init__(self) -> None:
        self._signer = Signer("EdDSA", "mint")

    def section(self, **fields: Any) -> dict[str, Any]:
        """The section `tokens` of a configuration that takes them."""
        return {"issuer": self.issuer, "signing_key": {"env": VARIABLE}, **fields}

    def environment(self) -> dict[str, str]:
        return {VARIABLE: self._signer.private_jwk()}

    def token(self, entry: dict[str, Any], **content: Any) -> str:
        """The token of the holder of this entry of `keys`, with parts of it replaced."""
        now = int(time.time())
        plain = {"iss": self.issuer, "aud": self.issuer, "jti": "a" * 32, "iat": now, "exp": now + 600}
        plain |= {"sub": entry["service_account"], "service_account": entry["service_account"]}
        plain |= {"project": entry["project"], "scope": " ".join(entry.get("scopes", [])), "limits": {}}
        plain |= {"tenant": entry["tenant"]} if "tenant" in entry else {}
        plain |= {"parents": [{"kind": "api_key", "id": entry["id"]}]}
        header = {"alg": "EdDSA", "typ": "cgt+jwt", "kid": "mint"}
        return "cgt_" + self._signer.compact(json.dumps(header).encode(), json.dumps({**plain, **content}).encode())

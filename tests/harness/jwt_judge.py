"""Verifies a JWT of the gateway's own, by another library than the gateway's."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from .gateway import Signer


def verified(token: str, signer: Signer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its header and claims. Raises InvalidSignature unless the signer's key made it (RS256)."""
    signed, _, signature = token.rpartition(".")
    public = signer.private.public_key()
    public.verify(_bytes(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    header, claims = (json.loads(_bytes(part)) for part in signed.split("."))
    return header, claims


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

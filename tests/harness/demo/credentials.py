"""Credentials of the demo, made when it starts: API keys by the `claimgate` command, and those of the providers."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from ..gateway import environment_keys, signing_keys
from .failure import DemoFailed
from .layout import COMMAND, relative

KEY_IDS = ("search-prod", "intern-laptop", "globex-app", "trial-user")
COMMAND_SECONDS = 60.0


@dataclass(frozen=True)
class ApiKey:
    """A key in clear, for its caller, and its hash, for the configuration."""

    secret: str
    hash: str


def mint_keys() -> dict[str, ApiKey]:
    """A new key for each id of the demo. Raises DemoFailed."""
    return {key_id: _mint(key_id) for key_id in KEY_IDS}


def with_hashes(gateway: str, keys: Mapping[str, ApiKey]) -> str:
    """The text of a gateway.yaml, line for line, with these keys' hashes; an id that is not in it is passed over."""
    for key_id, key in keys.items():
        name = rf"""\bid:\s*["']?{re.escape(key_id)}["']?[\s,]"""
        entry = re.compile(rf"({name}(?:(?!\bid:).)*?\bhash:\s*)[^\s,}}]+", re.DOTALL)
        gateway = entry.sub(lambda match, key=key: match[1] + key.hash, gateway, count=1)
    return gateway


def provider_credentials(gateway: str, environment: Mapping[str, str]) -> dict[str, str]:
    """A value for each variable that the configuration names: the one in the environment, else an obvious fake, or a
    new signing key. Raises DemoFailed."""
    configuration = yaml.safe_load(gateway)
    signing = signing_keys(configuration)

    def made(name: str) -> str:
        return make_signing_key() if name in signing else _fake(name)

    return {name: environment.get(name) or made(name) for name in environment_keys(configuration)}


def make_signing_key() -> str:
    """A JWK that signs the gateway's own tokens. Raises DemoFailed."""
    return _claimgate("key", "signing").strip()


def _mint(key_id: str) -> ApiKey:
    # Only key and hash are used; the rest of the entry is the one in gateway.yaml.
    entry = ["--id", key_id, "--project", "demo", "--service-account", key_id, "--format", "json"]
    document = json.loads(_claimgate("key", "new", *entry))
    return ApiKey(document["key"], document["entry"]["hash"])


def _claimgate(*arguments: str) -> str:
    try:
        finished = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except OSError as error:
        raise DemoFailed(f"`{relative(COMMAND)}`: {error.strerror}; run `make build`") from error
    if finished.returncode != 0:
        shown = " ".join(arguments[:2])
        raise DemoFailed(f"`claimgate {shown}` ended with status {finished.returncode}\n{finished.stderr.strip()}")
    return finished.stdout


def _fake(name: str) -> str:
    return f"sim-{name.lower().replace('_api_key', '').replace('_', '-')}-key"

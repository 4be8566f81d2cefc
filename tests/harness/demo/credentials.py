"""Credentials of the demo, made when it starts: API keys by the `claimgate` command, and those of the providers."""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from ..gateway import environment_keys
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
    """A value for each variable that the upstreams name: the one in the environment, else an obvious fake."""
    return {name: environment.get(name) or _fake(name) for name in environment_keys(yaml.safe_load(gateway))}


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
    return f"sim-{name.lower().replace('_api_key', '').replace('_', '-')}-key"

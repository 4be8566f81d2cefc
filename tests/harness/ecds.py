"""ECDS files: written beside their place, moved into it, and watched until Envoy took or refused them."""

import enum
import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bootstrap import FILTER_NAME
from .deadline import wait_until
from .envoy import Envoy

RELOAD_SECONDS = 60.0
# A busy machine may take so long to compile the module, where no other plugin has it.
SETTLE_SECONDS = 30.0


def discovery_response(typed_config: Mapping[str, Any], version: str, *, name: str = FILTER_NAME) -> dict[str, Any]:
    """The document that an ECDS file holds."""
    kind = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
    return {"version_info": version, "resources": [{"@type": kind, "name": name, "typed_config": dict(typed_config)}]}


def move_into_place(file: Path, document: Mapping[str, Any] | str) -> None:
    """Writes the file anew and moves it over the old one; Envoy sees only moves, not writes in place."""
    content = document if isinstance(document, str) else json.dumps(document)
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(content)
    os.replace(draft, file)


class Reload(enum.Enum):
    """What Envoy made of a file."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """Equal to what Envoy read last, so it did nothing: also where it had rejected that, though it reports success."""
    REJECTED = "rejected"
    """The filter refused the configuration; the last good one stays."""
    UNREADABLE = "unreadable"
    """The file is not a discovery response."""


def reload(
    envoy: Envoy, file: Path, typed_config: Mapping[str, Any] | str, *, name: str = FILTER_NAME
) -> Reload:
    """Moves a configuration into place and waits for Envoy's verdict. Raises TimeoutError.

    A string is written as it is. APPLIED means that every worker has it: Envoy counts `update_success` when the main
    thread took it, and `config_reload` only after the workers did.
    """
    document = typed_config
    if not isinstance(typed_config, str):
        document = discovery_response(typed_config, uuid.uuid4().hex, name=name)
    same = _typed_config(file.read_text()) == typed_config if file.exists() else False
    before = _counters(envoy, name)
    move_into_place(file, document)
    succeeded: list[float] = []

    def verdict() -> Reload | None:
        now = _counters(envoy, name)
        moved = {counter for counter, value in now.items() if value > before.get(counter, 0)}
        if "update_failure" in moved:
            return Reload.UNREADABLE
        if "update_rejected" in moved:
            return Reload.REJECTED
        if "update_success" not in moved:
            return None
        if "config_reload" in moved:
            return Reload.APPLIED
        succeeded.append(time.monotonic())
        return Reload.UNCHANGED if same or succeeded[-1] - succeeded[0] > SETTLE_SECONDS else None

    return wait_until(
        verdict,
        what=f"Envoy to read `{file}`",
        seconds=RELOAD_SECONDS,
        describe=lambda: f"{_counters(envoy, name)}\n{envoy.process.log_tail()}",
    )


def applied_version(envoy: Envoy, *, name: str = FILTER_NAME) -> str:
    """The `version_info` that Envoy read last without complaint, empty before the first."""
    stat = _stat(name, "version_text")
    return str(envoy.stats("version_text").get(stat, ""))


def _typed_config(content: str) -> Any:
    try:
        return json.loads(content)["resources"][0]["typed_config"]
    except (ValueError, LookupError, TypeError):
        return None


def _counters(envoy: Envoy, name: str) -> dict[str, int]:
    prefix = _stat(name, "")
    stats = envoy.stats("extension_config_discovery")
    return {
        key.removeprefix(prefix): int(value)
        for key, value in stats.items()
        if key.startswith(prefix) and isinstance(value, int)
    }


def _stat(name: str, counter: str) -> str:
    return f"extension_config_discovery.http_filter.{name}.{counter}"

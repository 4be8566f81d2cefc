"""What the gateway runs on in Envoy: the wasm filter, or the dynamic module. `$CLAIMGATE_HOST` chooses for a run."""

import enum
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bootstrap import FILTER_NAME, http_filter_type

ROOT = Path(__file__).resolve().parents[2]
WASM_FILE = ROOT / "target" / "claimgate.wasm"
# `make test` names the one that it has built.
MODULE_FILE = Path(os.environ.get("CLAIMGATE_MODULE", ROOT / "target" / "libclaimgate.so"))
FAILPOINTS_FILE = ROOT / "target" / "test" / "failpoints" / "libclaimgate.so"
"""The module with the places where it panics on demand; `tests/setup/modules` makes it."""
AT_CLUSTER = "claimgate-at-cluster"


class Host(enum.Enum):
    WASM = "wasm"
    MODULE = "module"


HOST = Host(os.environ.get("CLAIMGATE_HOST", "wasm"))
STATS = {Host.WASM: "wasmcustom.", Host.MODULE: "dynamicmodulescustom."}[HOST]
"""What stands before the names of the gateway's own stats."""


def filter_config(
    configuration: str,
    *,
    environment_keys: tuple[str, ...] = (),
    name: str = FILTER_NAME,
    plugin: Mapping[str, Any] | None = None,
    module_file: Path = MODULE_FILE,
    host: Host = HOST,
) -> dict[str, Any]:
    """The filter's typed configuration, on the host of this run unless another is named; the name of a half is `FILTER_NAME` or `AT_CLUSTER`.

    `plugin` adds to or replaces fields of the wasm plugin's `config`.
    """
    if host is Host.MODULE:
        return module_config(module_file, configuration, name=name)
    return wasm_config(WASM_FILE, configuration, environment_keys=environment_keys, name=name, plugin=plugin)


def wasm_config(
    wasm_file: Path,
    configuration: str,
    *,
    environment_keys: tuple[str, ...] = (),
    name: str = FILTER_NAME,
    plugin: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The wasm filter's typed configuration; `configuration` reaches the plugin as a string."""
    vm: dict[str, Any] = {
        "vm_id": FILTER_NAME,
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": str(wasm_file)}},
    }
    if environment_keys:
        vm["environment_variables"] = {"host_env_keys": list(environment_keys)}
    config = {
        "name": FILTER_NAME,
        "root_id": name,
        "vm_config": vm,
        "configuration": _text(configuration),
        "allow_on_headers_stop_iteration": True,
        **(plugin or {}),
    }
    return {"@type": http_filter_type("wasm.v3.Wasm"), "config": config}


def module_config(module_file: Path, configuration: str, *, name: str = FILTER_NAME) -> dict[str, Any]:
    """The module's typed configuration. It reads the environment by itself, and only what the configuration names."""
    return {
        "@type": http_filter_type("dynamic_modules.v3.DynamicModuleFilter"),
        "dynamic_module_config": {"module": {"local": {"filename": str(module_file)}}},
        "filter_name": name,
        "filter_config": _text(configuration),
    }


def _text(configuration: str) -> dict[str, str]:
    return {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration}

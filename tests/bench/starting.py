"""What it costs to start: compiling the module, loading configurations, and memory per worker."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from harness import ecds
from harness.bootstrap import ROUTED, Document, gateway_bootstrap
from harness.envoy import Envoy
from harness.host import MODULE_FILE, WASM_FILE, Host

from . import chains
from .configurations import ENVIRONMENT, configuration, with_keys, with_policies
from .rounds import say

# Nothing is sent, so nothing need listen there.
NOWHERE = 9
STARTS = 3


@dataclass
class Load:
    """A configuration that a running Envoy is given in place of another one."""

    name: str
    seconds: float
    cpu_seconds: float


def starting(directory: Path) -> dict[str, Any]:
    """Every figure about starting, as `bench.json` holds it."""
    starts = {name: [started(build, directory / f"{name}-{n}") for n in range(STARTS)] for name, build in STARTED.items()}
    more = {
        name: median(own - bare for own, bare in zip(starts[name], starts["bare"], strict=True))
        for name in ("gateway", "module")
    }
    small, large = memory(configuration(), directory / "small"), memory(with_keys(100_000), directory / "large")
    bare = memory(None, directory / "without")
    native = memory(configuration(), directory / "native", Host.MODULE)
    return {
        "wasm_mb": WASM_FILE.stat().st_size / 1e6,
        "compile_cpu_seconds": more["gateway"],
        "module": {
            "mb": MODULE_FILE.stat().st_size / 1e6,
            "start_cpu_seconds": more["module"],
            "one_worker_rss_mb": native[1] - bare[1],
            "each_further_worker_rss_mb": (native[3] - bare[3] - native[1] + bare[1]) / 2,
        },
        "loads": [asdict(load) for load in loads(directory / "loads")],
        "rss_mb": {
            "one_worker": small[1] - bare[1],
            "each_further_worker": (small[3] - bare[3] - small[1] + bare[1]) / 2,
            "each_worker_of_100000_keys_more": (large[3] - large[1] - small[3] + small[1]) / 2,
        },
    }


def with_gateway(directory: Path) -> Document:
    return chains.gateway(NOWHERE, directory, configuration())


def with_module(directory: Path) -> Document:
    return chains.gateway(NOWHERE, directory, configuration(), Host.MODULE)


def without(directory: Path) -> Document:
    return chains.plain(NOWHERE, directory)


STARTED: dict[str, Callable[[Path], Document]] = {"bare": without, "gateway": with_gateway, "module": with_module}


def started(build: Callable[[Path], Document], directory: Path) -> float:
    """CPU seconds of Envoy from its start until it serves."""
    directory.mkdir(parents=True)
    with Envoy(build(directory), directory, concurrency=1, environment=ENVIRONMENT) as envoy:
        return envoy.cpu_seconds()


def memory(config: Document | None, directory: Path, host: Host = Host.WASM) -> dict[int, float]:
    """Resident megabytes with one worker and with three."""
    megabytes = {}
    for workers in (1, 3):
        own = directory / str(workers)
        own.mkdir(parents=True)
        document = without(own) if config is None else chains.gateway(NOWHERE, own, config, host)
        with Envoy(document, own, concurrency=workers, environment=ENVIRONMENT) as envoy:
            megabytes[workers] = envoy.rss_bytes() / 1e6
    say(f"memory: {megabytes}")
    return megabytes


def loads(directory: Path) -> Sequence[Load]:
    """Gives a running Envoy one configuration after the other, each as a file that is moved into place."""
    file = directory / "ecds" / "claimgate.json"
    file.parent.mkdir(parents=True)
    ecds.move_into_place(file, ecds.discovery_response(typed(configuration()), "1"))
    ports = dict.fromkeys((*ROUTED, "control"), NOWHERE)
    measured = []
    with Envoy(
        gateway_bootstrap(ports, directory, file), directory, concurrency=1, environment=ENVIRONMENT
    ) as envoy:
        for name, config in [
            ("another quota", configuration(quotas=[])),
            ("1,000 policies", with_policies(1000)),
            ("100,000 API keys", with_keys(100_000)),
        ]:
            # What it takes to write the document is not Envoy's.
            document = json.dumps(ecds.discovery_response(typed(config), name))
            cpu, begin = envoy.cpu_seconds(), monotonic()
            if ecds.reload(envoy, file, document) is not ecds.Reload.APPLIED:
                raise RuntimeError(f"{name}: refused\n{envoy.log()[-2000:]}")
            measured.append(Load(name, monotonic() - begin, envoy.cpu_seconds() - cpu))
            say(f"loaded: {measured[-1]}")
    return measured


def typed(config: Document) -> Document:
    return chains.gate(config)["typed_config"]

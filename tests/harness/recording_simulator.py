"""The simulator, which writes everything that reaches a provider to the run's evidence, also what a test clears."""

import json
import os
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.received import Received, text

from .evidence import DIRECTORY


class Kept(dict[str, Any]):
    """A record that is written down when its request has ended."""

    def __init__(self, record: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(record)
        self._write = write

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if name == "ended":
            self._write(self)


def record_everything(directory: Path) -> None:
    """Headers are written when they arrive, and the whole request when it ends, as it may never end."""
    file = (directory / f"received-{os.getpid()}.jsonl").open("a", buffering=1)
    opened = Received.open

    def write(record: dict[str, Any]) -> None:
        readable = {**record, "body": text(bytes(record["body"]))}
        document = {"time": time.time(), "provider": record["provider"], "record": readable}
        file.write(json.dumps(document) + "\n")

    def open_kept(received: Received, *arguments: Any) -> dict[str, Any]:
        opened(received, *arguments)
        records = received._records
        records[-1] = Kept(records[-1], write)
        write(records[-1])
        return records[-1]

    Received.open = open_kept  # type: ignore[method-assign]


record_everything(Path(os.environ[DIRECTORY]))
runpy.run_module("simulator", run_name="__main__", alter_sys=True)

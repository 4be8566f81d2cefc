"""Waiting with an end: every wait in the harness goes through here."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

PAUSE = 0.02


def wait_until(
    probe: Callable[[], Value], *, what: str, seconds: float, describe: Callable[[], str] | None = None
) -> Value:
    """The first true value of `probe`. Raises TimeoutError with `what` and, if given, a description of the state."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= end:
            state = f": {describe()}" if describe else ""
            raise TimeoutError(f"waited {seconds:g} s for {what}{state}")
        time.sleep(PAUSE)

"""A child process in a group of its own, with its output in a file; it is ended by its own id, never by a name."""

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .deadline import wait_until

TAIL_LINES = 40
GRACE_SECONDS = 5.0

_running: set["Process"] = set()


class ProcessFailed(RuntimeError):
    """The process ended or was not ready in time; the message ends with the tail of its log."""


class Process:
    """A started program. Standard output goes to `<name>.out`, standard error to `<name>.log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Starts the command; `environment` is added to this process's own."""
        directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log_path = directory / f"{name}.log"
        self.output_path = directory / f"{name}.out"
        with self.log_path.open("ab") as log, self.output_path.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        _running.add(self)

    @property
    def pid(self) -> int:
        return self._child.pid

    def cpu_seconds(self) -> float:
        """User and system time of the process and all of its threads since its start."""
        # Linux's clock of another process, in nanoseconds (MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED); /proc has ticks.
        return time.clock_gettime((~self.pid << 3) | 2)

    def alive(self) -> bool:
        return self._child.poll() is None

    def wait_ready(self, probe: Callable[[], bool], seconds: float) -> None:
        """Waits until `probe` is true. Raises ProcessFailed, with the log's tail, and ends the process."""

        def ready_or_ended() -> bool:
            return not self.alive() or probe()

        try:
            wait_until(ready_or_ended, what=f"`{self.name}` to be ready", seconds=seconds)
        except TimeoutError as error:
            self.stop()
            raise ProcessFailed(f"{error}\n{self.log_tail()}") from error
        if not self.alive():
            self.stop()
            raise ProcessFailed(f"`{self.name}` ended with status {self._child.returncode}\n{self.log_tail()}")

    def wait_ended(self, seconds: float) -> int:
        """The exit status. Raises subprocess.TimeoutExpired."""
        return self._child.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Signals the process itself, not its group."""
        if self.alive():
            self._child.send_signal(number)

    def pause(self) -> None:
        """It keeps its connections and answers nobody until `resume`."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once, in the middle of whatever it does."""
        self.signal(signal.SIGKILL)
        self.stop()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of its log, under a heading with its name."""
        return f"--- end of {self.log_path}\n" + "\n".join(self.log().splitlines()[-lines:])

    def stop(self) -> int:
        """Ends its group: SIGTERM, after a grace SIGKILL. Returns the exit status; may be repeated."""
        _running.discard(self)
        # The group is signalled only while its leader is not yet waited for, so its id cannot belong to another.
        if self.alive():
            os.killpg(self.pid, signal.SIGTERM)
            try:
                return self._child.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"`{self.name}` did not end in {GRACE_SECONDS:g} s and is killed", file=sys.stderr)
                os.killpg(self.pid, signal.SIGKILL)
        return self._child.wait(GRACE_SECONDS)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@atexit.register
def _stop_all() -> None:
    for process in list(_running):
        process.stop()

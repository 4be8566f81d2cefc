"""What a run of tests leaves behind: its secrets, and every place where one of them could show.

Nothing is kept unless `CLAIMGATE_EVIDENCE` names a directory; a process that a test starts inherits it. Where tests run
in several processes, each has a directory of its own within `CLAIMGATE_EVIDENCE_RUN`, and leaves there what it has in
memory. What is kept is searched by `secret_search.py`. It does not judge.
"""

import bisect
import contextlib
import enum
import http.client
import json
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

DIRECTORY, RUN = "CLAIMGATE_EVIDENCE", "CLAIMGATE_EVIDENCE_RUN"
LATER = "CLAIMGATE_EVIDENCE_LATER"
"""Set where the search follows in another process."""
LEFT = "recorder.pickle"
SHORTEST = 12
"""Less cannot be told from other text."""
TESTS = "tests/e2e/"
LOGS = {"envoy.log": "Envoy's log", "envoy.out": "Envoy's output", "access.log": "access log", "audit.log": "audit log"}
PAGES = {
    "/stats": "stats",
    "/stats/prometheus": "Prometheus page",
    "/config_dump?include_eds": "configuration dump",
    "/clusters": "clusters page",
    "/server_info": "server's page",
}
ANSWER, RECEIVED, COMMAND_OUTPUT = "answer", "received request", "command's output"


class Kind(enum.StrEnum):
    """What a secret is."""

    API_KEY = "api key"
    TOKEN = "token"
    PRIVATE_KEY = "private key"
    PROVIDER_CREDENTIAL = "provider credential"
    INJECTED_CREDENTIAL = "injected credential"
    SENT_CREDENTIAL = "credential as sent"
    """Whatever a caller put where a credential belongs, also one that nobody made."""

    @property
    def is_the_providers(self) -> bool:
        return self in (Kind.PROVIDER_CREDENTIAL, Kind.INJECTED_CREDENTIAL)


@dataclass(frozen=True)
class Registered:
    """A secret of the run."""

    kind: Kind
    secret: str
    test: str
    """The test that made or sent it first."""

    def __repr__(self) -> str:
        return f"{self.kind} of {len(self.secret)} characters, made in {self.test}"


@dataclass(frozen=True)
class Exhibit:
    """One thing to search."""

    kind: str
    place: str
    test: str
    """The test that ran when it was written, as nearly as can be told."""
    content: bytes = field(repr=False)


class Conversation(Protocol):
    """One connection of a caller."""

    def register_compressed(self) -> None:
        """Registers the credentials that the caller sent, where they could not be read at once."""

    def exhibits(self) -> Iterable[Exhibit]:
        """What came back."""


class Recorder:
    """Keeps the evidence of one run in a directory, and the conversations of its own process in memory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.simulator_ports: set[int] = set()
        """Who asks there asks the provider itself, and is no caller of a gateway."""
        self._conversations: list[Conversation] = []
        self._outputs: list[Exhibit] = []
        self._watches: list[EnvoyWatch] = []
        self._registered: set[str] = set()
        # That of the test in which this process was started.
        started_in = os.environ.get("PYTEST_CURRENT_TEST", "the start").partition(" (")[0]
        self._tests = [(0.0, started_in.removeprefix(TESTS))]

    @property
    def test(self) -> str:
        """The test that runs now."""
        return self._tests[-1][1]

    def files(self) -> set[str]:
        """The files whose tests have begun."""
        return {test.partition("::")[0] for _, test in self._tests if "::" in test}

    def begin(self, test: str) -> None:
        """A test starts; what comes from now on is its own."""
        test = test.removeprefix(TESTS)
        for watch in self._watches:
            watch.mark(test)
        self._tests.append((time.time(), test))

    def register(self, kind: Kind, secret: str, test: str = "") -> None:
        """A secret that must not show anywhere from now on, nor before; of the test that runs, unless one is named."""
        if secret in self._registered:
            return
        self._registered.add(secret)
        line = json.dumps({"kind": kind, "secret": secret, "test": test or self.test})
        with (self.directory / f"secrets-{os.getpid()}.jsonl").open("a") as file:
            file.write(f"{line}\n")

    def watch(self, directory: Path, alive: Callable[[], bool], admin: Callable[[str], str]) -> "EnvoyWatch":
        """An Envoy has been started that writes to `directory`."""
        # Envoys may be started side by side, so the name is not counted from those that are watched.
        (self.directory / "envoys").mkdir(exist_ok=True)
        own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self.directory / "envoys"))
        self._watches.append(EnvoyWatch(own, directory, alive, admin))
        self._watches[-1].mark(self.test)
        return self._watches[-1]

    def follow(self, conversation: "Conversation") -> None:
        """A caller has connected."""
        self._conversations.append(conversation)

    def output(self, command: str, content: bytes) -> None:
        """What a command printed that called a gateway."""
        self._outputs.append(Exhibit(COMMAND_OUTPUT, command, self.test, content))

    def finish(self) -> None:
        """Looks at the Envoys that still run, and reads what callers sent. May be repeated."""
        for conversation in self._conversations:
            conversation.register_compressed()
        for watch in self._watches:
            watch.look()
            watch.keep_logs()

    def leave(self) -> None:
        """Hands everything on to a later process; there is nothing more to come."""
        self.finish()
        self._watches.clear()
        with (self.directory / LEFT).open("wb") as file:
            pickle.dump(self, file)

    def secrets(self) -> list[Registered]:
        """The secrets of this process, and of those that it started."""
        found: dict[tuple[Kind, str], Registered] = {}
        for document in _documents(self.directory.glob("secrets-*.jsonl")):
            one = Registered(Kind(document["kind"]), document["secret"], document["test"])
            found.setdefault((one.kind, one.secret), one)
        return list(found.values())

    def unseen(self) -> list[str]:
        """Pages that an Envoy should have shown, and did not."""
        unseen = []
        for file in sorted(self.directory.glob("envoys/*/about.json")):
            about = json.loads(file.read_text())
            missing = [name for name in PAGES.values() if not _size(file.parent / name)]
            unseen += [f"{name} of {about['directory']}" for name in missing if about["looked_at"]]
        return unseen

    def exhibits(self) -> Iterator[Exhibit]:
        """Everything there is to search, once `finish` has been called."""
        for file in sorted(self.directory.glob("envoys/*/about.json")):
            yield from _exhibits_of_envoy(file.parent, json.loads(file.read_text()))
        for document in _documents(self.directory.glob("received-*.jsonl")):
            content = json.dumps(document["record"]).encode()
            yield Exhibit(RECEIVED, f"a request at `{document['provider']}`", self._test_at(document["time"]), content)
        yield from self._outputs
        for conversation in list(self._conversations):
            yield from conversation.exhibits()

    def _test_at(self, moment: float) -> str:
        return self._tests[bisect.bisect(self._tests, moment, key=lambda entry: entry[0]) - 1][1]


class EnvoyWatch:
    """Keeps what one Envoy writes and shows. The pages are those of the last look."""

    def __init__(
        self, own: Path, directory: Path, alive: Callable[[], bool], admin: Callable[[str], str]
    ) -> None:
        self._own, self._directory, self._alive, self._admin = own, directory, alive, admin
        self._marks: dict[str, list[tuple[int, str]]] = {name: [] for name in LOGS}
        self._tests: list[str] = []
        self._looked_at = self._stopped = False

    def mark(self, test: str) -> None:
        """What is in the logs so far was written before this test."""
        if self._stopped:
            return
        self._tests.append(test)
        for name, marks in self._marks.items():
            # What is there at first is an earlier Envoy's in the same directory, and is searched too.
            size = _size(self._directory / name) if marks else 0
            if marks and marks[-1][0] == size:
                marks.pop()
            marks.append((size, test))

    def look(self) -> None:
        """Keeps the admin's pages as they are now."""
        if self._stopped or not self._alive():
            return
        self._looked_at = True
        for path, name in PAGES.items():
            # An Envoy without its pages is told at the end.
            with contextlib.suppress(OSError, http.client.HTTPException):
                (self._own / name).write_text(self._admin(path))

    def keep_logs(self, *, stopped: bool = False) -> None:
        """Keeps the logs as they are now; once it has stopped, there is nothing more to come."""
        if self._stopped:
            return
        self._stopped = stopped
        for name in LOGS:
            source = self._directory / name
            # The demo's audit log is a link to Envoy's output.
            if source.is_file() and not source.is_symlink():
                shutil.copyfile(source, self._own / name)
        about = {"directory": str(self._directory), "looked_at": self._looked_at}
        about |= {"tests": [self._tests[0], self._tests[-1]], "marks": self._marks}
        (self._own / "about.json").write_text(json.dumps(about))


_current: Recorder | None = None


def recorder() -> Recorder | None:
    """Where this process keeps evidence, if anybody asked for it."""
    global _current
    directory = os.environ.get(DIRECTORY)
    if directory is None:
        return None
    if _current is None or _current.directory != Path(directory):
        _current = Recorder(Path(directory))
    return _current


def left(run: Path, own: Path) -> Iterator[Recorder]:
    """What the other processes of the run have left. Raises OSError where one has not."""
    for directory in sorted(run.iterdir()):
        if directory != own:
            with (directory / LEFT).open("rb") as file:
                yield pickle.load(file)


def register(kind: Kind, *secrets: str) -> None:
    """Secrets that must not show anywhere in the run. Those too short to be told from other text are passed over."""
    current = recorder()
    for secret in secrets:
        if current is not None and len(secret) >= SHORTEST:
            current.register(kind, secret)


@contextlib.contextmanager
def apart(directory: Path) -> Iterator[Recorder]:
    """Inside, evidence goes to another recorder, so that a test can plant a secret."""
    global _current
    outer, outer_directory = _current, os.environ.get(DIRECTORY)
    os.environ[DIRECTORY] = str(directory)
    _current = Recorder(directory)
    try:
        yield _current
    finally:
        _current = outer
        if outer_directory is None:
            del os.environ[DIRECTORY]
        else:
            os.environ[DIRECTORY] = outer_directory


def _exhibits_of_envoy(own: Path, about: dict[str, Any]) -> Iterator[Exhibit]:
    where = f"the Envoy of `{about['directory']}`"
    for name, kind in LOGS.items():
        if (own / name).exists():
            for test, content in _segments((own / name).read_bytes(), about["marks"][name]):
                yield Exhibit(kind, where, test, content)
    first, last = about["tests"]
    while_it_ran = first if first == last else f"{first} to {last}"
    for name in PAGES.values():
        if (own / name).exists():
            yield Exhibit(name, where, while_it_ran, (own / name).read_bytes())


def _segments(content: bytes, marks: list[tuple[int, str]]) -> Iterator[tuple[str, bytes]]:
    """Whole lines by the test in which they were written."""
    start = 0
    for index, (_, test) in enumerate(marks):
        end = len(content)
        if index + 1 < len(marks):
            # A line is not cut, or a secret in it could be.
            newline = content.find(b"\n", max(start, marks[index + 1][0] - 1))
            end = newline + 1 if newline >= 0 else len(content)
        if start < end:
            yield test, content[start:end]
        start = max(start, end)


def _documents(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for file in sorted(files):
        with file.open() as lines:
            for line in lines:
                # A process that was killed may have left its last line unfinished.
                if line.endswith("\n"):
                    yield json.loads(line)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


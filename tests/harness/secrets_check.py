"""No credential may show anywhere but in the request that carries it: every place Envoy writes or shows is searched.

`assert_no_secret` looks at one gateway in the middle of the run, `search_run` at all that the whole run left.
"""

import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import httpx

from .evidence import ANSWER, COMMAND_OUTPUT, LOGS, PAGES, RECEIVED, SHORTEST, Exhibit, Kind, Recorder, Registered
from .gateway import Gateway
from .secret_search import Finding, SecretSearch

EXHIBIT_KINDS = frozenset([*LOGS.values(), *PAGES.values(), ANSWER, RECEIVED, COMMAND_OUTPUT])


@dataclass(frozen=True)
class Permitted:
    """A place where a secret may show, and why: the text that the pattern finds there."""

    reason: str
    kinds: frozenset[str]
    tests: str
    """How the names of the tests begin."""
    pattern: re.Pattern[bytes]

    def applies(self, exhibit: Exhibit) -> bool:
        return exhibit.kind in self.kinds and exhibit.test.startswith(self.tests)


@dataclass(frozen=True)
class Report:
    """What a search of the whole run came to."""

    findings: list[Finding]
    secrets: Counter[Kind]
    searched: Counter[str]
    """Exhibits by their kind."""
    size: int
    """Bytes searched."""
    unseen: list[str]
    """Pages that an Envoy should have shown, and did not."""
    permitted: Counter[str]
    """How often each permission was needed, by its reason."""

    def __str__(self) -> str:
        secrets = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.secrets.items()))
        searched = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.searched.items()))
        return f"searched for {secrets}; in {self.size / 1e6:.0f} MB: {searched}; found {len(self.findings)}"

    def lacks(self) -> list[str]:
        """What a run of all tests should have and this one has not: then something is no longer collected."""
        kinds = [f"no {kind} was registered" for kind in Kind if not self.secrets[kind]]
        return kinds + [f"no {kind} was kept" for kind in sorted(EXHIBIT_KINDS) if not self.searched[kind]]


def search_run(*recorders: Recorder, permitted: Iterable[Permitted] = ()) -> Report:
    """Searches all evidence for all secrets; what reached a provider, for those of callers only."""
    for recorder in recorders:
        recorder.finish()
    secrets = list({(one.kind, one.secret): one for recorder in recorders for one in recorder.secrets()}.values())
    providers = {secret.secret for secret in secrets if secret.kind.is_the_providers}
    everywhere = SecretSearch(secrets)
    # A caller may have tried a provider's own credential; that one is where it belongs.
    at_providers = SecretSearch(secret for secret in secrets if secret.secret not in providers)
    searching = _Searching(recorders, everywhere, at_providers, list(permitted))
    unseen = [page for recorder in recorders for page in recorder.unseen()]
    report = Report([], Counter(secret.kind for secret in secrets), Counter(), 0, unseen, Counter())
    for part in _in_processes(searching.part):
        report = replace(
            report,
            findings=report.findings + part.findings,
            searched=report.searched + part.searched,
            size=report.size + part.size,
            permitted=report.permitted + part.permitted,
        )
    return report


@dataclass(frozen=True)
class _Searching:
    """A search of all evidence, of which each process takes its part."""

    recorders: tuple[Recorder, ...]
    everywhere: SecretSearch
    at_providers: SecretSearch
    permitted: list[Permitted]

    def part(self, first: int, parts: int) -> Report:
        """What is found in each exhibit whose number leaves the rest `first`."""
        report, size = Report([], Counter(), Counter(), 0, [], Counter()), 0
        exhibits = itertools.chain.from_iterable(recorder.exhibits() for recorder in self.recorders)
        for exhibit in itertools.islice(exhibits, first, None, parts):
            report.searched[exhibit.kind] += 1
            size += len(exhibit.content)
            report.findings.extend(self._findings(exhibit, report.permitted))
        return replace(report, size=size)

    def _findings(self, exhibit: Exhibit, counted: Counter[str]) -> list[Finding]:
        search = self.at_providers if exhibit.kind == RECEIVED else self.everywhere
        found = search.find(exhibit)
        for entry in self.permitted if found else ():
            if entry.applies(exhibit):
                exhibit = replace(exhibit, content=entry.pattern.sub(b"", exhibit.content))
                rest = search.find(exhibit)
                counted[entry.reason] += len(found) - len(rest)
                found = rest
        return found


def _in_processes(part: Callable[[int, int], Report]) -> list[Report]:
    """A process for each core, which has the index of all secrets by being forked."""
    parts = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(parts, get_context("fork"), initializer=_parts.append, initargs=(part,)) as pool:
        return list(pool.map(_run_part, range(parts), itertools.repeat(parts)))


_parts: list[Callable[[int, int], Report]] = []


def _run_part(first: int, parts: int) -> Report:
    return _parts[0](first, parts)


def assert_no_secret(gateway: Gateway, secrets: Iterable[str], answers: Iterable[httpx.Response] = ()) -> None:
    """Fails where a secret, or a part of one that would be enough, stands in a log, a stat, the admin's pages or an
    answer. Of a token the claims and the signature are searched for too. A hash of a key is no secret."""
    registered = [Registered(Kind.SENT_CREDENTIAL, _long_enough(secret), "this test") for secret in secrets]
    assert registered, "nothing to search for"
    search = SecretSearch(registered)
    for exhibit in [*_places(gateway), *_answers(answers)]:
        assert not (found := search.find(exhibit)), "\n".join(map(str, found))


def _long_enough(secret: str) -> str:
    assert len(secret) >= SHORTEST, f"`{secret}` is too short to be told from other text"
    return secret


def _places(gateway: Gateway) -> list[Exhibit]:
    envoy = gateway.envoy
    # A line is written when its request ends, and Envoy flushes files every few milliseconds.
    ended = envoy.stat("http.gateway.downstream_rq_total") - envoy.stat("http.gateway.downstream_rq_active")
    texts = {"audit log": "\n".join(envoy.audit_lines(ended)), "Envoy's log": envoy.log()}
    texts["access log"] = "\n".join(str(line) for line in envoy.access_log_lines(ended))
    texts |= {name: envoy.admin(path) for path, name in PAGES.items()}
    return [Exhibit(name, str(envoy.directory), "this test", text.encode()) for name, text in texts.items()]


def _answers(answers: Iterable[httpx.Response]) -> list[Exhibit]:
    def told(answer: httpx.Response) -> bytes:
        return f"{answer.headers.raw}\n{answer.text}".encode()

    return [Exhibit(ANSWER, f"{answer.status_code} of {answer.url}", "this test", told(answer)) for answer in answers]

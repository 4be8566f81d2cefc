"""The last of every run: no key, token or credential of any test shows in anything that the run left behind.

Before it stand the proofs that the search would find one: in each kind of evidence, with each client, in each coding.
"""

import asyncio
import base64
import gzip
import os
import re
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import openai
import pytest
import websockets.exceptions
import websockets.sync.client

from harness import evidence
from harness.bootstrap import Document, http_filter_type, plain_bootstrap, static_cluster
from harness.envoy import Envoy
from harness.evidence import ANSWER, COMMAND_OUTPUT, PAGES, RECEIVED, Exhibit, Kind, Recorder, Registered
from harness.gateway import Signer, hash_of, key_entry
from harness.injector import with_injector
from harness.key_server import KeyServer
from harness.raw_http1 import http1_request
from harness.raw_http2 import http2_request, request_headers
from harness.secret_search import SecretSearch
from harness.secrets_check import EXHIBIT_KINDS, Permitted, Report, search_run
from harness.simulator import Simulator
from harness.wire import Conversation

SHOWN = 200
RANDOM_REQUESTS = "random requests carry credentials as paths and request ids, too, and those are logged and answered"
"""They are made in test_hostile.py, from pieces of all sorts; nobody else puts a credential there."""
LOGGED = re.compile(rb'"((claimgate\.)?request_id|(upstream_)?path|url\.path)":"(\\.|[^"\\])*"')
ANSWERED = re.compile(rb'(?im)^x-request-id:[^\r\n]*|"request_?id":"(\\.|[^"\\])*"')
EXCHANGED = re.compile(rb"(?:assertion|subject_token)=[^&\s]+")
HANDED_OVER = re.compile(rb'"(value|access_token)":"cg[ts]_[^"]+"')
PERMITTED = [
    Permitted("who asks for a token gets it", frozenset({ANSWER}), "test_minted_tokens.py", HANDED_OVER),
    Permitted("who asks for a token gets it", frozenset({ANSWER}), "test_discovery.py", HANDED_OVER),
    Permitted("who asks for a token gets it", frozenset({ANSWER}), "test_possession.py", HANDED_OVER),
    Permitted("who exchanges a token is given it", frozenset({RECEIVED}), "test_user_exchange.py", EXCHANGED),
    Permitted("so does who has a key sealed", frozenset({ANSWER}), "test_own_keys.py", HANDED_OVER),
    Permitted(RANDOM_REQUESTS, frozenset({"access log", "audit log"}), "test_hostile.py", LOGGED),
    Permitted(RANDOM_REQUESTS, frozenset({ANSWER}), "test_hostile.py", ANSWERED),
]

KEY = "test-key-proof-8f2b6c1d9e0a4b57a3c2d1e0f9b8a7c6"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIiwiZXhwIjoxfQ.c2lnbmVkLWJ5LW5vYm9keS1hdC1hbGwtNzEyOTM4NDc"
HEADER, CLAIMS, SIGNATURE = TOKEN.split(".")
SEARCHED = [Registered(Kind.API_KEY, KEY, "here"), Registered(Kind.TOKEN, TOKEN, "here")]


def basic(user: str, credential: str) -> str:
    """What `Authorization: Basic` carries (RFC 7617)."""
    return base64.b64encode(f"{user}:{credential}".encode()).decode()


@pytest.mark.parametrize(
    "form, text",
    [
        ("whole", KEY),
        ("whole", KEY.upper()),
        ("whole", "".join(f"%{byte:02X}" for byte in KEY.encode())),
        ("whole", KEY.replace("-", "%2d")),
        ("whole", KEY.replace("-", "\\u002D")),
        ("second half of whole", KEY[len(KEY) // 2 :]),
        ("whole, in hexadecimal", KEY.encode().hex()),
        ("whole, as a metric's name", KEY.replace("-", "_")),
        ("whole, in base64", basic("u", KEY)),
        ("whole, in base64", basic("us", KEY)),
        ("whole, in base64", basic("use", KEY)),
        ("whole, in base64", base64.urlsafe_b64encode(f"{KEY}?".encode()).decode()),
        ("claims", CLAIMS),
        ("signature", SIGNATURE),
        ("signature, in base64", basic("bearer", TOKEN)),
        ("second half of signature", SIGNATURE[len(SIGNATURE) // 2 :]),
    ],
)
def test_a_secret_is_found_in_any_coding_wherever_it_stands(form: str, text: str) -> None:
    searching = SecretSearch(SEARCHED)
    for before in range(17):
        content = b" " * before + text.encode() + b" and more"
        found = {finding.form: str(finding) for finding in searching.find(Exhibit(ANSWER, "there", "then", content))}
        assert form in found, content
        for told in found.values():
            assert "answer, there, in then: " in told and "made in here" in told
            assert text[-12:].lower() not in told.lower(), "the report shows the secret itself"


@pytest.mark.parametrize(
    "text",
    [hash_of(KEY), KEY[: len(KEY) // 2], HEADER, "test-key-proof-", base64.b64encode(b"test-key-proof-of").decode()],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    assert SecretSearch(SEARCHED).find(Exhibit(ANSWER, "there", "then", text.encode())) == []


def by_urllib(url: str, port: int) -> None:
    urllib.request.urlopen(url).read()


def by_httpx_over_http2(url: str, port: int) -> None:
    with httpx.Client(http1=False, http2=True) as client:
        client.get(url)


def by_httpx_async(url: str, port: int) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await client.get(url)

    asyncio.run(ask())


def by_aiohttp(url: str, port: int) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            await answer.read()

    asyncio.run(ask())


def by_an_sdk(url: str, port: int) -> None:
    openai.OpenAI(api_key="not-needed", base_url=url, max_retries=0).models.with_raw_response.list()


def by_an_async_sdk(url: str, port: int) -> None:
    async def ask() -> None:
        async with openai.AsyncOpenAI(api_key="not-needed", base_url=url, max_retries=0) as client:
            await client.models.with_raw_response.list()

    asyncio.run(ask())


def by_websocket(url: str, port: int) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus):
        websockets.sync.client.connect(url.replace("http", "ws", 1))


def by_curl(url: str, port: int) -> None:
    subprocess.run(["curl", "-si", url], capture_output=True, check=True)


def path_of(url: str) -> str:
    return "/" + url.split("/")[3]


CLIENTS: dict[str, Callable[[str, int], Any]] = {
    "httpx": lambda url, port: httpx.get(url),
    "httpx-http2": by_httpx_over_http2,
    "httpx-async": by_httpx_async,
    "aiohttp": by_aiohttp,
    "urllib": by_urllib,
    "sdk": by_an_sdk,
    "sdk-async": by_an_async_sdk,
    "websocket": by_websocket,
    "curl": by_curl,
    "raw-http1": lambda url, port: http1_request(port, f"GET {path_of(url)} HTTP/1.1\r\nhost: x\r\n\r\n".encode()),
    "raw-http2": lambda url, port: http2_request(port, request_headers("GET", path_of(url))),
}


class Leaky:
    """An Envoy without the gateway that shows a key wherever it can, and what the search of its evidence found."""

    def __init__(self, simulator: Simulator, provider: KeyServer, directory: Path) -> None:
        current = evidence.recorder()
        assert current is not None
        self.recorder = current
        current.begin("the start")
        self.key, _ = key_entry("everywhere")
        self.token = Signer().token(sub="planted")
        self.told = {(name, part): key_entry(f"{name}-{part}")[0] for name in CLIENTS for part in ("header", "body")}
        clusters = [static_cluster(f"to-{self.key}", 9), static_cluster("raw", provider.port)]
        clusters[1] = with_injector(clusters[1], "x-injected", "Bearer injected-secret-of-the-proof", directory / "sds")
        document = plain_bootstrap(
            simulator.ports,
            directory,
            connection_manager={"access_log": access_logs(directory), "http_filters": [talkative(), router()]},
            clusters=clusters,
            routes=[*map(self._telling, CLIENTS), {"match": {"prefix": "/raw"}, "route": {"cluster": "raw"}}],
        )
        document["node"]["metadata"] = {"note": self.key}
        with Envoy(document, directory, concurrency=1, environment={"OWN": "provider-secret-of-the-proof"}) as envoy:
            self._ask(envoy)

    def _telling(self, client: str) -> Document:
        header = {"key": "x-told", "value": self.told[client, "header"]}
        return {
            "match": {"path": f"/{client}"} if "sdk" not in client else {"prefix": f"/{client}/"},
            "direct_response": {"status": 200, "body": {"inline_string": self.told[client, "body"]}},
            "response_headers_to_add": [{"header": header}],
        }

    def _ask(self, envoy: Envoy) -> None:
        self.recorder.begin("the clients")
        for name, ask in CLIENTS.items():
            ask(f"{envoy.url}/{name}", envoy.port)
        envoy.audit_lines(len(CLIENTS))
        self.recorder.begin("the key")
        own = {"x-api-key": "provider-secret-of-the-proof"}
        httpx.get(f"{envoy.url}/openai/v1/models", headers={"authorization": f"Bearer {self.key}", **own})
        envoy.audit_lines(len(CLIENTS) + 1)
        self.recorder.begin("the token")
        httpx.get(f"{envoy.url}/raw", headers={"authorization": f"Bearer {self.token}"})
        httpx.get(f"{envoy.url}/raw", headers={"authorization": "Bearer made-by-nobody-4711"})
        envoy.audit_lines(len(CLIENTS) + 3)


def access_logs(directory: Path) -> list[Document]:
    """Logs that hold the caller's credential."""
    told = {"log_format": {"text_format_source": {"inline_string": "%REQ(AUTHORIZATION)%\n"}}}
    kinds = "type.googleapis.com/envoy.extensions.access_loggers"
    typed = [{"@type": f"{kinds}.stream.v3.StdoutAccessLog", **told}]
    typed += [
        {"@type": f"{kinds}.file.v3.FileAccessLog", "path": str(directory / name), **told}
        for name in ("access.log", "audit.log")
    ]
    return [{"name": f"log-{number}", "typed_config": config} for number, config in enumerate(typed)]


def talkative() -> Document:
    """A filter that writes the caller's credential to Envoy's own log."""
    code = 'function envoy_on_request(h) h:logErr("by " .. (h:headers():get("authorization") or "nobody")) end'
    source = {"@type": http_filter_type("lua.v3.Lua"), "default_source_code": {"inline_string": code}}
    return {"name": "lua", "typed_config": source}


def router() -> Document:
    return {"name": "router", "typed_config": {"@type": http_filter_type("router.v3.Router")}}


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[Leaky, Report]:
    directory = tmp_path_factory.mktemp("leaky")
    with evidence.apart(directory / "evidence") as recorder:
        simulator, provider = Simulator(directory), KeyServer()
        provider.publish("raw", {})
        try:
            leaky = Leaky(simulator, provider, directory)
            report = search_run(recorder)
        finally:
            simulator.stop()
            provider.stop()
    return leaky, report


def shown(report: Report, secret: str) -> dict[str, set[str]]:
    """The kinds of evidence that show a secret, with the tests that are named."""
    kinds: dict[str, set[str]] = {}
    for finding in report.findings:
        if finding.secret.secret == secret:
            kinds.setdefault(finding.exhibit.kind, set()).add(finding.exhibit.test)
    return kinds


def test_a_planted_key_is_found_in_each_kind_of_evidence(proof: tuple[Leaky, Report]) -> None:
    leaky, report = proof
    logs = dict.fromkeys(evidence.LOGS.values(), {"the key"})
    pages = dict.fromkeys(PAGES.values(), {"the start to the token"})
    assert shown(report, leaky.key) == {**logs, **pages, RECEIVED: {"the key"}}
    assert {*logs, *pages, RECEIVED, ANSWER, COMMAND_OUTPUT} == EXHIBIT_KINDS


def test_a_planted_token_is_found_in_logs_and_at_a_provider_of_a_test(proof: tuple[Leaky, Report]) -> None:
    leaky, report = proof
    assert shown(report, leaky.token) == dict.fromkeys([*evidence.LOGS.values(), RECEIVED], {"the token"})
    forms = {finding.form for finding in report.findings if finding.secret.secret == leaky.token}
    assert forms >= {"claims", "signature"}


def test_a_credential_that_nobody_made_is_searched_for_once_it_was_sent(proof: tuple[Leaky, Report]) -> None:
    assert RECEIVED in shown(proof[1], "made-by-nobody-4711")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_planted_key_is_found_in_what_each_client_was_answered(proof: tuple[Leaky, Report], client: str) -> None:
    leaky, report = proof
    kind = COMMAND_OUTPUT if client == "curl" else ANSWER
    for part in ("header", "body"):
        assert shown(report, leaky.told[client, part]).get(kind) == {"the clients"}, part


def test_a_providers_credential_may_reach_its_provider_only(proof: tuple[Leaky, Report]) -> None:
    _, report = proof
    at_providers = {finding.secret.kind for finding in report.findings if finding.exhibit.kind == RECEIVED}
    assert at_providers == {Kind.API_KEY, Kind.TOKEN, Kind.SENT_CREDENTIAL}
    assert report.secrets[Kind.PROVIDER_CREDENTIAL] == report.secrets[Kind.INJECTED_CREDENTIAL] == 1
    told = Exhibit(ANSWER, "there", "then", b"x-told: injected-secret-of-the-proof")
    secret = Registered(Kind.INJECTED_CREDENTIAL, "injected-secret-of-the-proof", "here")
    assert SecretSearch([secret]).find(told)


@pytest.mark.parametrize(
    "note, body",
    [
        ("cut by chunks", b"4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (KEY[:4].encode(), len(KEY) - 4, KEY[4:].encode())),
        ("compressed", gzip.compress(b"{" + KEY.encode() + b"}", mtime=0)),
    ],
)
def test_an_answer_is_searched_as_its_reader_sees_it(tmp_path: Path, note: str, body: bytes) -> None:
    with evidence.apart(tmp_path / "evidence") as recorder:
        evidence.register(Kind.API_KEY, KEY)
        conversation = Conversation(recorder, ANSWER, 1)
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for byte in head + body:
            conversation.received(bytes([byte]))
        assert "whole" in {finding.form for finding in search_run(recorder).findings}, note


def test_an_answer_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with evidence.apart(tmp_path / "evidence") as recorder:
        Conversation(recorder, ANSWER, 1).received(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n\r\n")
        with pytest.raises(ValueError, match="an answer has `content-encoding: br`"):
            search_run(recorder)


def test_an_envoy_that_showed_no_pages_is_told(tmp_path: Path) -> None:
    def refuse(path: str) -> str:
        raise OSError(path)

    with evidence.apart(tmp_path / "evidence") as recorder:
        recorder.watch(tmp_path, lambda: True, refuse)
        assert len(search_run(recorder).unseen) == len(PAGES)


def test_a_run_that_collected_nothing_is_told(tmp_path: Path) -> None:
    with evidence.apart(tmp_path / "evidence") as recorder:
        lacks = search_run(recorder).lacks()
    assert {f"no {kind} was registered" for kind in Kind} <= set(lacks)
    assert {f"no {kind} was kept" for kind in EXHIBIT_KINDS} <= set(lacks)


def test_only_the_permitted_text_is_passed_over(tmp_path: Path) -> None:
    permitted = Permitted("for this test", frozenset({ANSWER}), "the start", re.compile(rb"id=\S+"))
    with evidence.apart(tmp_path / "evidence") as recorder:
        recorder.begin("the start")
        evidence.register(Kind.API_KEY, KEY)
        conversation = Conversation(recorder, ANSWER, 1)
        conversation.received(f"id={KEY} ".encode())
        assert search_run(recorder, permitted=[permitted]).findings == []
        conversation.received(f"other={KEY} ".encode())
        assert search_run(recorder, permitted=[permitted]).findings
        assert search_run(recorder).permitted == Counter()


def test_the_name_of_a_scheme_is_no_credential(tmp_path: Path) -> None:
    with evidence.apart(tmp_path / "evidence") as recorder:
        recorder.begin("here")
        head = f"GET / HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 Credential={KEY}\r\n\r\n"
        Conversation(recorder, ANSWER, 1).sent(head.encode())
        leaks = Conversation(recorder, ANSWER, 2)
        leaks.received(base64.b64encode(b"X-Amz-Algorithm=AWS4-HMAC-SHA256"))
        assert search_run(recorder).findings == []
        leaks.received(f" Credential={KEY}".encode())
        assert search_run(recorder).findings


def test_what_another_process_left_is_searched(tmp_path: Path) -> None:
    with evidence.apart(tmp_path / "other") as other:
        other.begin("test_other.py::test")
        key, _ = key_entry("of-the-other")
        Conversation(other, ANSWER, 1).received(f"{KEY} {key}".encode())
        other.output("curl", key.encode())
        other.leave()
    with evidence.apart(tmp_path / "own") as own:
        evidence.register(Kind.API_KEY, KEY)
        Conversation(own, ANSWER, 1).received(key.encode())
        [left] = evidence.left(tmp_path, own.directory)
        assert "test_other.py" in left.files()
        findings = search_run(own, left).findings
        shown = {(found.secret.secret, found.exhibit.kind, found.exhibit.test) for found in findings}
        of_other = "test_other.py::test"
        assert shown >= {(KEY, ANSWER, of_other), (key, ANSWER, of_other), (key, COMMAND_OUTPUT, of_other)}
        assert len(shown) == 4, "the other's key in an answer of its own"
        (tmp_path / "killed").mkdir()
        with pytest.raises(OSError):
            list(evidence.left(tmp_path, own.directory))


@pytest.fixture
def recorders() -> list[Recorder]:
    """The evidence of the whole run: of this process, and of those that ran before it."""
    current = evidence.recorder()
    assert current is not None, "the run keeps no evidence"
    return [current, *evidence.left(Path(os.environ[evidence.RUN]), current.directory)]


def test_no_secret_shows_in_anything_the_run_left(recorders: list[Recorder], pytestconfig: pytest.Config) -> None:
    report = search_run(*recorders, permitted=PERMITTED)
    run = pytestconfig.pluginmanager.getplugin("evidence")
    run.report = str(report)
    if report.findings:
        told = sorted({str(finding) for finding in report.findings})
        # An assertion would show the texts themselves.
        pytest.fail("\n".join([f"{len(told)} places show a secret", *told[:SHOWN]]), pytrace=False)
    assert not report.unseen
    if run.is_full(recorders):
        assert not report.lacks()


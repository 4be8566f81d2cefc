"""Panics of the module, planted by a build that panics where a request says so: nothing passes, and Envoy goes on."""

from collections.abc import Iterator

import httpx
import pytest

from harness.bootstrap import static_cluster
from harness.caller import Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.dialects import chat, error_message
from harness.gateway import Signer, document, issuer_entry, key_entry, rule
from harness.host import FAILPOINTS_FILE, STATS, Host
from harness.key_server import KeyServer
from harness.simulator import Simulator

pytestmark = pytest.mark.only(Host.MODULE)
KEY, ENTRY = key_entry("panics", tenant="acme")
SIGNER = Signer()
FAILPOINT = "x-failpoint"


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def caller(simulator: Simulator, keys: KeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    assert FAILPOINTS_FILE.exists(), "run tests/setup/modules"
    remote = {"cluster": "keys", "host": "login.test", "path": "/keys", "refetch": "1s"}
    configuration = document(
        keys=[ENTRY],
        issuers=[issuer_entry(SIGNER, jwks={"remote": remote})],
        policies=[rule("model", "!has(llm.model) || llm.model != 'forbidden'")],
    )
    options = {"clusters": [static_cluster("keys", keys.port)], "module_file": FAILPOINTS_FILE}
    with calling(configuration, simulator, tmp_path_factory.mktemp("panics"), **options) as ready:
        yield ready


def panics(caller: Caller) -> int:
    return caller.gateway.envoy.stat(f"{STATS}claimgate.panics")


def plant(place: str) -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}", FAILPOINT: place}


@pytest.fixture(autouse=True)
def others_pass(caller: Caller, simulator: Simulator) -> Iterator[None]:
    """Whatever has panicked, the next request of each worker is as any other."""
    before = panics(caller)
    simulator.clear()
    yield
    wait_until(lambda: panics(caller) > before, what="a panic to be counted", seconds=5)
    assert "panicked: planted: " in caller.gateway.envoy.log()
    for _ in range(8):
        assert caller.bearer(KEY).status_code == 200


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini", "bedrock"])
def test_a_request_whose_decision_panics_is_refused_in_its_dialect(
    caller: Caller, simulator: Simulator, dialect: str
) -> None:
    request = chat(dialect, KEY).with_headers(x_failpoint="request body")
    answer = caller.send(request.method, request.path, request.headers, content=request.body)
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (503, "internal_error"), answer.text
    assert "[internal_error, decision " in error_message(dialect, answer.json())
    assert simulator.received() == []
    record = caller.record(answer)
    assert (record["claimgate.decision"], record["claimgate.reason"]) == ("deny", "internal_error")


def test_a_request_of_which_nothing_can_be_read_is_refused_all_the_same(caller: Caller, simulator: Simulator) -> None:
    """What tells of the panic panics, too."""
    answer = caller.chat(plant("request headers"))
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (503, "internal_error"), answer.text
    assert answer.json()["error"]["code"] == "internal_error"
    assert simulator.received() == []


def test_an_answer_that_panics_before_it_began_is_withheld(caller: Caller, simulator: Simulator) -> None:
    answer = caller.chat(plant("response headers"))
    assert_refused(answer, 503, "internal_error")
    [received] = simulator.wait_received(1)
    assert "choices" not in answer.text and "gpt-4o" in received["body"]
    assert caller.record(answer)["claimgate.reason"] == "internal_error"


def test_an_answer_that_panics_in_its_midst_is_cut_off(caller: Caller) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        caller.chat(plant("response body"), stream=True)
    record = caller.gateway.audit(claimgate__answered_by="provider", claimgate__reason="internal_error")
    assert (record["claimgate.aborted"], record["http.response.status_code"]) == (True, 200)


def test_a_record_that_cannot_be_written_panics_alone(caller: Caller) -> None:
    known = len(caller.gateway.envoy.audit_lines())
    assert caller.chat(plant("wasm.claimgate_audit")).status_code == 200

    def is_written() -> bool:
        # Records of the requests before may come late, too.
        return "-" in caller.gateway.envoy.audit_lines()[known:]

    wait_until(is_written, what="the line without a record", seconds=5)


def test_what_waits_for_an_answer_that_panics_is_refused(caller: Caller, keys: KeyServer) -> None:
    keys.mark(x_failpoint="fetched")
    keys.publish("keys", {"keys": [SIGNER.jwk()]})
    answer = caller.bearer(SIGNER.token(tenant="acme"))
    # Another worker may have asked, for all.
    in_its_own_worker = answer.headers.get("x-claimgate-reason") == "internal_error"
    assert_refused(answer, 503, "internal_error" if in_its_own_worker else "identity_unavailable")
    keys.mark()

    def is_let_through() -> bool:
        return caller.bearer(SIGNER.token(tenant="acme")).status_code == 200

    wait_until(is_let_through, what="the keys to come", seconds=15)
    assert caller.send("GET", "/openai/v1/models", plant("nowhere")).status_code == 200

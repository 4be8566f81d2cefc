"""A caller of the gateway: sends requests, keeps every answer, and reads refusals."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from .gateway import Gateway
from .raw import RawResponse
from .raw_http1 import http1_request
from .secrets_check import assert_no_secret
from .simulator import Simulator

CHAT_PATH = "/openai/v1/chat/completions"
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
SECONDS = 15.0
REALM = 'Bearer realm="claimgate"'
# The reasons that OpenAI has a name of its own for.
OPENAI_CODES = {"key_unknown": "invalid_api_key", "quota_exceeded": "rate_limit_exceeded",
                "token_budget_exhausted": "insufficient_quota", "budget_exhausted": "insufficient_quota"}  # fmt: skip
# RFC 6750 section 3.1; every other 401 is an invalid token.
CHALLENGES = {"credential_missing": None, "credential_in_query": "invalid_request"}
# RFC 9449 section 7.1.
PROOF_REALM = 'DPoP realm="claimgate"'
BAD_PROOFS = ("malformed", "mismatch", "out_of_time", "signature_invalid", "replayed")
CHALLENGES |= {"dpop_nonce_required": "use_dpop_nonce"}
CHALLENGES |= {f"dpop_proof_{what}": "invalid_dpop_proof" for what in BAD_PROOFS}

HeaderPairs = Iterable[tuple[str, str]] | Mapping[str, str]


class Caller:
    """One connection pool to one gateway. Secrets named with `secret` are searched for at the end."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.answers: list[httpx.Response] = []
        self.secrets: set[str] = set()
        self._client = httpx.Client(base_url=gateway.url, timeout=SECONDS)

    def secret(self, text: str) -> str:
        """The text, remembered as something that must not show anywhere."""
        self.secrets.add(text)
        return text

    def send(self, method: str, path: str, headers: HeaderPairs = (), **options: Any) -> httpx.Response:
        """Any request; header pairs are sent in their order, equal names too."""
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        answer = self._client.request(method, path, headers=pairs, **options)
        self.answers.append(answer)
        return answer

    def chat(self, headers: HeaderPairs = (), path: str = CHAT_PATH, **body: Any) -> httpx.Response:
        """A chat completion as OpenAI's SDK sends it."""
        return self.send("POST", path, headers, json={**CHAT, **body})

    def bearer(self, credential: str, **body: Any) -> httpx.Response:
        """A chat completion with a credential that must not show anywhere."""
        return self.chat({"authorization": f"Bearer {self.secret(credential)}"}, **body)

    def upgrade(self, path: str, headers: HeaderPairs = ()) -> RawResponse:
        """Asks for a WebSocket, and leaves once it is open or refused."""
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        lines = [f"GET {path} HTTP/1.1", "Host: gateway.test", "Connection: Upgrade", "Upgrade: websocket"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        lines += [f"{name}: {value}" for name, value in pairs]
        return http1_request(self.gateway.port, "\r\n".join([*lines, "", ""]).encode("latin-1"))

    def record(self, answer: httpx.Response | RawResponse) -> dict[str, Any]:
        """The audit record of an answered request."""
        header = answer.header("x-request-id") if isinstance(answer, RawResponse) else answer.headers["x-request-id"]
        return self.gateway.audit(claimgate__request_id=header)

    def assert_untold(self) -> None:
        """No wasm VM trapped, and no secret shows anywhere."""
        assert self.gateway.envoy.crashes() == 0, self.gateway.envoy.log()[-2000:]
        assert_no_secret(self.gateway, self.secrets, self.answers)

    def close(self) -> None:
        self._client.close()


@contextmanager
def calling(
    configuration: Mapping[str, Any], simulator: Simulator, directory: Path, **options: Any
) -> Iterator[Caller]:
    """A caller of a new gateway; options as for `Gateway`. At the end nothing may have trapped or shown a secret."""
    with Gateway(configuration, simulator, directory, **options) as gateway:
        caller = Caller(gateway)
        yield caller
        caller.assert_untold()
        caller.close()


def chat_request(credential: str) -> bytes:
    """A chat by the bearer of this credential, as its bytes."""
    body = json.dumps(CHAT)
    lines = [f"POST {CHAT_PATH} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {credential}"]
    lines += ["content-type: application/json", f"content-length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def assert_refused(answer: httpx.Response, status: int, reason: str, note: str = "") -> dict[str, Any]:
    """Fails unless a refusal in OpenAI's dialect is whole: status, reason, ids, challenge, body. Gives its error."""
    said = (answer.status_code, answer.headers.get("x-claimgate-reason"))
    assert said == (status, reason), f"{note}: {said} {answer.text}"
    assert answer.headers["x-request-id"] and answer.headers["content-type"] == "application/json"
    assert_challenge(answer.headers.get("www-authenticate"), status, reason)
    error = answer.json()["error"]
    assert error["code"] == OPENAI_CODES.get(reason, reason)
    # The ids that a caller quotes to the operator.
    assert f"[{reason}, decision {answer.headers['x-claimgate-decision-id']}]" in error["message"]
    return error


def assert_challenge(challenge: str | None, status: int, reason: str) -> None:
    """RFC 6750 section 3: a 401 says how to authenticate, and an error code only where a credential was sent."""
    if status == 401:
        error = CHALLENGES.get(reason, "invalid_token")
        realm = PROOF_REALM if reason.startswith("dpop_") else REALM
        wanted = realm if error is None else f'{realm}, error="{error}", error_description="'
        assert challenge is not None and challenge.startswith(wanted), challenge
        assert error is not None or challenge == REALM
    elif reason == "ambiguous_credential":
        assert challenge is not None and 'error="invalid_request"' in challenge
    elif reason != "insufficient_scope":
        assert challenge is None

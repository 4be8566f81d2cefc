"""No credential may show anywhere but in the request that carries it: every place Envoy writes or shows is searched."""

from collections.abc import Iterable

import httpx

from .gateway import Gateway

SHORTEST = 12


def assert_no_secret(gateway: Gateway, secrets: Iterable[str], answers: Iterable[httpx.Response] = ()) -> None:
    """Fails where a secret, or a part of one that would be enough, stands in a log, a stat, the admin's pages or an
    answer. Of a token the claims and the signature are searched for too. A hash of a key is no secret."""
    needles = {needle for secret in secrets for needle in _telling_parts(secret)}
    assert needles, "nothing to search for"
    for place, text in {**_places(gateway), **_answers(answers)}.items():
        found = [needle for needle in needles if needle in text]
        assert not found, f"{place} shows {found}"


def _telling_parts(secret: str) -> list[str]:
    assert len(secret) >= SHORTEST, f"`{secret}` is too short to be told from other text"
    return [secret, *(part for part in secret.split(".")[1:] if len(part) >= SHORTEST)]


def _places(gateway: Gateway) -> dict[str, str]:
    envoy = gateway.envoy
    # A line is written when its request ends, and Envoy flushes files every few milliseconds.
    ended = envoy.stat("http.gateway.downstream_rq_total") - envoy.stat("http.gateway.downstream_rq_active")
    audit, access = envoy.audit_lines(ended), envoy.access_log_lines(ended)
    return {
        "Envoy's log": envoy.log(),
        "the audit log": "\n".join(audit),
        "the access log": "\n".join(str(line) for line in access),
        "the stats": envoy.admin("/stats"),
        "the Prometheus page": envoy.admin("/stats/prometheus"),
        "the configuration dump": envoy.admin("/config_dump?include_eds"),
        "the clusters page": envoy.admin("/clusters"),
        "the server's page": envoy.admin("/server_info"),
    }


def _answers(answers: Iterable[httpx.Response]) -> dict[str, str]:
    return {
        f"answer {number} ({answer.status_code} of {answer.request.url})": f"{answer.headers.raw}\n{answer.text}"
        for number, answer in enumerate(answers)
    }

"""Metadata servers of clouds, as strict as the real ones: Azure's IMDS and App Service, Google's, and the endpoint of AWS containers.
The clouds' own clients take them for the real ones (tests/e2e/test_machine_identities.py)."""

import json
import secrets
import threading
import time
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import evidence
from .evidence import Kind
from .ports import LOOPBACK

IMDS, APP_SERVICE = "/metadata/identity/oauth2/token", "/msi/token"
GOOGLE = "/computeMetadata/v1/instance/service-accounts/default/token"
CONTAINER = "/v1/credentials"
LIFE = 3600


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class MetadataServer:
    """All of them on one port. A token is the same until it is forgotten, as the real ones keep theirs."""

    def __init__(self, identity_header: str, pod_token: str) -> None:
        self.asked: list[Asked] = []
        self.tokens: dict[str, str] = {}
        # The shape of AWS's own, which nobody has.
        self.aws = {"AccessKeyId": "ASIAEXAMPLE0000000000", "SecretAccessKey": _secret("aws-secret"), "Token": _secret("aws-session")}
        self._identity_header, self._pod_token = identity_header, pod_token
        self._made: dict[str, int] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, document = owner._answer(self.path, {name.lower(): value for name, value in self.headers.items()})
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                # Google's clients want to see it.
                self.send_header("metadata-flavor", "Google")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def clear(self) -> None:
        self.asked, self.tokens = [], {}

    def _answer(self, target: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.asked.append(Asked(url.path, query, headers))
        if "x-forwarded-for" in headers:
            return 400, {"error": "invalid_request", "error_description": "not through a proxy"}
        match url.path:
            case path if path == IMDS:
                if headers.get("metadata") != "true" or query.get("api-version") != "2018-02-01" or "resource" not in query:
                    return 400, {"error": "bad_request_102", "error_description": "Required metadata header not specified"}
                return 200, self._azure(query, "2018-02-01")
            case path if path == APP_SERVICE:
                if headers.get("x-identity-header") != self._identity_header:
                    return 401, {"statusCode": 401, "message": "not this application"}
                if query.get("api-version") != "2019-08-01":
                    return 400, {"statusCode": 400, "message": "no such version"}
                return 200, self._azure(query, "2019-08-01")
            case path if path == GOOGLE:
                if headers.get("metadata-flavor") != "Google":
                    return 403, {"error": "forbidden"}
                return 200, {"access_token": self._token(target), "expires_in": LIFE, "token_type": "Bearer"}
            case path if path == CONTAINER:
                if headers.get("authorization") != self._pod_token:
                    return 401, {"message": "no pod"}
                expires = datetime.fromtimestamp(time.time() + LIFE, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                return 200, {**self.aws, "Expiration": expires}
            case path if f"{path}token" == GOOGLE and headers.get("metadata-flavor") == "Google":
                # What Google's client asks for first.
                return 200, {"email": "gate@acme-prod.iam.gserviceaccount.test", "scopes": []}
        return 404, {"error": "not_found"}

    def _azure(self, query: dict[str, str], version: str) -> dict[str, Any]:
        named = f"{query['resource']} {query.get('client_id', '')}"
        token = self._token(named)
        made = self._made.setdefault(token, int(time.time()))
        # IMDS counts from when the token was made, which it keeps.
        times = {"expires_on": str(made + LIFE), "not_before": str(made)} | ({"expires_in": str(LIFE)} if version < "2019" else {})
        return {"access_token": token, "resource": query["resource"], "token_type": "Bearer", **times}

    def _token(self, name: str) -> str:
        return self.tokens.setdefault(name, _secret("machine-token"))

    def __enter__(self) -> "MetadataServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _secret(name: str) -> str:
    secret = f"{name}-{secrets.token_hex(16)}"
    evidence.register(Kind.PROVIDER_CREDENTIAL, secret)
    return secret

"""A gateway under test: a configuration as a plain document, real credentials for it, and Envoy running it."""

import base64
import copy
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import ecds, evidence
from .bootstrap import Document, gateway_bootstrap, on_clusters
from .dialects import VERTEX_LOCATION, VERTEX_PROJECT
from .envoy import Envoy
from .evidence import Kind
from .host import AT_CLUSTER, MODULE_FILE, filter_config
from .simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
# `make test` names the one that it has built.
COMMAND = Path(os.environ.get("CLAIMGATE_COMMAND", ROOT / "target" / "release" / "claimgate"))
ISSUER = "https://login.test/"
AUDIENCE = "claimgate"

PROVIDER_CREDENTIALS = {
    "OPENAI_API_KEY": "provider-secret-openai",
    "AZURE_OPENAI_API_KEY": "provider-secret-azure",
    "ANTHROPIC_API_KEY": "provider-secret-anthropic",
    "GEMINI_API_KEY": "provider-secret-gemini",
    "BEDROCK_API_KEY": "provider-secret-bedrock",
    "VERTEX_TOKEN": "provider-secret-vertex",
}


def base64url(content: bytes) -> str:
    """Without padding, as JOSE has it (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def hash_of(key: str) -> str:
    """The `hash` of a key entry. Whatever key has one must not show."""
    evidence.register(Kind.API_KEY, key)
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def key_entry(name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """An API key and its configuration entry."""
    key = f"test-key-{name}-{os.urandom(16).hex()}"
    entry = {"id": name, "hash": hash_of(key), "project": "search", "service_account": f"{name}-account"}
    return key, {**entry, **fields}


class Signer:
    """One private key of an issuer, that signs tokens."""

    def __init__(self, algorithm: str = "ES256", kid: str = "k1") -> None:
        self.algorithm, self.kid = algorithm, kid
        if algorithm == "EdDSA":
            self.private: Any = ed25519.Ed25519PrivateKey.generate()
        elif algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == "ES384":
            self.private = ec.generate_private_key(ec.SECP384R1())
        elif algorithm == "ES512":
            self.private = ec.generate_private_key(ec.SECP521R1())
        else:
            self.private = rsa.generate_private_key(65537, 2048)
        evidence.register(Kind.PRIVATE_KEY, *private_parts(self.private))

    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517)."""
        public = self.private.public_key()
        common = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if isinstance(public, ed25519.Ed25519PublicKey):
            return {**common, "kty": "OKP", "crv": "Ed25519", "x": base64url(public.public_bytes_raw())}
        numbers = public.public_numbers()
        if isinstance(numbers, ec.EllipticCurvePublicNumbers):
            size = (public.key_size + 7) // 8
            point = {"x": base64url(numbers.x.to_bytes(size)), "y": base64url(numbers.y.to_bytes(size))}
            return {**common, "kty": "EC", "crv": f"P-{public.key_size}", **point}
        modulus = base64url(numbers.n.to_bytes(public.key_size // 8))
        return {**common, "kty": "RSA", "n": modulus, "e": base64url(numbers.e.to_bytes(3))}

    def private_jwk(self) -> str:
        """The private key of an EdDSA signer (RFC 8037), as the gateway's environment has it."""
        public = self.jwk()
        key = {name: public[name] for name in ("kty", "crv", "kid", "x")}
        return json.dumps({**key, "d": base64url(self.private.private_bytes_raw())})

    def token(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A signed token that is valid now but for what `header` and `claims` change; None removes."""
        token = self.one_of_many(header, **claims)
        evidence.register(Kind.TOKEN, token)
        return token

    def one_of_many(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """The same, where there are so many that the run is not searched for each."""
        now = int(time.time())
        standard = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 300}
        body = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return self._signed(json.dumps(head).encode(), json.dumps(body).encode())

    def compact(self, header: bytes, claims: bytes) -> str:
        """A signed token of exactly these bytes (RFC 7515 section 3.1)."""
        token = self._signed(header, claims)
        evidence.register(Kind.TOKEN, token)
        return token

    def _signed(self, header: bytes, claims: bytes) -> str:
        signed = f"{base64url(header)}.{base64url(claims)}"
        return f"{signed}.{base64url(self._sign(signed.encode()))}"

    def _sign(self, signed: bytes) -> bytes:
        if self.algorithm == "EdDSA":
            return self.private.sign(signed)
        size = self.algorithm[2:]
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[size]
        if self.algorithm.startswith("ES"):
            r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(digest)))
            half = (self.private.key_size + 7) // 8
            return r.to_bytes(half) + s.to_bytes(half)
        if self.algorithm.startswith("PS"):
            salted = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return self.private.sign(signed, salted, digest)
        return self.private.sign(signed, padding.PKCS1v15(), digest)


def google_key_file(signer: Signer, email: str = "gate@acme-prod.iam.gserviceaccount.test") -> str:
    """The key file of a service account whose key this is (RS256)."""
    pem = signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = {"type": "service_account", "private_key_id": signer.kid, "private_key": pem, "client_email": email}
    return json.dumps(file)


def private_parts(key: Any) -> list[str]:
    """The private number as a JWK has it (RFC 7518 section 6), and the lines of the PEM file that hold such numbers."""
    form, no_password = PrivateFormat.PKCS8, NoEncryption()
    # The first line is mostly the name of the algorithm.
    lines = key.private_bytes(Encoding.PEM, form, no_password).decode().splitlines()[2:-1]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return [base64url(key.private_bytes_raw()), *lines]
    numbers = key.private_numbers()
    number = numbers.d if isinstance(numbers, rsa.RSAPrivateNumbers) else numbers.private_value
    return [base64url(number.to_bytes((number.bit_length() + 7) // 8)), *lines]


def issuer_entry(*signers: Signer, **fields: Any) -> dict[str, Any]:
    """An issuer with inline keys."""
    algorithms = sorted({signer.algorithm for signer in signers})
    keys = {"inline": {"keys": [signer.jwk() for signer in signers]}}
    mapping = {"tenant": "has(claims.tenant) ? claims.tenant : null"}
    entry = {"issuer": ISSUER, "audiences": [AUDIENCE], "algorithms": algorithms, "jwks": keys, "principal": mapping}
    return {**entry, **fields}


def rule(name: str, expression: str, **fields: Any) -> dict[str, Any]:
    """A rule with its text, as the bundle holds it."""
    return {"file": f"{name}.cel", "expression": expression, **fields}


def upstream_entries() -> list[dict[str, Any]]:
    """All six providers, each behind its prefix with a shared credential."""
    names = zip(("openai", "azure", "anthropic", "gemini", "bedrock", "vertex"), PROVIDER_CREDENTIALS, strict=True)
    own = {"vertex": {"projects": [VERTEX_PROJECT], "locations": [VERTEX_LOCATION]}}
    return [
        {"cluster": name, "dialect": name, "path_prefix": f"/{name}", "credential": {"env": variable}}
        | own.get(name, {})
        for name, variable in names
    ]


def document(**sections: Any) -> dict[str, Any]:
    """A configuration that admits everybody it knows, with sections replaced."""
    plain = {"policies": [rule("everybody", "true")], "upstreams": upstream_entries()}
    return copy.deepcopy({**plain, **sections})


def environment_keys(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """The variables that the configuration names."""
    names: list[str] = []
    for upstream in configuration["upstreams"]:
        credential = upstream["credential"]
        if isinstance(credential, dict):
            per_tenant, own = credential.get("per_tenant", {}), credential.get("own", {})
            sources = [per_tenant.get("fallback"), own.get("fallback"), *per_tenant.get("tenants", {}).values()]
            names += [credential.get("env"), *(source for source in sources if not isinstance(source, dict))]
    asking = [issuer["introspection"] for issuer in configuration.get("issuers", ()) if "introspection" in issuer]
    names += [introspection["client_secret"]["env"] for introspection in asking]
    names += _variables(configuration.get("credentials", ()))
    return tuple(sorted({name for name in [*names, *signing_keys(configuration)] if name}))


def _variables(document: Any) -> list[str]:
    """The variable of each `env` in it."""
    if isinstance(document, dict):
        return [document["env"]] if "env" in document else _variables(list(document.values()))
    return [name for entry in document for name in _variables(entry)] if isinstance(document, (list, tuple)) else []


def signing_keys(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """The variables that hold keys of the gateway's own, for its tokens, for users' keys and for the nonces of proofs."""
    tokens, proofs = configuration.get("tokens") or {}, configuration.get("dpop") or {}
    keys = [tokens[name] for name in ("signing_key", "other_key") if tokens.get(name)]
    keys += [proofs["nonce_key"]] if proofs.get("nonce_key") else []
    own = configuration.get("own_keys") or {}
    keys += [own["sealing_key"], *own.get("other_sealing_keys", [])] if own else []
    feed = own.get("feed") or {}
    keys += [feed["key"], *feed.get("other_keys", [])] if feed else []
    return tuple(key["env"] for key in keys)


def half_at_cluster(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The half of the filter that runs on clusters."""
    keys = environment_keys(configuration)
    typed = filter_config(json.dumps(configuration), environment_keys=keys, name=AT_CLUSTER)
    return {"name": AT_CLUSTER, "typed_config": typed}


def with_half_at_cluster(
    configuration: Mapping[str, Any], simulator: Simulator, directory: Path, *, but: Sequence[str] = (), **options: Any
) -> Document:
    """A bootstrap with both halves of one configuration, the second on every cluster but these; options as for `bootstrap`."""
    file = directory / "claimgate.json"
    keys = environment_keys(configuration)
    typed = filter_config(json.dumps(configuration), environment_keys=keys)
    ecds.move_into_place(file, ecds.discovery_response(typed, "1"))
    # Envoy leads the gateway's own questions through the filters of their cluster, too.
    return on_clusters(gateway_bootstrap(simulator.ports, directory, file, **options), half_at_cluster(configuration), but=but)


class Gateway:
    """Envoy with the compiled filter and one configuration, in front of the simulator."""

    def __init__(
        self,
        configuration: Mapping[str, Any],
        simulator: Simulator,
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        plugin: Mapping[str, Any] | None = None,
        module_file: Path = MODULE_FILE,
        concurrency: int = 2,
        binary: Path | None = None,
        **options: Any,
    ) -> None:
        self.file = directory / "ecds" / "claimgate.json"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._plugin, self._module_file = plugin, module_file
        self._environment = {**PROVIDER_CREDENTIALS, **(environment or {})}
        self._version = 0
        ecds.move_into_place(self.file, ecds.discovery_response(self._typed(configuration), "1"))
        bootstrap = gateway_bootstrap(simulator.ports, directory, self.file, **options)
        environment = self._environment
        self.envoy = Envoy(bootstrap, directory, concurrency=concurrency, environment=environment, binary=binary)
        if not ecds.applied_version(self.envoy):
            log = self.envoy.log()
            self.envoy.stop()
            raise RuntimeError(f"the gateway's configuration was refused:\n{log[-2000:]}")

    def _typed(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        keys = environment_keys(configuration)
        text = json.dumps(configuration)
        return filter_config(text, environment_keys=keys, plugin=self._plugin, module_file=self._module_file)

    def reload(self, configuration: Mapping[str, Any]) -> ecds.Reload:
        """Moves another configuration into place."""
        return ecds.reload(self.envoy, self.file, self._typed(configuration))

    @property
    def url(self) -> str:
        return self.envoy.url

    @property
    def port(self) -> int:
        return self.envoy.port

    def records(self) -> list[dict[str, Any]]:
        """The audit records so far, oldest first."""
        return [json.loads(line) for line in self.envoy.audit_lines() if line != "-"]

    def audit(self, **wanted: Any) -> dict[str, Any]:
        """Waits for the latest record whose fields have these values; `__` in a name stands for a point."""
        fields = {name.replace("__", "."): value for name, value in wanted.items()}
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for record in reversed(self.records()):
                if all(record.get(name) == value for name, value in fields.items()):
                    return record
            time.sleep(0.05)
        raise TimeoutError(f"no record with {fields}; the latest are {self.records()[-3:]}")

    def stop(self) -> None:
        self.envoy.stop()

    def __enter__(self) -> "Gateway":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

"""A certificate authority for one run, and what it certifies: a server, and clients."""

import datetime
import hashlib
import ipaddress
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .gateway import base64url
from .ports import LOOPBACK

DAY = datetime.timedelta(days=1)


class Certificate:
    """A certificate with its private key, as files in PEM."""

    def __init__(self, directory: Path, name: str, issuer: "Certificate | None" = None, *, days: int = 1) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).public_key(self.private.public_key())
        builder = builder.issuer_name(issuer.certificate.subject if issuer else subject)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - DAY).not_valid_after(now + days * DAY)
        names = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        # RFC 5280 section 4.2.1 wants these three, and Python from 3.13 on takes no certificate without them.
        own, signing = self.private.public_key(), (issuer or self).private.public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
        builder = builder.add_extension(_usage(signs_certificates=issuer is None), critical=True)
        self.certificate = builder.sign(issuer.private if issuer else self.private, hashes.SHA256())
        self.file, self.key_file = directory / f"{name}.pem", directory / f"{name}.key.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        self.key_file.write_bytes(self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the DER."""
        return hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).digest()

    @property
    def thumbprint(self) -> str:
        """As tokens have it in `x5t#S256` (RFC 8705 section 3.1)."""
        return base64url(self.digest)


class Authority:
    """Certifies one server and as many clients as a test needs."""

    def __init__(self, directory: Path, *, days: int = 1) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._days = directory, days
        self._root = Certificate(directory, "authority", days=days)
        self._server = self.certify("server")

    @property
    def file(self) -> Path:
        """What a client must trust."""
        return self._root.file

    def certify(self, name: str) -> Certificate:
        return Certificate(self._directory, name, self._root, days=self._days)

    def transport_socket(self, *, client_certificate: str = "optional") -> dict[str, Any]:
        """A listener's: `optional` takes connections without a certificate too, `required` does not."""
        server = {"certificate_chain": file(self._server.file), "private_key": file(self._server.key_file)}
        context = {
            "tls_certificates": [server],
            "validation_context": {"trusted_ca": file(self._root.file)},
        }
        return {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": context,
                "require_client_certificate": client_certificate == "required",
            },
        }

    def client(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        """What a client needs that shows this certificate, or none."""
        context = ssl.create_default_context(cafile=str(self._root.file))
        if certificate is not None:
            context.load_cert_chain(certificate.file, certificate.key_file)
        return context


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    never = dict.fromkeys([*others, "encipher_only", "decipher_only"], False)
    return x509.KeyUsage(digital_signature=not signs_certificates, key_cert_sign=signs_certificates, **never)


def file(path: Path) -> dict[str, str]:
    return {"filename": str(path)}

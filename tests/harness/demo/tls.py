"""The demo's certificates: an authority of this checkout's own and the server's, made when they are asked for first."""

import datetime
import fcntl
import shutil
from pathlib import Path

from cryptography import x509

from ..certificates import Authority
from .layout import CERTIFICATES

DAYS = 30
LEFT = datetime.timedelta(days=2)
"""Less than that is too short for a demo that begins now."""
SERVER = ("server.pem", "server.key.pem")
"""As `envoy/envoy.yaml` names them."""


def trusted() -> Path:
    """What a client must trust; the files stay, so that whoever has trusted it once need not do it again."""
    authority = CERTIFICATES / "authority.pem"
    CERTIFICATES.parent.mkdir(parents=True, exist_ok=True)
    with CERTIFICATES.with_suffix(".lock").open("w") as lock:
        # Two demos may begin at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made(authority)


def _made(authority: Path) -> Path:
    if not _lasts(authority) or not all((CERTIFICATES / name).exists() for name in SERVER):
        shutil.rmtree(CERTIFICATES, ignore_errors=True)
        return Authority(CERTIFICATES, days=DAYS).file
    return authority


def give_server(directory: Path) -> None:
    """Puts the server's files into the directory that Envoy reads them from."""
    trusted()
    directory.mkdir(parents=True, exist_ok=True)
    for name in SERVER:
        shutil.copy(CERTIFICATES / name, directory / name)


def _lasts(file: Path) -> bool:
    if not file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > LEFT

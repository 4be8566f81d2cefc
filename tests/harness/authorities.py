"""The authorities that a test's own HTTP clients trust: one, instead of those of the whole world.

Each client of `httpx` reads them all when it is made, which takes 50 ms of CPU; no test meets a server of theirs.
"""

from pathlib import Path

import certifi

END = "-----END CERTIFICATE-----\n"


def trust_one(directory: Path) -> None:
    """For this process alone: what it starts may have to download."""
    first, end, _ = certifi.contents().partition(END)
    file = directory / "authority.pem"
    file.write_text(first + end)
    certifi.where = lambda: str(file)

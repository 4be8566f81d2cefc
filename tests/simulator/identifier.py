"""Fresh identifiers in the providers' spelling."""

import time
import uuid


def fresh(prefix: str) -> str:
    """A prefix and 24 random hexadecimal digits."""
    return prefix + uuid.uuid4().hex[:24]


def now() -> int:
    """Seconds since the epoch, for `created` fields."""
    return int(time.time())

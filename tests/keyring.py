"""Keys for tests, and what a service needs to know of them."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Made(NamedTuple):
    """A key and its entry in the file of keys."""

    key: str
    entry: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def made(name: str, *scopes: str, **limits: int) -> Made:
    """A key that is the same in each run, and in nothing that a test looks at by chance."""
    key = f"mk_{name}-zebra4711"
    lines = [
        f"[{name}]",
        f'sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"',
        f"scopes = {list(scopes)}",
        *(f"{limit} = {value}" for limit, value in limits.items()),
    ]
    return Made(key, "\n".join(lines) + "\n")

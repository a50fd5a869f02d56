"""Who may ask for what, and how often; told by the head of a request."""

from __future__ import annotations

import math
from pathlib import Path

from service.errors import Forbidden, RateLimited, Unauthorized
from service.exchange import Exchange, Header
from service.keys import Key, Keys, Scope, find_key
from service.quota import Quota, Spent

# For everybody. All else needs a key where there are keys, also what has yet to be written.
PUBLIC = {"/", "/docs", "/openapi.json", "/models"}
PUBLIC_FOLDERS = ("/page/", "/models/", "/health/", "/docs/", "/static-offline-docs/")

NONE: frozenset[Scope] = frozenset()
PREDICT: frozenset[Scope] = frozenset({"predict"})
ADMIN: frozenset[Scope] = frozenset({"admin"})
ANY = PREDICT | ADMIN

EXPECTED = "A key was expected, as Authorization: Bearer KEY"


def needed_scopes(path: str) -> frozenset[Scope]:
    """One of these is needed there; where there are none, no key is."""
    if path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
        return NONE
    if path == "/metrics":
        return ANY
    return ADMIN if path.startswith("/admin") else PREDICT


class Access:
    """What the gate asks before anything else."""

    def __init__(self, keys: Keys, shared: Path) -> None:
        """`shared` is a folder that the other workers use, too."""
        self.keys = keys
        self._limits = {
            name: _Limit(key, key.per_minute, shared / f"quota_{name}")
            for name, key in keys.items()
            if key.per_minute
        }

    async def admit(self, exchange: Exchange) -> None:
        """Raises Unauthorized, Forbidden or RateLimited. Each request with a key, whatever becomes
        of it, counts as one."""
        needed = needed_scopes(exchange.scope["path"])
        if not needed:
            return
        if not self.keys:
            # Else any page open in a browser on this machine could ask for it. Only POST does
            # anything there; of other methods the routes say so.
            if needed is ADMIN and exchange.scope["method"] == "POST":
                raise Forbidden(
                    "This needs a key of scope admin, and no keys are configured. "
                    "SIGHUP to the service does the same."
                )
            return
        name = self._name(exchange.found.get(b"authorization"))
        exchange.key = name
        if limit := self._limits.get(name):
            await limit.spend(exchange)
        if needed.isdisjoint(self.keys[name].scopes):
            raise Forbidden(f"This needs a key of scope {' or '.join(sorted(needed))}.")

    def _name(self, authorization: bytes | None) -> str:
        if authorization is None:
            raise Unauthorized(f"{EXPECTED}; none came.")
        scheme, _, sent = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthorized(f"{EXPECTED}; another form came.")
        name = find_key(self.keys, sent.strip())
        if name is None:
            raise Unauthorized("This key is not known.")
        return name


class _Limit:
    """The quota of one key as HTTP tells it (draft-ietf-httpapi-ratelimit-headers-11)."""

    def __init__(self, key: Key, per_minute: int, file: Path) -> None:
        self._quota = Quota(file, per_minute, key.burst or per_minute)
        self._per_minute = per_minute
        self._policy = b"ratelimit-policy", b'"default";q=%d;w=60' % per_minute

    async def spend(self, exchange: Exchange) -> None:
        """Take a token, and have the answer tell how many are left; raises RateLimited."""
        spent = await self._quota.spend()
        exchange.quota = (self._policy, _told(spent))
        if not spent.granted:
            raise RateLimited(
                f"This key may ask {self._per_minute} times a minute.",
                retry_after_ms=math.ceil(spent.wait / 1_000_000),
            )


def _told(spent: Spent) -> Header:
    """`r` are left, and there is one more after `t` seconds, rounded up as in Retry-After."""
    return b"ratelimit", b'"default";r=%d;t=%d' % (spent.left, math.ceil(spent.wait / 1e9))

"""The keys that clients may ask with: which there are, and python -m service.keys to make one.

A key is 32 random bytes, so that its plain SHA-256 tells nothing of it: there are too many to try.
What is slow or salted on purpose is for passwords, which people choose.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import secrets
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from service.errors import KeysError
from service.settings import Settings

PREFIX = "mk_"  # by which a key can be found where it should not be

Scope = Literal["predict", "admin"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


def _digest(value: object) -> bytes:
    """What is wrong is told without what came: that may be a key."""
    try:
        digest = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise PydanticCustomError("digest", "must be the 64 hexadecimal digits of a SHA-256")
    return digest


class Key(BaseModel):
    """What is known of a key: its SHA-256, what it may do, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sha256: Annotated[bytes, BeforeValidator(_digest), Field(repr=False)]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    per_minute: Count | None = None
    burst: Count | None = None


Keys = Mapping[str, Key]  # by name

_ENTRIES = TypeAdapter(dict[Name, Key], config=ConfigDict(hide_input_in_errors=True))


def load_keys(settings: Settings) -> Keys:
    """The keys that are configured, if any; raises KeysError."""
    if settings.keys is not None and settings.keys_file is not None:
        raise KeysError("keys and keys_file are both set, and one was expected")
    if settings.keys_file is not None:
        return _parse(f"keys_file {settings.keys_file}", _read(settings.keys_file))
    return {} if settings.keys is None else _parse("keys", settings.keys)


def open_to_others(settings: Settings) -> bool:
    """Whether users other than its owner may read the file of keys."""
    return settings.keys_file is not None and bool(settings.keys_file.stat().st_mode & 0o077)


def find_key(keys: Keys, sent: bytes) -> str | None:
    """The name of the key that was sent. Takes as long whichever it is, and if it is none."""
    digest = hashlib.sha256(sent).digest()
    found = None
    for name, key in keys.items():
        if hmac.compare_digest(digest, key.sha256):
            found = name
    return found


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise KeysError(f"keys_file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeysError(f"keys_file {file}: not UTF-8") from error


def _parse(source: str, text: str) -> Keys:
    """`source` names in errors where the text stands."""
    try:
        keys = _ENTRIES.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise KeysError(f"{source}: not TOML: {error}") from error
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise KeysError(f"{source}: {'; '.join(wrong)}") from None
    if not keys:
        raise KeysError(f"{source}: no key in it")
    names: dict[bytes, str] = {}
    for name, key in keys.items():
        if (other := names.setdefault(key.sha256, name)) != name:
            raise KeysError(f"{source}: {other} and {name} are the same key")
        if key.burst and not key.per_minute:
            raise KeysError(f"{source}: {name} has burst, but no per_minute")
    return keys


def main() -> None:
    """Make a key: its entry goes to standard output, itself to standard error, and nowhere else."""
    parser = argparse.ArgumentParser("python -m service.keys", description="Make a key.")
    parser.add_argument("name", help="whose it is, as metrics will tell it")
    parser.add_argument("--scopes", default="predict", help="predict, admin or predict,admin")
    parser.add_argument("--per-minute", type=int, help="requests that it may make, if not all")
    parser.add_argument("--burst", type=int, help="how many of them at once, if not all")
    arguments = parser.parse_args()
    key = PREFIX + secrets.token_urlsafe(32)
    scopes = ", ".join(f'"{each.strip()}"' for each in arguments.scopes.split(","))
    lines = [
        f"[{arguments.name}]",
        f'sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"',
        f"scopes = [{scopes}]",
    ]
    lines += [
        f"{name} = {value}"
        for name in ("per_minute", "burst")
        if (value := getattr(arguments, name)) is not None
    ]
    entry = "\n".join(lines) + "\n"
    try:
        _parse("this key", entry)
    except KeysError as error:
        parser.error(str(error))
    sys.stderr.write(f"{key}\nis the key, told this once. For the file of keys:\n")
    sys.stdout.write(entry)


if __name__ == "__main__":
    main()

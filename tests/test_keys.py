"""Keys: how they are made, written down, read and told apart."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from service.errors import KeysError
from service.keys import find_key, load_keys
from service.settings import Settings
from tests.keyring import made
from tests.running import DEADLINE, ROOT, run_to_its_end

APP = made("app", "predict", per_minute=600, burst=60)
OPERATOR = made("operator", "predict", "admin")
BOTH = APP.entry + OPERATOR.entry
HASH = APP.sha256

BAD = {
    "nothing": "",
    "blanks": " \n# none yet\n",
    "no TOML": "[app",
    "a NUL": "\0",
    "a key twice": APP.entry + APP.entry,
    "no table": f'app = "{HASH}"',
    "no hash": '[app]\nscopes = ["predict"]',
    "no scopes": f'[app]\nsha256 = "{HASH}"',
    "another field": APP.entry + "expires = 2030-01-01",
    "another hash": APP.entry.replace("sha256", "sha512"),
    "half a hash": APP.entry.replace(HASH, HASH[:32]),
    "the key itself": APP.entry.replace(HASH, APP.key),
    "a number as hash": APP.entry.replace(f'"{HASH}"', "17"),
    "an empty scope": APP.entry.replace("predict", ""),
    "another scope": APP.entry.replace("predict", "root"),
    "no scope": APP.entry.replace("'predict'", ""),
    "scopes as text": APP.entry.replace("['predict']", "'predict'"),
    "no request": APP.entry.replace("= 600", "= 0"),
    "less than none": APP.entry.replace("= 600", "= -1"),
    "half a request": APP.entry.replace("= 600", "= 0.5"),
    "a truth": APP.entry.replace("= 600", "= true"),
    "a number as text": APP.entry.replace("= 600", "= '600'"),
    "too many": APP.entry.replace("= 600", "= 1_000_001"),
    "no burst": APP.entry.replace("= 60\n", "= 0\n"),
    "burst of nothing": APP.entry.replace("per_minute = 600", ""),
    "a name with a dot": APP.entry.replace("[app]", "['my.app']"),
    "a name with a slash": APP.entry.replace("[app]", "['../app']"),
    "no name": APP.entry.replace("[app]", "['']"),
    "a long name": APP.entry.replace("[app]", f"[{'a' * 65}]"),
    "two alike": APP.entry + APP.entry.replace("[app]", "[web]"),
}


def make_key(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.keys", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def test_without_the_settings_there_are_no_keys() -> None:
    assert load_keys(Settings()) == {}


def test_file_and_text_are_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(BOTH)
    keys = load_keys(Settings(keys_file=file))
    assert keys == load_keys(Settings(keys=BOTH))
    assert keys["app"].sha256.hex() == HASH
    assert keys["app"].scopes == {"predict"}
    assert (keys["app"].per_minute, keys["app"].burst) == (600, 60)
    assert keys["operator"].scopes == {"predict", "admin"}
    assert keys["operator"].per_minute is None


def test_hash_may_be_written_in_capitals() -> None:
    keys = load_keys(Settings(keys=APP.entry.replace(HASH, HASH.upper())))
    assert keys == load_keys(Settings(keys=APP.entry))


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_refused_without_being_repeated(what: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(BAD[what])
    for settings in (Settings(keys=BAD[what]), Settings(keys_file=file)):
        with pytest.raises(KeysError) as refused:
            load_keys(settings)
        said = str(refused.value)
        assert said.startswith("keys")
        assert "\n" not in said
        for secret in (HASH, HASH[:32], APP.key):
            assert secret not in said
        assert refused.value.__cause__ is None or HASH[:32] not in str(refused.value.__cause__)


def test_error_names_the_key_and_the_field() -> None:
    with pytest.raises(KeysError, match=r"^keys: app\.burst: .*; operator\.scopes: "):
        load_keys(Settings(keys=APP.entry.replace("60\n", "0\n") + "[operator]\nscopes = 1"))
    with pytest.raises(KeysError, match="app and web are the same key"):
        load_keys(Settings(keys=BAD["two alike"]))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_bytes(BOTH.encode("utf-16"))
    for name, why in (("none", "No such file"), ("", "Is a directory"), ("keys.toml", "UTF-8")):
        with pytest.raises(KeysError, match=why):
            load_keys(Settings(keys_file=tmp_path / name))


def test_only_one_place_may_hold_keys(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="both set"):
        load_keys(Settings(keys_file=tmp_path, keys=BOTH))


def test_each_key_is_found_by_itself_and_by_nothing_else() -> None:
    keys = load_keys(Settings(keys=BOTH))
    for name, one in (("app", APP), ("operator", OPERATOR)):
        assert find_key(keys, one.key.encode()) == name
        for near in (one.key[:-1], one.key + "a", one.key.upper(), one.sha256, name, ""):
            assert find_key(keys, near.encode()) is None
    assert find_key(keys, b"\xff\0" * 10_000) is None


@pytest.mark.parametrize("sent", [APP.key, OPERATOR.key, "unknown"])
def test_what_was_sent_is_compared_with_every_hash(
    sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In constant time, which is no test's to measure."""
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    keys = load_keys(Settings(keys=BOTH))
    monkeypatch.setattr(hmac, "compare_digest", compare)
    find_key(keys, sent.encode())
    assert compared == [key.sha256 for key in keys.values()]


def test_keys_do_not_show_their_hashes() -> None:
    keys = load_keys(Settings(keys=BOTH))
    assert HASH not in repr(keys)
    assert repr(keys["app"].sha256) not in repr(keys)


def test_key_is_made_and_told_once_apart_from_its_entry() -> None:
    told = make_key("app", "--scopes", "predict,admin", "--per-minute", "600", "--burst", "60")
    assert told.returncode == 0
    key = told.stderr.split()[0]
    assert key.startswith("mk_")
    assert len(key) == 3 + 43  # 32 bytes
    assert tomllib.loads(told.stdout) == {
        "app": {
            "sha256": hashlib.sha256(key.encode()).hexdigest(),
            "scopes": ["predict", "admin"],
            "per_minute": 600,
            "burst": 60,
        }
    }
    assert key not in told.stdout
    assert find_key(load_keys(Settings(keys=told.stdout)), key.encode()) == "app"


def test_no_key_is_made_twice_and_the_entries_go_into_one_file() -> None:
    made_twice = [make_key(name) for name in ("one", "two")]
    keys = load_keys(Settings(keys="".join(each.stdout for each in made_twice)))
    assert keys.keys() == {"one", "two"}
    assert all(key.scopes == {"predict"} and key.per_minute is None for key in keys.values())


@pytest.mark.parametrize(
    "arguments",
    [
        ["my app"],
        ["app", "--scopes", "root"],
        ["app", "--scopes", ""],
        ["app", "--per-minute", "0"],
        ["app", "--burst", "5"],
        ["app", "--per-minute", "many"],
    ],
)
def test_key_that_could_not_be_used_is_not_made(arguments: list[str]) -> None:
    told = make_key(*arguments)
    assert (told.returncode, told.stdout) == (2, "")
    assert "mk_" not in told.stderr


@pytest.mark.parametrize("what", ["nothing", "the key itself", "two alike"])
def test_service_does_not_start_with_keys_that_cannot_be_used(what: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(BAD[what])
    ended = run_to_its_end("--port", "0", "--keys-file", str(file))
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"service: keys_file {file}: ")
    assert HASH not in line
    assert APP.key not in line

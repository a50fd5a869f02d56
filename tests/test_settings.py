"""What an operator can set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_settings import CliApp

from service.cpus import allowed_cpus
from service.settings import Settings

# One value for each field, other than its default and within its limits.
OTHER = {
    "host": "0.0.0.0",  # noqa: S104 - nothing listens
    "allow_no_keys": True,
    "port": 0,
    "workers": 10_007,
    "models_dir": Path("other models"),
    "pinned": "sentiment/2,digits/10",
    "deadline_ms": 1,
    "queue_limit_ms": 1,
    "max_batch": 1,
    "max_body_bytes": 1,
    "max_bodies_bytes": 1,
    "notice_seconds": 0.5,
    "max_connections": 1,
    "head_seconds": 1,
    "body_seconds": 1,
    "send_seconds": 1,
    "idle_seconds": 1,
    "tls_cert": Path("certificate.pem"),
    "tls_key": Path("key.pem"),
    "tls_key_password": "secret",
    "trusted_proxies": "10.0.0.0/8, ::1",
    "drain_seconds": 1,
    "keys_file": Path("keys.toml"),
    "keys": '[some]\nsha256 = "..."\n',
    "log_format": "json",
    "log_level": "error",
    "access_log": False,
    "trace_endpoint": "https://collector.example:4318/v1/traces",
    "trace_share": 0.5,
}
BAD: list[tuple[str, object]] = [
    ("port", -1),
    ("port", 65_536),
    ("port", "http"),
    ("port", ""),
    ("workers", 0),
    ("deadline_ms", 0),
    ("deadline_ms", 0.5),
    ("queue_limit_ms", 0),
    ("max_batch", 0),
    ("max_body_bytes", 0),
    ("max_bodies_bytes", 0),
    ("pinned", "another/1"),
    ("pinned", "digits"),
    ("pinned", "digits/0"),
    ("pinned", "digits/1,"),
    ("pinned", "digits/1, sentiment/1"),
    ("pinned", "digits/1,digits/2"),
    ("notice_seconds", -1),
    ("notice_seconds", "nan"),
    ("notice_seconds", "inf"),
    ("max_connections", 0),
    ("head_seconds", 0),
    ("body_seconds", 0),
    ("send_seconds", 0),
    ("idle_seconds", 0),
    ("trusted_proxies", "*"),
    ("trusted_proxies", "10.0.0.1/8"),  # which of both is meant?
    ("drain_seconds", 0),
    ("log_format", "xml"),
    ("log_level", "loud"),
    ("access_log", "perhaps"),
    ("trace_endpoint", "collector:4318"),
    ("trace_share", -0.1),
    ("trace_share", 1.1),
]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("SERVICE_"):
            monkeypatch.delenv(name)


def variable(field: str) -> str:
    return f"SERVICE_{field.upper()}"


def option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def from_command_line(*arguments: str) -> Settings:
    return CliApp.run(Settings, cli_args=list(arguments))


def refused_field(error: ValidationError) -> tuple[int | str, ...]:
    [only] = error.errors()
    return only["loc"]


def test_every_field_is_set_here_to_something_else() -> None:
    assert OTHER.keys() == Settings.model_fields.keys()
    assert not OTHER.items() & Settings().model_dump().items()


@pytest.mark.parametrize("field", OTHER)
def test_environment_sets_a_field_and_no_other(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {**Settings().model_dump(), field: OTHER[field]}
    monkeypatch.setenv(variable(field), str(OTHER[field]))
    assert Settings().model_dump() == expected
    assert from_command_line().model_dump() == expected


@pytest.mark.parametrize("field", OTHER)
def test_command_line_sets_a_field_and_no_other(field: str) -> None:
    expected = {**Settings().model_dump(), field: OTHER[field]}
    value = [] if OTHER[field] is True else [str(OTHER[field])]
    assert from_command_line(option(field), *value).model_dump() == expected


def test_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_PORT", "1111")
    assert from_command_line("--port", "2222").port == 2222


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_value_is_refused_with_the_field_named(
    field: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError) as by_command_line:
        from_command_line(option(field), str(value))
    assert refused_field(by_command_line.value) == (field,)
    monkeypatch.setenv(variable(field), str(value))
    with pytest.raises(ValidationError) as by_environment:
        Settings()
    assert refused_field(by_environment.value) == (field,)


def test_option_that_does_not_exist_is_refused_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        from_command_line("--prot", "8000")
    assert ended.value.code == 2
    assert "--prot" in capsys.readouterr().err


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


@pytest.mark.parametrize("fields", [{}, OTHER])
def test_environment_carries_all_settings_to_another_process(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(**fields)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_help_describes_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        from_command_line("--help")
    text = " ".join(capsys.readouterr().out.split())
    for name, field in Settings.model_fields.items():
        assert option(name) in text
        assert (field.description or "nothing is said of it") in text


@pytest.mark.parametrize(
    ("fields", "has_keys"), [({}, False), ({"keys": ""}, True), ({"keys_file": Path("none")}, True)]
)
def test_whether_keys_are_asked_for_is_known(fields: dict[str, Any], has_keys: bool) -> None:
    assert Settings(**fields).has_keys == has_keys


def test_keys_are_not_shown() -> None:
    assert "zebra4711" not in repr(Settings(keys="zebra4711"))


def test_there_is_a_worker_for_each_cpu() -> None:
    assert Settings().workers == allowed_cpus()


def test_workers_share_the_cpus_and_each_has_a_thread() -> None:
    assert Settings(workers=1).threads == allowed_cpus()
    assert Settings(workers=10_000).threads == 1

"""What a process logs, and in which form: a program reads JSON, a person a few words."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from service.errors import CannotDecode, ModelError
from service.line_writer import PIECE
from service.logs import message_for_people, message_in_json
from tests.problems import MARK
from tests.running import DEADLINE, ROOT

SCRIPT = """
import logging, sys, threading, warnings
from service import logs
from service.settings import Settings

logs.begin(Settings())
log = logging.getLogger("service.somewhere")
{}
"""


def record(
    message: str, *args: object, name: str = "service.gate", error: BaseException | None = None
) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, "gate.py", 7, message, args, exc_info)


def in_json(*args: Any, **kwargs: Any) -> dict[str, Any]:
    line = message_in_json(record(*args, **kwargs))
    assert line.isascii()
    assert line.endswith("\n")
    [whole] = line.splitlines()
    found: dict[str, Any] = json.loads(whole)
    return found


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def logged(script: str, **settings: str) -> list[dict[str, Any]]:
    """What a process says that logs by `script`."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(script)],
        cwd=ROOT,
        env={
            **os.environ,
            **{f"SERVICE_{name.upper()}": value for name, value in settings.items()},
        },
        stderr=subprocess.PIPE,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_a_message_is_one_line_of_json_with_its_time_in_utc() -> None:
    found = in_json("worker %d ended\nby %s", 7, 'SIG"KILL"')
    assert found["message"] == 'worker 7 ended by SIG"KILL"'
    assert (found["level"], found["event"], found["logger"]) == ("error", "message", "service.gate")
    assert found["pid"] == os.getpid()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["ts"])


def test_an_exception_is_told_by_its_kind_and_place_and_so_are_its_causes() -> None:
    cause = raised(ValueError(MARK))
    found = in_json("request %s failed", "id-1", error=raised(RuntimeError(MARK), cause))
    kinds = [each["type"] for each in found["exception"]]
    assert kinds == ["RuntimeError", "ValueError"]
    for each in found["exception"]:
        assert re.fullmatch(r"tests\.test_logs:\d+ raised", each["stack"][-1])
        assert "message" not in each
    assert MARK not in json.dumps(found)


def test_an_exception_that_came_while_another_was_handled_names_both() -> None:
    def fail() -> None:
        try:
            raise ValueError(MARK)
        except ValueError:
            raise KeyError(MARK)  # noqa: B904 - without saying so

    try:
        fail()
    except KeyError as error:
        found = in_json("failed", error=error)
    assert [each["type"] for each in found["exception"]] == ["KeyError", "ValueError"]


def test_a_group_of_exceptions_names_those_in_it() -> None:
    group = raised(ExceptionGroup(MARK, [ValueError(MARK), KeyError(MARK)]))
    found = in_json("failed", error=group)
    kinds = [each["type"] for each in found["exception"]]
    assert kinds == ["ExceptionGroup", "ValueError", "KeyError"]
    assert MARK not in json.dumps(found)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CannotDecode("The picture is damaged."), "The picture is damaged."),
        (ModelError("model.onnx is missing"), "model.onnx is missing"),
        (OSError(28, "No space left on device", MARK), "No space left on device"),
        (ValueError(MARK), None),
        (UnicodeDecodeError("utf-8", MARK.encode(), 0, 1, "invalid"), None),
        (json.JSONDecodeError("expecting", MARK, 0), None),
        (KeyError(MARK), None),
    ],
)
def test_only_messages_that_hold_no_input_are_told(error: Exception, message: str | None) -> None:
    [found] = in_json("failed", error=error)["exception"]
    assert found.get("message") == message
    for form in (message_in_json, message_for_people):
        assert MARK not in form(record("failed", error=error))


@pytest.mark.parametrize("name", ["asyncio", "PIL.PngImagePlugin", "python_multipart.multipart"])
def test_of_what_other_libraries_say_only_the_place_is_told(name: str) -> None:
    assert in_json("skipped %r", MARK, name=name)["message"] == "said at gate:7"


def test_a_long_message_and_a_deep_stack_stay_within_a_line_that_is_written_at_once() -> None:
    def fail(depth: int) -> None:
        if depth == 0:
            group = ExceptionGroup("", [ModelError("y" * 10_000) for _ in range(10)])
            raise ModelError("x" * 10_000) from raised(group)
        fail(depth - 1)

    try:
        fail(500)
    except ModelError as error:
        line = message_in_json(record("z" * 10_000, error=error))
    assert len(line) <= PIECE
    assert json.loads(line)["exception"][0]["stack"]


def test_a_person_gets_a_short_line_and_the_stack_below_it() -> None:
    text = message_for_people(record("worker %d ended", 7, error=raised(ValueError(MARK))))
    first, kind, place = text.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d ERROR worker 7 ended", first)
    assert kind == "  ValueError"
    assert re.fullmatch(r"    tests\.test_logs:\d+ raised", place)
    assert "\x1b" not in text


def test_all_that_a_process_says_has_one_form() -> None:
    found = logged(
        f"""
log.warning("first")
logging.getLogger("other").error("%s", "{MARK}")
warnings.warn("{MARK}")
thread = threading.Thread(target=lambda: [].index("{MARK}"))
thread.start()
thread.join()

class Lost:
    def __del__(self):
        raise ValueError("{MARK}")

Lost()
raise KeyError("{MARK}")
"""
    )
    assert [each["level"] for each in found] == [
        *("warning", "error", "warning", "critical", "critical", "critical")
    ]
    assert found[0]["message"] == "first"
    assert found[2]["message"].startswith("UserWarning at ")
    kinds = [each["exception"][0]["type"] for each in found[3:]]
    assert kinds == ["ValueError", "ValueError", "KeyError"]
    assert MARK not in json.dumps(found)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_is_not_told(level: str, told: list[str]) -> None:
    script = "for level in ('debug', 'info', 'warning', 'error'): getattr(log, level)(level)"
    assert [each["message"] for each in logged(script, log_level=level)] == told


@pytest.mark.parametrize(
    ("form", "expected"), [("auto", "console"), ("console", "console"), ("json", "json")]
)
def test_a_terminal_gets_words_unless_told_otherwise(form: str, expected: str) -> None:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", SCRIPT.format("log.warning('well')")],
        cwd=ROOT,
        env={**os.environ, "SERVICE_LOG_FORMAT": form},
        stderr=theirs,
        timeout=DEADLINE,
        check=True,
    )
    os.close(theirs)
    line = os.read(ours, 1_000).decode().strip()
    os.close(ours)
    if expected == "json":
        assert json.loads(line)["message"] == "well"
    else:
        assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING well", line)

"""What a process of the service writes to standard error: a line of JSON for each record of
logging, or a few words to a person who watches.

Nothing that a client sent gets there. Messages of our own code and of uvicorn hold no input; those
of other libraries may, and so may the messages of exceptions: of these it is told which they are
and where they came from.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Any

from service.errors import ModelError, ServiceError
from service.line_writer import PIECE, LineWriter
from service.settings import Settings

log = logging.getLogger(__name__)

STANDARD_ERROR = 2
TRUSTED = ("service", "uvicorn", "__main__")  # loggers whose messages hold no input
MOST_ERRORS = 5  # of a chain of causes
MOST_FRAMES = 15  # of a stack, the innermost
MOST_CHARACTERS = 1_000  # of a message


def begin(settings: Settings, dropped: Callable[[int], None] = lambda _: None) -> LineWriter:
    """Have all that this process logs written, until its end, in the form that is set.

    `dropped` is told, in any thread, how many lines were lost.
    """
    writer = LineWriter(STANDARD_ERROR, dropped)
    atexit.register(writer.close)
    logging.getLogger("service").setLevel(settings.log_level.upper())
    form = message_for_people if for_people(settings) else message_in_json
    lines = _Lines(writer, form)
    lines.setLevel(settings.log_level.upper())
    logging.getLogger().handlers = [lines]
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda lost: _uncaught(
        lost.exc_type, lost.exc_value or lost.exc_type(), lost.exc_traceback
    )
    threading.excepthook = lambda lost: _uncaught(
        lost.exc_type, lost.exc_value or lost.exc_type(), lost.exc_traceback
    )
    warnings.showwarning = _warned
    return writer


def for_people(settings: Settings) -> bool:
    """Whether a person watches; else a program reads it."""
    if settings.log_format == "auto":
        return os.isatty(STANDARD_ERROR)
    return settings.log_format == "console"


def utc(seconds: float) -> str:
    """RFC 3339, with milliseconds."""
    whole = int(seconds)
    return f"{utc_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(maxsize=8)
def utc_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def message_in_json(record: logging.LogRecord) -> str:
    """One object on a line; `exception` is a list, the error first and then its causes."""
    errors = [_described(each) for each in causes(error)] if (error := _error(record)) else []
    fields: dict[str, Any] = {
        "ts": utc(record.created),
        "level": record.levelname.lower(),
        "event": "message",
        "logger": record.name,
        "message": _message(record),
    }
    if request_id := getattr(record, "request_id", None):
        fields["request_id"] = request_id
    if errors:
        fields["exception"] = errors
    fields["pid"] = record.process
    line = json.dumps(fields) + "\n"
    while len(line) > PIECE and len(errors) > 1:
        errors.pop()
        line = json.dumps(fields) + "\n"
    return line


def message_for_people(record: logging.LogRecord) -> str:
    """One line, and with an exception a few more."""
    clock = time.strftime("%H:%M:%S", time.localtime(record.created))
    lines = [f"{clock} {record.levelname} {_message(record)}"]
    if error := _error(record):
        for each in causes(error):
            said = _said(each)
            lines.append(f"  {_kind(each)}" + (f": {said}" if said else ""))
            lines += (f"    {place}" for place in _stack(each))
    return "\n".join(lines) + "\n"


def causes(error: BaseException) -> list[BaseException]:
    """The error, what it came of, and so on; of a group, also those in it."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < MOST_ERRORS:
        each = waiting.pop(0)
        if any(each is other for other in found):
            continue
        found.append(each)
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        if each.__cause__ is not None:
            waiting.append(each.__cause__)
        elif each.__context__ is not None and not each.__suppress_context__:
            waiting.append(each.__context__)
    return found


def _message(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] not in TRUSTED:
        return f"said at {record.module}:{record.lineno}"
    return " ".join(record.getMessage().split())[:MOST_CHARACTERS]


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _described(error: BaseException) -> dict[str, Any]:
    said = _said(error)
    message = {} if said is None else {"message": said}
    return {"type": _kind(error), **message, "stack": _stack(error)}


def _kind(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _said(error: BaseException) -> str | None:
    """The message of an error that cannot hold any input."""
    if isinstance(error, OSError):
        return error.strerror
    if isinstance(error, ServiceError | ModelError):
        return str(error)[:MOST_CHARACTERS]
    return None


def _stack(error: BaseException) -> list[str]:
    """Where it was raised, and by what calls; the last is the innermost."""
    return list(_places(error.__traceback__))[-MOST_FRAMES:]


def _places(raised: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(raised):
        module = frame.f_globals.get("__name__", "?")
        yield f"{module}:{line} {frame.f_code.co_name}"


def _uncaught(
    kind: type[BaseException], error: BaseException, raised: TracebackType | None
) -> None:
    """Python itself would write its message."""
    log.critical("an error that nobody caught", exc_info=(kind, error, raised))


def _warned(
    message: Warning | str,  # noqa: ARG001 - may hold anything
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("%s at %s:%d", category.__name__, filename, lineno)


class _Lines(logging.Handler):
    """Hands records to the writer, whichever thread they come from."""

    def __init__(self, writer: LineWriter, form: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._writer = writer
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.add(self._form(record))

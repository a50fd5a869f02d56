"""Asynchronous tests, none of which can hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from threading import Event, Thread
from typing import Any, ParamSpec

Arguments = ParamSpec("Arguments")

DEADLINE = 20  # seconds, of which a test that passes needs next to none


def within_deadline(
    test: Callable[Arguments, Coroutine[Any, Any, None]],
) -> Callable[Arguments, None]:
    """Runs an asynchronous test in an event loop of its own, whose clock it may stop."""

    @wraps(test)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        async def limited() -> None:
            task = asyncio.ensure_future(test(*args, **kwargs))
            loop = asyncio.get_running_loop()
            ended = Event()

            def lose_patience() -> None:
                while not ended.wait(DEADLINE):
                    loop.call_soon_threadsafe(task.cancel)  # and again, should its end hang, too

            Thread(target=lose_patience, daemon=True).start()
            try:
                await task
            except asyncio.CancelledError:
                raise TimeoutError(f"not done within {DEADLINE} seconds") from None
            finally:
                ended.set()

        asyncio.run(limited())

    return run

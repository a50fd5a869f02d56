"""Accepts connections and hands each to the worker that has the fewest open."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

from service.process import WorkerProcess

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.02  # while no worker can take a connection


async def hand_out(listener: socket.socket, serving: Sequence[WorkerProcess]) -> None:
    """Hand all that comes to one of those who are in `serving` by then; only ends by an error.

    What cannot be handed out waits in the kernel's queue of the listening socket.
    """
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            await _arrival(listener)
            continue
        except ConnectionAbortedError:
            continue
        except OSError as error:  # such as too many open files
            log.error("connections cannot be accepted: %s", error.strerror)
            await asyncio.sleep(1)
            continue
        with connection:
            # A full channel tells nobody when there is room again.
            while not any(worker.take(connection) for worker in _by_load(serving)):  # noqa: ASYNC110
                await asyncio.sleep(RETRY_SECONDS)
        await asyncio.sleep(0)  # a flood of connections must not shut out signals and workers


async def _arrival(listener: socket.socket) -> None:
    """Return when a connection can be accepted. Not by the loop's `sock_accept`, which loses one
    that comes in the moment in which it is cancelled."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(listener, arrived.set)
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(listener)


def _by_load(serving: Sequence[WorkerProcess]) -> list[WorkerProcess]:
    able = (worker for worker in serving if worker.serves())
    return sorted(able, key=lambda worker: (worker.leaving, worker.open))

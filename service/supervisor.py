"""Keeps the workers alive and hands them the connections.

The parent process holds the listening socket and nothing else of the service. It accepts and gives
each connection to the worker that has the fewest open (see `worker` for what passes between them),
so that load is even and no connection is lost while workers come and go.

What rests on this:
- A worker that dies is replaced at once, and after growing pauses if it dies soon again.
- SIGTERM to one worker replaces it: it goes on until its successor is ready, and what is open on it
  is finished. A successor that cannot start leaves it in its place. To load everything anew, send
  SIGTERM to one worker after the other: this is what SIGHUP, ignored until then, is reserved for.
- SIGINT or SIGTERM here closes the listening socket, then the channels, which tells the workers to
  finish and end; they do the same if this process is killed. A second SIGINT kills them.
- Whatever else all workers must know (a quota, say) goes over the channels, through here.
- Numbers that workers share lie in files of prometheus_client's multiprocess mode, in a folder that
  lives as long as this process.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from service.process import NotStarted, WorkerProcess
from service.settings import Settings

log = logging.getLogger(__name__)

PAUSES = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds before a start, by deaths in a row
RETRY_SECONDS = 0.02  # while no worker can take a connection


async def supervise(
    settings: Settings, listener: socket.socket, greet: Callable[[list[str]], None]
) -> None:
    """Serve until SIGINT or SIGTERM; `greet` is told the models as soon as all workers are ready.

    Raises NotStarted where one of the first workers cannot start.
    """
    try:
        folder = TemporaryDirectory(prefix="service-", ignore_cleanup_errors=True)
    except OSError as error:
        raise NotStarted(f"no temporary folder: {error.strerror}") from error
    with folder as counters:
        await _Supervisor(settings, listener, Path(counters)).run(greet)


class _Supervisor:
    def __init__(self, settings: Settings, listener: socket.socket, counters: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._counters = counters
        self._workers: set[WorkerProcess] = set()
        self._stopping = asyncio.Event()

    async def run(self, greet: Callable[[list[str]], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        work = asyncio.create_task(self._work(greet))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            await asyncio.wait([work])
            self._listener.close()
            for worker in self._workers:
                worker.finish()
            await asyncio.gather(*(worker.ended for worker in self._workers))
        if not self._stopping.is_set():
            work.result()  # raises

    def _interrupted(self) -> None:
        if self._stopping.is_set():
            for worker in self._workers:
                worker.kill()
        self._stopping.set()

    async def _work(self, greet: Callable[[list[str]], None]) -> None:
        """Only ends by an error."""
        first = [self._start() for _ in range(self._settings.workers)]
        [models, *_] = await asyncio.gather(*(worker.started() for worker in first))
        greet(models)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_out())
            for worker in first:
                group.create_task(self._keep(worker))

    def _start(self) -> WorkerProcess:
        try:
            worker = WorkerProcess(self._settings, self._counters)
        except OSError as error:
            raise NotStarted(f"a worker cannot be started: {error.strerror}") from error
        self._workers.add(worker)
        worker.ended.add_done_callback(lambda _: self._workers.discard(worker))
        return worker

    async def _hand_out(self) -> None:
        """What cannot be handed out waits in the kernel's queue of the listening socket."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                await self._arrival()
                continue
            except ConnectionAbortedError:
                continue
            except OSError as error:  # such as too many open files
                log.error("connections cannot be accepted: %s", error.strerror)
                await asyncio.sleep(1)
                continue
            with connection:
                # A full channel tells nobody when there is room again.
                while not any(worker.take(connection) for worker in self._by_load()):  # noqa: ASYNC110
                    await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(0)  # a flood of connections must not shut out signals and workers

    async def _arrival(self) -> None:
        """Return when a connection can be accepted. Not by the loop's `sock_accept`, which loses
        one that comes in the moment in which it is cancelled."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(self._listener, arrived.set)
        try:
            await arrived.wait()
        finally:
            loop.remove_reader(self._listener)

    def _by_load(self) -> list[WorkerProcess]:
        serving = (worker for worker in self._workers if worker.serves())
        return sorted(serving, key=lambda worker: (worker.leaving, worker.open))

    async def _keep(self, worker: WorkerProcess) -> None:
        """Replace a worker that has died or wants to go, and its successors likewise."""
        deaths = 0
        while True:
            await worker.over.wait()
            deaths = 0 if worker.leaving or worker.settled() else deaths + 1
            if not worker.leaving:
                log.error("%s; another takes its place", worker)
            while True:
                await asyncio.sleep(PAUSES[min(deaths, len(PAUSES) - 1)])
                try:
                    successor = self._start()
                    await successor.started()
                    break
                except NotStarted as failure:
                    deaths += 1
                    log.error("no worker could be started: %s", failure)
            worker.finish()
            worker = successor

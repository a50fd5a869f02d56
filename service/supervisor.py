"""Keeps the workers alive, and all of them at the same versions of the models.

The parent process holds the listening socket and nothing else of the service. It gives each
connection to a worker (`acceptor`; see `worker` for what passes between them), so that load is even
and no connection is lost while workers come and go.

What rests on this:
- A worker from which nothing is heard gets no connections, and is killed if that goes on.
- A worker that dies is replaced at once, and after growing pauses if it dies soon again, by one
  that serves the same versions, whatever else lies in the folder of models by then.
- SIGTERM to one worker replaces it: it goes on until its successor is ready, and what is open on it
  is finished. A successor that cannot start leaves it in its place.
- SIGHUP, or a client of the admin route by way of its worker, has everything loaded anew: each
  worker gets a successor beside it, and only when all of these are ready, connections go to them.
  Where one fails, all of them are dropped and nothing has changed.
- SIGTERM here makes the workers say that they are not ready, and after a while in which whoever
  spreads the load can take note, closes the listening socket, then the channels, which tells the
  workers to finish and end; they do the same if this process is killed. SIGINT spares the while,
  and a second signal of it kills them.
- Whatever else all workers must know goes over the channels, through here.
- Numbers that workers share lie in a folder that lives as long as this process: those for /metrics
  in files of prometheus_client's multiprocess mode, the quotas of keys in one of their own each.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from service.acceptor import hand_out
from service.process import NotStarted, WorkerProcess
from service.settings import Settings

log = logging.getLogger(__name__)

PAUSES = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds before a start, by deaths in a row
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own
LINGER_SECONDS = 5.0  # for those replaced by one reload, before the next adds to them


async def supervise(
    settings: Settings, listener: socket.socket, greet: Callable[[list[str]], None]
) -> None:
    """Serve until SIGINT or SIGTERM; `greet` is told the models as soon as all workers are ready.

    Raises NotStarted where one of the first workers cannot start.
    """
    try:
        folder = TemporaryDirectory(
            prefix="service-", dir=shared_memory(), ignore_cleanup_errors=True
        )
    except OSError as error:
        raise NotStarted(f"no temporary folder: {error.strerror}") from error
    with folder as counters:
        await _Supervisor(settings, listener, Path(counters)).run(greet)


def shared_memory() -> Path | None:
    """Not the usual place for what is temporary, which any program may fill: writing to a mapped
    file for which there is no room ends a process. None where there is only that."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None


class _Supervisor:
    def __init__(self, settings: Settings, listener: socket.socket, counters: Path) -> None:
        self._settings = settings
        self._listener = listener
        self._counters = counters
        self._workers: set[WorkerProcess] = set()  # all that live
        self._serving: list[WorkerProcess] = []  # those that get connections, each in its place
        self._versions: list[str] = []  # what they all serve
        self._wanted = asyncio.Event()  # a reload
        self._asked: Counter[WorkerProcess] = Counter()  # calls that wait for it
        self._stopping = asyncio.Event()
        self._notice = settings.notice_seconds

    async def run(self, greet: Callable[[list[str]], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._wanted.set)
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        work = asyncio.create_task(self._work(greet))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
            if self._serving and not work.done():
                await self._give_notice()
        finally:
            work.cancel()
            await asyncio.wait([work])
            self._listener.close()
            for worker in self._workers:
                worker.finish()
            await asyncio.gather(*(worker.ended for worker in self._workers))
        if not self._stopping.is_set():
            work.result()  # raises

    async def _give_notice(self) -> None:
        for worker in self._workers:
            worker.tell(draining=True)
        if self._workers:
            await asyncio.wait([each.ended for each in self._workers], timeout=self._notice)

    def _interrupted(self) -> None:
        if self._stopping.is_set():
            for worker in self._workers:
                worker.kill()
        self._notice = 0
        self._stopping.set()

    async def _work(self, greet: Callable[[list[str]], None]) -> None:
        """Only ends by an error."""
        count = self._settings.workers
        self._serving = await self._start_all(count, at_once=count)
        self._versions = self._serving[0].models
        for reason in self._serving[0].rejected:
            log.error("%s", reason)
        greet(self._versions)
        async with asyncio.TaskGroup() as group:
            group.create_task(hand_out(self._listener, self._serving))
            group.create_task(self._reload_when_wanted())
            for place in range(count):
                group.create_task(self._keep(place))

    def _start(self, versions: Sequence[str] = ()) -> WorkerProcess:
        """With these `versions`, or those that the settings and the folder of models name."""
        settings = self._settings
        if versions:
            settings = settings.model_copy(update={"pinned": ",".join(versions)})
        try:
            worker = WorkerProcess(settings, self._counters, self._want)
        except OSError as error:
            raise NotStarted(f"a worker cannot be started: {error.strerror}") from error
        self._workers.add(worker)
        worker.ended.add_done_callback(lambda _: self._workers.discard(worker))
        if self._stopping.is_set():
            worker.tell(draining=True)
        return worker

    async def _start_all(
        self, count: int, at_once: int, *, wholly: bool = False
    ) -> list[WorkerProcess]:
        """Workers that serve the same versions, and `wholly` none that passed over one.

        Raises NotStarted, and leaves none, where any cannot.
        """
        workers: list[WorkerProcess] = []
        try:
            while len(workers) < count:
                some = len(workers)
                for _ in range(min(at_once, count - some)):
                    workers.append(self._start())  # one by one, since any may raise
                await asyncio.gather(*(worker.started() for worker in workers[some:]))
                if wholly and (reasons := workers[some].rejected):
                    raise NotStarted(reasons[0])
            if any(worker.models != workers[0].models for worker in workers):
                raise NotStarted("the folder of models changed while it was read")
            if ended := [worker for worker in workers if worker.ended.done()]:
                raise NotStarted(f"{ended[0]} before all were ready")
        except NotStarted:
            for worker in workers:
                worker.kill()
            raise
        return workers

    async def _keep(self, place: int) -> None:
        """Replace a worker that has died or wants to go, and its successors likewise."""
        deaths = 0
        while True:
            worker = self._serving[place]
            await worker.over.wait()
            if worker is not self._serving[place]:
                deaths = 0
            elif self._stopping.is_set():
                return
            else:
                deaths = 0 if worker.leaving or worker.settled() else deaths + 1
                if not worker.leaving:
                    log.error("%s; another takes its place", worker)
                deaths = await self._replace(place, deaths)

    async def _replace(self, place: int, deaths: int) -> int:
        """Returns the deaths in a row, with those of successors that could not start."""
        worker, versions = self._serving[place], self._versions
        while worker is self._serving[place]:  # else a reload was faster
            await asyncio.sleep(PAUSES[min(deaths, len(PAUSES) - 1)])
            try:
                successor = self._start(versions)
                await successor.started()
            except NotStarted as failure:
                deaths += 1
                log.error("no worker could be started: %s", failure)
                # Where nobody is left to agree with, any version that passes will do.
                versions = self._versions if self._able() else []
                continue
            if worker is not self._serving[place] or (
                self._able() and successor.models != self._versions
            ):
                successor.kill()
                versions = self._versions
                continue
            self._versions = successor.models
            self._serving[place] = successor
            worker.retire()
            if not worker.leaving:
                successor.tell(count="restart")
        return deaths

    def _able(self) -> list[WorkerProcess]:
        return [worker for worker in self._serving if worker.serves()]

    def _want(self, worker: WorkerProcess, calls: int) -> None:
        self._asked[worker] += calls
        self._wanted.set()

    async def _reload_when_wanted(self) -> None:
        """What is asked for while one reload runs comes after it, in one."""
        replaced: list[WorkerProcess] = []
        while True:
            await self._wanted.wait()
            # A worker that waits for this reload does not end before it.
            if going := [each.ended for each in replaced if each not in self._asked]:
                await asyncio.wait(going, timeout=LINGER_SECONDS)
            self._wanted.clear()
            asked, self._asked = self._asked, Counter()
            before, outcome = self._versions, "reload_ok"
            try:
                replaced = await self._reload()
                log.info("loaded anew: %s", " and ".join(self._versions))
            except NotStarted as failure:
                outcome = "reload_failed"
                log.error("nothing was loaded anew, %s serve on: %s", " and ".join(before), failure)
            for worker in self._able()[:1]:
                worker.tell(count=outcome)
            serving = self._versions if outcome == "reload_ok" else None
            for worker, calls in asked.items():
                worker.tell(reload={"calls": calls, "before": before, "serving": serving})

    async def _reload(self) -> list[WorkerProcess]:
        """Have successors take all places at once; those who had them, or NotStarted."""
        places = len(self._serving)
        # The others leave CPUs to those who serve meanwhile.
        successors = await self._start_all(places, at_once=max(1, places // 2), wholly=True)
        replaced = self._serving.copy()
        self._serving[:] = successors
        self._versions = successors[0].models
        for worker in replaced:
            worker.retire()
        return replaced

"""The files in which prometheus_client keeps the numbers of each process, and what becomes of them.

Those of processes that have ended count as before, so there would be ever more of them: each reload
replaces all workers. They are added up in one file for each kind, as of a process 0.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

KINDS = ("counter", "histogram")  # the gauges of a process go with it
TOTAL = 0


@contextmanager
def as_they_are() -> Iterator[list[str]]:
    """The files; within, none is added to another."""
    with _locked(fcntl.LOCK_SH) as folder:
        yield [str(path) for path in folder.glob("*.db") if _is_filled(path)]


def add_up_ended() -> None:
    """For a process that starts, and keeps nobody waiting."""
    with _locked(fcntl.LOCK_EX) as folder:
        for kind in KINDS:
            files = {path: int(path.stem.split("_")[1]) for path in folder.glob(f"{kind}_*.db")}
            if ended := [path for path, pid in files.items() if pid != TOTAL and _has_ended(pid)]:
                total = MmapedDict(str(folder / f"{kind}_{TOTAL}.db"))  # type: ignore[no-untyped-call]
                for path in ended:
                    _add(path, total)
                    path.unlink()
                total.close()  # type: ignore[no-untyped-call]


def _add(path: Path, total: MmapedDict) -> None:
    if not _is_filled(path):
        return
    for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]
        before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]


def _is_filled(path: Path) -> bool:
    """Not so where its process has just begun, or ended as soon as it had; or it is gone."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another's, which has the number now
        return True
    return False


@contextmanager
def _locked(how: int) -> Iterator[Path]:
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield folder

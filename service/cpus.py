"""How many CPUs this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def allowed_cpus(root: Path = Path("/")) -> int:
    """Whole CPUs, at least 1: by affinity and by the quotas of its control groups, which are read
    below `root`."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([cpus, *_quotas(root)])))


def _quotas(root: Path) -> Iterator[float]:
    """CPUs granted to each control group, version 1 or 2, that this process is a part of.

    A container may see its group's path from outside, while its own folder is all that is mounted;
    going up to the mount finds it in any case.
    """
    mounted = root / "sys/fs/cgroup"
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            own = PurePosixPath(path.lstrip("/"))
            for group in (own, *own.parents):
                if not kinds:
                    yield from _quota(mounted / group / "cpu.max")
                elif "cpu" in kinds.split(","):
                    folder = mounted / "cpu" / group
                    yield from _quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")


def _quota(*files: Path) -> Iterator[float]:
    """The quota over the period, which one file holds in version 2 and two in version 1."""
    # No such file: not this version, or the root, which has none. No number: "max", no limit.
    with suppress(OSError, ValueError):
        quota, period = (int(word) for file in files for word in file.read_text().split())
        if quota > 0:
            yield quota / period

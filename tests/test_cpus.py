"""How many CPUs a process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.cpus import allowed_cpus


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_allowed_cpus_are_at_least_one_and_at_most_those_of_the_affinity() -> None:
    every_cpu = os.sched_getaffinity(0)
    assert 1 <= allowed_cpus() <= len(every_cpu)
    try:
        os.sched_setaffinity(0, {min(every_cpu)})
        assert allowed_cpus() == 1
    finally:
        os.sched_setaffinity(0, every_cpu)


V2 = "0::"
V1 = "5:memory:/elsewhere\n4:cpu,cpuacct:"
HYBRID = "0::/\n1:cpu:"


@pytest.mark.parametrize(
    ("version", "path", "files", "cpus"),
    [
        (V2, "/", {"cpu.max": "350000 100000"}, 3),
        (V2, "/", {"cpu.max": "max 100000"}, 8),
        (V2, "/", {"cpu.max": "1600000 100000"}, 8),
        (V2, "/", {"cpu.max": "150000 100000"}, 1),
        (V2, "/", {"cpu.max": "50000 100000"}, 1),
        (V2, "/", {"cpu.max": ""}, 8),
        (V2, "/", {}, 8),
        (V2, "/a/b", {"a/b/cpu.max": "200000 100000"}, 2),
        (V2, "/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        (V2, "/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "600000 100000"}, 2),
        (V2, "/a/b", {"a/cpu.max": "600000 100000", "a/b/cpu.max": "200000 100000"}, 2),
        (V2, "/a", {"b/cpu.max": "200000 100000"}, 8),
        (V2, "/seen/from/outside", {"cpu.max": "200000 100000"}, 2),
        (V1, "/a", {"cpu/a/cpu.cfs_quota_us": "250000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        (V1, "/a", {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, 8),
        (V1, "/a", {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        (V1, "/a", {"cpu/a/cpu.cfs_quota_us": "250000"}, 8),
        (HYBRID, "/", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "50000"}, 4),
    ],
)
def test_allowed_cpus_keep_to_the_quota_of_a_container(
    version: str,
    path: str,
    files: dict[str, str],
    cpus: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    groups = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in {"proc/self/cgroup": version + path, **groups}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    assert allowed_cpus(tmp_path) == cpus


def test_allowed_cpus_are_those_of_the_affinity_where_there_are_no_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    assert allowed_cpus(tmp_path) == 3

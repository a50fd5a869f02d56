"""The machine that everything is measured on: whether it will do, and what it is."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loadtest.models import newest
from service.contract.manifest import MANIFEST, Manifest


def check_machine(program: str) -> tuple[int, int]:
    """A core for the servers and another for the clients; ends the program, named so, where it
    lacks either or a tool."""
    for tool, package in {"wrk": "wrk", "taskset": "util-linux"}.items():
        if shutil.which(tool) is None:
            sys.exit(f"{program}: {tool} is missing: apt-get install {package}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit(f"{program}: two cores are needed, one for servers and one for clients")
    if (load := os.getloadavg()[0]) > 0.5:
        print(
            f"The machine is not quiet (load {load:.1f}): figures will be low, and spread.",
            file=sys.stderr,
        )
    return cores[0], cores[1]


def describe(rounds: int, seconds: float) -> dict[str, Any]:
    """What the figures depend on."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{processor}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "models": ", ".join(map(served, ("digits", "sentiment"))),
        "rounds": rounds,
        "seconds": seconds,
        "load before": round(os.getloadavg()[0], 2),
    }


def served(name: str) -> str:
    """Such as sentiment/1 (model.onnx, accuracy 89.62%)."""
    folder = newest(name)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    said = f"{manifest.serves}, accuracy {manifest.test.accuracy:.2%}"
    return f"{name}/{folder.name} ({said})"

"""Part bare: what onnxruntime alone does with the served graph, and how much of it we reach.

Run as a program on a core, python -m loadtest.bench.bare BATCH..., it takes the texts of the part
sentiment as token ids, sorted by length, in batches of each size.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported

import numpy as np
import onnxruntime

from loadtest.bench.results import Row, Target
from loadtest.bench.setting import Setting
from loadtest.bench.traffic import review_lengths, spread
from loadtest.models import newest
from loadtest.processes import output
from service.contract.manifest import MANIFEST, Manifest
from service.contract.text import pad

SIZES = (1, 2, 4, 8, 16)
SLOW = 4  # times the seconds of a measure of /digits
SEARCHED = 128  # texts that every size is tried on


def planned_seconds(rounds: int, seconds: float) -> float:
    return 20 + rounds * (2 * SLOW * seconds + 2)


def measure(setting: Setting) -> list[Row]:
    """First the best batch size; then, in turns, that and the service with 32 connections."""
    with setting.server("ours") as ours:
        setting.progress.step("bare: the best batch size", 20)
        setting.warm_up(ours, "sentiment")
        found = rates(setting.server_core, SIZES, SEARCHED)
        best = max(found, key=lambda size: found[size])
        said = (f"batch {size} {rate:,.0f} tokens/s" for size, rate in found.items())
        setting.progress.note("; ".join(said))
        service, alone = [], []
        seconds = SLOW * setting.seconds
        # As many texts as take about as long as the service is driven.
        texts = max(SEARCHED, int(found[best] * seconds / np.mean(review_lengths())))
        for turn in range(setting.rounds):
            setting.progress.step(
                f"bare: beside the service, round {turn + 1} of {setting.rounds}", 2 * seconds + 2
            )
            closed = setting.drive(ours, "sentiment", 32, seconds, turn, part="bare", name="ours")
            service.append(closed.token_rate)
            alone.append(rates(setting.server_core, [best], texts)[best])
            setting.keep(part="bare", turn=turn, batch=best, rate=alone[-1])
            setting.progress.note(
                f"ours {service[-1]:,.0f} tokens/s; bare {alone[-1]:,.0f} tokens/s"
            )
    shares = [a / b for a, b in zip(service, alone, strict=True)]
    return [
        Row("bare", f"onnxruntime alone, batch {best}", "tokens/s", alone),
        Row("bare", "service, 32 connections", "tokens/s", service),
        Row("bare", "service by onnxruntime", "%", shares, target=Target(0.9, "at least")),
    ]


def rates(core: int, sizes: Sequence[int], texts: int) -> dict[int, float]:
    """Tokens a second by batch size, on `core`; padding does not count."""
    command = [sys.executable, "-m", "loadtest.bench.bare", str(texts), *map(str, sizes)]
    printed = json.loads(output(command, [core]))
    return {int(size): rate for size, rate in printed["rates"].items()}


def longest_run_ms(core: int) -> float:
    """One run with the longest text, on `core`."""
    return float(
        json.loads(output([sys.executable, "-m", "loadtest.bench.bare", "0"], [core]))["longest_ms"]
    )


def main() -> None:
    """Texts to run and batch sizes as arguments; prints JSON."""
    texts, *sizes = map(int, sys.argv[1:])
    session = open_served_graph()
    chance = np.random.default_rng(1)
    lengths = (spread(review_lengths(), seed=1) * (texts // len(review_lengths()) + 1))[:texts]
    vocabulary = 5_000  # of the most frequent; any ids cost the same
    rows = [chance.integers(2, vocabulary, length) for length in sorted(lengths)]
    longest = pad([chance.integers(2, vocabulary, max(review_lengths()))])
    durations = [timed(session, [longest]) for _ in range(8)]  # the first few warm up
    found = {}
    for size in sizes:
        batches = [pad(rows[start : start + size]) for start in range(0, len(rows), size)]
        found[size] = sum(map(len, rows)) / timed(session, batches)
    print(json.dumps({"rates": found, "longest_ms": 1000 * float(np.median(durations[3:]))}))


def open_served_graph() -> onnxruntime.InferenceSession:
    """As the service opens it: the file that the manifest says serves, one thread, no spinning."""
    folder = newest("sentiment")
    serves = Manifest.model_validate_json((folder / MANIFEST).read_bytes()).serves
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(folder / serves), options, providers=["CPUExecutionProvider"]
    )


def timed(session: onnxruntime.InferenceSession, batches: Sequence[dict[str, Any]]) -> float:
    """Seconds for all of them."""
    started = time.perf_counter()
    for batch in batches:
        session.run(None, batch)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

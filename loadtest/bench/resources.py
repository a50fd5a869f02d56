"""Parts startup, memory and workers: what the service takes, and what more of it gives."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from contextlib import ExitStack

from loadtest.bench.results import Row, Target
from loadtest.bench.setting import COMMANDS, ONE_WORKER, Setting, in_turns
from loadtest.bench.traffic import MIXED
from loadtest.processes import OURS, Server, serving

STARTS = 5  # at most
WORKERS_ROUNDS = 3  # at most
SLOW = 3  # times the seconds of a measure of /digits, as in the part sentiment
MEGA = 1e6


def startup_seconds(rounds: int, seconds: float) -> float:  # noqa: ARG001
    return (min(rounds, STARTS) + 1) * 4


def startup(setting: Setting) -> list[Row]:
    """From the start of the process until /health/ready answers 200; files are cached."""
    times: dict[str, list[float]] = defaultdict(list)
    rounds = min(setting.rounds, STARTS)
    for turn in range(-1, rounds):  # the first brings the files into memory
        what = f"round {turn + 1} of {rounds}" if turn >= 0 else "files into memory"
        setting.progress.step(f"startup, {what}", 4)
        for name in in_turns(turn):
            options = {**ONE_WORKER[name], "--port": free_port()}
            started = time.perf_counter()
            with serving(COMMANDS[name], [setting.server_core], options):
                taken = time.perf_counter() - started
            if turn >= 0:
                times[name].append(taken)
                setting.keep(part="startup", name=name, turn=turn, seconds=taken)
    return [
        Row(
            "startup",
            "process start to ready",
            "s",
            times["ours"],
            times["reference"],
            Target(1.5, "at most"),
        )
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def memory_seconds(rounds: int, seconds: float) -> float:  # noqa: ARG001
    return 60


def memory(setting: Setting) -> list[Row]:
    """Of each process, before and after 10,000 requests of both kinds; once, since it is the same
    at all times but for a few pages."""
    rows = []
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in in_turns(0):
        setting.progress.step(f"memory: {MIXED:,} requests to {name}", 30)
        with setting.server(name) as server:
            look(server, "after start", name, found, setting)
            sent = 0
            while sent < MIXED:
                closed = setting.drive(server, "mixed", 16, 5, turn=sent, part="memory", name=name)
                sent += closed.requests
            look(server, "after 10,000 requests", name, found, setting)
    for when in ("after start", "after 10,000 requests"):
        for what in ("worker, PSS", "worker, RSS", "other processes, PSS"):
            last = when != "after start" and what.startswith("worker")
            rows.append(
                Row(
                    "memory",
                    f"{what}, {when}",
                    "MB",
                    found["ours", f"{what}, {when}"],
                    found["reference", f"{what}, {when}"],
                    Target(250, "at most") if last else None,
                )
            )
    return rows


def look(
    server: Server,
    when: str,
    name: str,
    found: dict[tuple[str, str], list[float]],
    setting: Setting,
) -> None:
    """The largest process is the worker, since it holds the models."""
    (rss, pss), *others = server.memory()
    found[name, f"worker, PSS, {when}"].append(pss / MEGA)
    found[name, f"worker, RSS, {when}"].append(rss / MEGA)
    found[name, f"other processes, PSS, {when}"].append(sum(each for _, each in others) / MEGA)
    setting.keep(part="memory", name=name, when=when, worker=(rss, pss), others=others)


def workers_seconds(rounds: int, seconds: float) -> float:
    return min(rounds, WORKERS_ROUNDS) * (3 * (SLOW * seconds + 0.2)) + 16


def workers(setting: Setting) -> list[Row]:
    """/sentiment over 32 connections: one worker on one core, on two, and two workers on two.

    wrk shares the second core, of which it takes next to nothing.
    """
    both = [setting.server_core, setting.client_core]
    cases = {
        "one worker on one core": ([setting.server_core], 1),
        "one worker on two cores": (both, 1),
        "two workers on two cores": (both, 2),
    }
    found: dict[str, list[float]] = defaultdict(list)
    rounds = min(setting.rounds, WORKERS_ROUNDS)
    with ExitStack() as stack:
        setting.progress.step("workers: warming up", 16)
        servers = {}
        for case, (cores, count) in cases.items():
            options = {"--workers": count, "--port": 0}
            servers[case] = stack.enter_context(serving(OURS, cores, options))
            setting.warm_up(servers[case], "sentiment")
        for turn in range(rounds):
            seconds = SLOW * setting.seconds
            setting.progress.step(
                f"workers, round {turn + 1} of {rounds}", len(cases) * (seconds + 0.2)
            )
            for case in list(cases)[:: 1 if turn % 2 == 0 else -1]:
                closed = setting.drive(
                    servers[case], "sentiment", 32, seconds, turn, part="workers", name=case
                )
                found[case].append(closed.rate)
            setting.progress.note("; ".join(f"{case} {found[case][-1]:,.1f}/s" for case in cases))
    one, wide, two = (found[case] for case in cases)
    return [
        *(Row("workers", case, "/s", rates) for case, rates in found.items()),
        Row(
            "workers",
            "two on two cores by one on one",
            "x",
            [b / a for a, b in zip(one, two, strict=True)],
            target=Target(1.8, "at least"),
        ),
        Row(
            "workers",
            "two on two cores by one on two",
            "x",
            [b / a for a, b in zip(wide, two, strict=True)],
        ),
    ]

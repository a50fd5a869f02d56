"""Part explain: what an answer with the weights of 200 words takes, by what the answer alone
takes."""

from __future__ import annotations

from loadtest.bench.results import Row, Target
from loadtest.bench.setting import Setting

FILES = ("plain", "explained")
SLOW = 2  # times the seconds of a measure of /digits


def planned_seconds(rounds: int, seconds: float) -> float:
    return 8 + 2 * rounds * (SLOW * seconds + 0.2)


def measure(setting: Setting) -> list[Row]:
    """Over one connection, in turns."""
    seconds = SLOW * setting.seconds
    found: dict[str, list[float]] = {file: [] for file in FILES}
    with setting.server("ours") as ours:
        setting.progress.step("explain: warming up", 8)
        for file in FILES:
            setting.warm_up(ours, file)
        for turn in range(setting.rounds):
            setting.progress.step(
                f"explain, round {turn + 1} of {setting.rounds}", 2 * (seconds + 0.2)
            )
            for file in FILES:
                closed = setting.drive(ours, file, 1, seconds, turn, part="explain", name=file)
                found[file].append(closed.p50_ms)
            setting.progress.note(", ".join(f"{file} {found[file][-1]:.2f} ms" for file in FILES))
    times = [explained / plain for plain, explained in zip(*found.values(), strict=True)]
    return [
        *(Row("explain", f"p50, {file}", "ms", found[file]) for file in FILES),
        Row("explain", "explained by plain", "x", times, target=Target(3, "at most")),
    ]

"""What .ci/run makes of a report of pip-audit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT

SOUND = {"name": "sound", "version": "1", "vulns": []}
WEAK = {"name": "weak", "version": "2", "vulns": [{"id": "PYSEC-2026-1"}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def audited(folder: Path, report: str) -> subprocess.CompletedProcess[str]:
    file = folder / "report"
    file.write_text(report)
    return subprocess.run(
        [sys.executable, ".ci/audited.py", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_known_weakness_fails_and_a_package_nobody_knows_is_said(tmp_path: Path) -> None:
    for packages, status, said in (
        ([SOUND], 0, "no known weakness in 1 packages"),
        ([SOUND, UNKNOWN], 0, "NOT CHECKED, 1 packages"),
        ([UNKNOWN, WEAK, SOUND], 1, "weak 2: PYSEC-2026-1"),
    ):
        result = audited(tmp_path, json.dumps({"dependencies": packages}))
        assert result.returncode == status
        assert said in result.stdout + result.stderr
    nobody = audited(tmp_path, "")
    assert (nobody.returncode, "NOT CHECKED, all" in nobody.stdout) == (0, True)

"""schemathesis, asking a running service whatever its own description allows and forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.running import ROOT


def contract_checks(url: str, examples: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """All checks on all routes with so many examples of each, the same at every call; status 0
    where nothing was found. `folder` is for what it leaves behind."""
    scripts = Path(sys.executable).parent
    return subprocess.run(
        [
            scripts / "schemathesis",
            "run",
            f"{url}/openapi.json",
            "--checks=all",
            "--phases=examples,coverage,fuzzing,stateful",
            f"--max-examples={examples}",
            "--seed=1",
            "--continue-on-failure",
            "--request-timeout=60",
            "--no-color",
        ],
        cwd=folder,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

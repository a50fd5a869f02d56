"""What the image asks, again and again, to learn whether it is healthy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.running import DEADLINE, ROOT, RunningService, eventually
from tests.test_notice import ready


def healthy(service: RunningService, **variables: str) -> bool:
    port = service.url.rpartition(":")[2]
    asked = subprocess.run(
        [sys.executable, "-I", "-S", "service/healthcheck.py"],
        cwd=ROOT,
        env={**os.environ, "SERVICE_PORT": port, **variables},
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    return asked.returncode == 0


def test_a_service_is_healthy_until_it_is_told_to_end() -> None:
    with RunningService(notice_seconds="3600") as service:
        assert healthy(service)
        service.process.send_signal(signal.SIGTERM)
        eventually(lambda: ready(service)[0] == 503)
        assert not healthy(service)
        service.stop(signal.SIGINT)
        assert not healthy(service)

"""Whatever the published description allows and forbids is answered as it says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contract_checks import contract_checks
from tests.running import RunningService

EXAMPLES = 25  # of each route; `make test-faults` has more


def test_no_check_of_schemathesis_fails(service: RunningService, tmp_path: Path) -> None:
    checked = contract_checks(service.url, EXAMPLES, tmp_path)
    assert checked.returncode == 0, checked.stdout
    [generated] = re.findall(r"(\d+) generated", checked.stdout)
    assert int(generated) > 10 * EXAMPLES
    assert "Traceback" not in service.written()

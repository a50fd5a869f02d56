"""What the description of the service allows and forbids, by the thousand, beside other clients."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract_checks import contract_checks
from tests.faults.ledger import ends_well
from tests.faults.load import Load
from tests.faults.questions import mixed
from tests.faults.table import Row
from tests.running import RunningService

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

EXAMPLES = 500  # of each route


def test_no_check_of_schemathesis_fails_under_load(row: Row, tmp_path: Path) -> None:
    with RunningService() as service:
        with Load(service.url, mixed(), rate=20) as tally:
            checked = contract_checks(service.url, EXAMPLES, tmp_path)
        row.tallies.append(tally)
        [generated] = re.findall(r"(\d+) generated", checked.stdout)
        row.measured.append(f"{int(generated):,} cases of schemathesis, all checks")
        assert checked.returncode == 0, checked.stdout
        tally.check()
        assert tally.lost == []
        assert ends_well(service)

"""python .ci/audited.py REPORT: what a JSON report of pip-audit comes to; 1 for a weakness.

A mirror of PyPI knows packages, but no weaknesses: pip-audit skips what it is not told of and calls
that a success.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    text = Path(sys.argv[1]).read_text()
    packages = json.loads(text)["dependencies"] if text.strip() else []
    weak = [
        f"{package['name']} {package['version']}: {each['id']}"
        for package in packages
        for each in package.get("vulns", [])
    ]
    checked = [package for package in packages if "vulns" in package]
    if weak:
        sys.exit("\n".join(["pip-audit: known weaknesses in requirements.lock", *weak]))
    if checked and len(checked) == len(packages):
        sys.stdout.write(f"pip-audit: no known weakness in {len(checked)} packages\n")
    else:
        sys.stdout.write(
            f"pip-audit: NOT CHECKED, {len(packages) - len(checked) or 'all'} packages, "
            "since nobody that knows of weaknesses could be asked\n"
        )


main()

"""Read by Python at its start where this folder is on its path: a worker that leaks.

5 MB, 6 descriptors and 3 threads a minute, to see that who looks for leaks finds them.
"""

from __future__ import annotations

import os
import sys
import threading
import time

LEAKED: list[bytes | int] = []


def _leak() -> None:
    for second in range(sys.maxsize):
        LEAKED.append(b"x" * (5_000_000 // 60))
        if second % 10 == 0:
            LEAKED.append(os.open(os.devnull, os.O_RDONLY))
        if second % 20 == 0:
            threading.Thread(target=time.sleep, args=[86_400], daemon=True).start()
        time.sleep(1)


if "service.worker" in sys.orig_argv:
    threading.Thread(target=_leak, daemon=True).start()

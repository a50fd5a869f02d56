"""How a rival's program is started: with a port, of which it says where it listens."""

from __future__ import annotations

import argparse
import os
import socket


def announced_port() -> int:
    """--port of the command line, a free one for 0, once it is told on standard output. Whatever
    else is written there goes to standard error, since nobody reads on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port: int = parser.parse_args().port
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
    print(f"Serving on http://127.0.0.1:{port}; Ctrl-C stops", flush=True)
    os.dup2(2, 1)
    return port

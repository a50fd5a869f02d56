"""python -m service: read settings, verify the models, listen."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.errors import ModelError
from service.settings import Settings

HINT = """Serving {models} on {url}, described on {url}/docs
Try: curl {url}/sentiment -d '{{"text": "What a wonderful film!"}}'
Stop with Ctrl-C."""


def main() -> None:
    """Serve until told to stop by SIGINT or SIGTERM; then finish what is open and exit with 0."""
    # uvicorn shuts down on these signals and then raises them again, for us to end the process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    settings = _read_settings()
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        app = create_app(settings)
    except ModelError as error:
        sys.exit(f"service: {error}")
    several = settings.workers > 1
    if several:
        os.environ.update(settings.as_environment())
    config = uvicorn.Config(
        "service.app:app_from_environment" if several else app,
        factory=several,
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    names = " and ".join(f"{name}/{m.card().version}" for name, m in app.state.models.items())
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(HINT.format(models=names, url=url), flush=True)
    if several:
        _Workers(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


class _Workers(Multiprocess):
    """Stops listening before it tells its workers to end, as a single process does; else whoever
    connects meanwhile would wait for an answer that never comes."""

    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def _read_settings() -> Settings:
    try:
        return CliApp.run(Settings)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        sys.exit(f"service: {'; '.join(wrong)}. See python -m service --help.")


def _listen(host: str, port: int) -> socket.socket:
    """Whoever connects from now on is answered, if only once all workers are there."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        sys.exit(f"service: cannot listen: {error.strerror}. See --host and --port.")


if __name__ == "__main__":
    main()

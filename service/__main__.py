"""python -m service: read settings, verify the models, listen."""

from __future__ import annotations

import logging
import os
import signal
import sys

import uvicorn
from pydantic_settings import CliApp
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.errors import ModelError
from service.settings import Settings

HINT = """Serving {models} on {url}, described on {url}/docs
Try: curl {url}/sentiment --json '{{"text": "What a wonderful film!"}}'
Stop with Ctrl-C."""


def main() -> None:
    """Serve until told to stop by SIGINT or SIGTERM; then finish what is open and exit with 0."""
    settings = CliApp.run(Settings)
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(message)s")
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
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    socket = config.bind_socket()
    host, port = socket.getsockname()[:2]
    names = " and ".join(f"{name}/{m.card().version}" for name, m in app.state.models.items())
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(HINT.format(models=names, url=url), flush=True)
    # uvicorn shuts down on these signals and then raises them again, for us to end the process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    if several:
        Multiprocess(config, sockets=[socket]).run()
    else:
        uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()

"""python -m service: read settings, listen, start the workers, greet."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from importlib import metadata
from ipaddress import ip_address

from pydantic import ValidationError
from pydantic_settings import CliApp

from service import logs
from service.errors import KeysError
from service.keys import load_keys, open_to_others
from service.process import NotStarted
from service.settings import Settings
from service.supervisor import supervise

log = logging.getLogger(__name__)

BACKLOG = 2048  # connections that the kernel holds while no worker can take them
GREETING = """Serving {models} on {url}: open it in a browser. The API is described on {url}/docs
Try: curl {url}/sentiment -d '{{"text": "What a wonderful film!"}}'
Stop with Ctrl-C."""

UNPROTECTED = (
    "service: others can connect to {host}, and no API keys are configured. Listen on 127.0.0.1, "
    "or set SERVICE_ALLOW_NO_KEYS=true (--allow-no-keys) to let everyone in."
)


def main() -> None:
    """Serve until told to stop by SIGINT or SIGTERM; then finish what is open and exit with 0."""
    for number in (signal.SIGINT, signal.SIGTERM):  # until the supervisor takes them over
        signal.signal(number, lambda *_: sys.exit(0))
    settings = _read_settings()
    if settings.trace_endpoint and not _can_trace():
        sys.exit("service: traces need what pip install '.[trace]' brings; see README.md.")
    logs.begin(settings)
    _check_keys(settings)
    with _listen(settings.host, settings.port) as listener:
        host, port = listener.getsockname()[:2]
        if not (settings.allow_no_keys or settings.has_keys or _is_private(host)):
            sys.exit(UNPROTECTED.format(host=host))
        scheme = "https" if settings.tls_cert else "http"
        url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

        def greet(models: list[str]) -> None:
            print(GREETING.format(models=" and ".join(models), url=url), flush=True)

        try:
            asyncio.run(supervise(settings, listener, greet))
        except NotStarted as failure:
            sys.exit(f"service: {failure}")


def _read_settings() -> Settings:
    try:
        return CliApp.run(Settings)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        sys.exit(f"service: {'; '.join(wrong)}. See python -m service --help.")


def _can_trace() -> bool:
    """Told by what is installed: to load it would make this process heavy."""
    try:
        return bool(metadata.version("opentelemetry-exporter-otlp-proto-http"))
    except metadata.PackageNotFoundError:
        return False


def _check_keys(settings: Settings) -> None:
    """Each worker reads them for itself, but there is no need to start one to see what is wrong."""
    try:
        load_keys(settings)
    except KeysError as error:
        sys.exit(f"service: {error}.")
    if open_to_others(settings):
        log.warning("%s can be read by others than its owner", settings.keys_file)


def _is_private(host: str) -> bool:
    """Whether only this machine can connect to this address."""
    return ip_address(host).is_loopback


def _listen(host: str, port: int) -> socket.socket:
    """Whoever connects from now on is answered, if only once all workers are there."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"service: cannot listen: {error.strerror}. See --host and --port.")
    listener.setblocking(False)
    return listener


if __name__ == "__main__":
    main()

"""What an operator can set, by environment or command line; read once."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, CliToggleFlag, SettingsConfigDict

from service.cpus import allowed_cpus

PIN = re.compile(r"(digits|sentiment)/([1-9]\d{0,8})", re.ASCII)


def _one_pin_for_each_model(pinned: str) -> str:
    pins = [PIN.fullmatch(pin) for pin in pinned.split(",")] if pinned else []
    if None in pins or len({pin and pin[1] for pin in pins}) < len(pins):
        raise PydanticCustomError(
            "pinned", "Input should be versions such as digits/3,sentiment/2, one for each model"
        )
    return pinned


class Settings(BaseSettings):
    """Every field can be set as an environment variable SERVICE_<NAME> or an option --<name>."""

    model_config = SettingsConfigDict(
        env_prefix="SERVICE_", frozen=True, cli_kebab_case=True, cli_prog_name="python -m service"
    )

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    allow_no_keys: Annotated[
        CliToggleFlag[bool],
        Field(description="let others connect, without API keys"),
    ] = False
    port: Annotated[int, Field(ge=0, le=65_535, description="port; 0 takes a free one")] = 8000
    workers: Annotated[
        int, Field(ge=1, description="processes that answer, by default one for each CPU")
    ] = Field(default_factory=allowed_cpus)
    models_dir: Annotated[Path, Field(description="folder that holds the models")] = Path("models")
    pinned: Annotated[
        str,
        AfterValidator(_one_pin_for_each_model),
        Field(description="versions that serve though there are higher ones, as digits/3,..."),
    ] = ""
    deadline_ms: Annotated[
        int, Field(ge=1, description="longest time to an answer; a request may ask for less")
    ] = 30_000
    queue_limit_ms: Annotated[
        int, Field(ge=1, description="longest wait for one model, predicted, that is not refused")
    ] = 2_000
    max_batch: Annotated[int, Field(ge=1, description="most rows that run together")] = 16
    max_body_bytes: Annotated[int, Field(ge=1, description="largest request body")] = 10 * 2**20
    max_bodies_bytes: Annotated[
        int, Field(ge=1, description="most bytes of bodies that a worker holds at a time")
    ] = 256 * 2**20
    notice_seconds: Annotated[
        float,
        Field(
            ge=0, le=3600, description="time from SIGTERM, not ready, until no connection is taken"
        ),
    ] = 1.0
    max_connections: Annotated[
        int, Field(ge=1, description="most open connections of a worker; more are turned away")
    ] = 2048
    head_seconds: Annotated[
        int, Field(ge=1, description="time for the head of a request, or a TLS handshake, to come")
    ] = 10
    body_seconds: Annotated[
        int, Field(ge=1, description="time for the body of a request to come")
    ] = 30
    send_seconds: Annotated[
        int, Field(ge=1, description="time in which a client may take nothing of its answer")
    ] = 30
    idle_seconds: Annotated[
        int, Field(ge=1, description="time that a connection stays open between requests")
    ] = 5
    tls_cert: Annotated[
        Path | None, Field(description="certificate chain (PEM) to serve HTTPS with")
    ] = None
    tls_key: Annotated[
        Path | None, Field(description="its private key (PEM), where not in the same file")
    ] = None
    tls_key_password: Annotated[
        str, Field(repr=False, description="password of the key, if it has one")
    ] = ""
    trusted_proxies: Annotated[
        str, Field(description="addresses or networks whose X-Forwarded headers are believed")
    ] = ""
    drain_seconds: Annotated[
        int, Field(ge=1, description="time for open requests when the service is told to stop")
    ] = 30
    keys_file: Annotated[
        Path | None, Field(description="TOML file of the keys to ask for; without one, none are")
    ] = None
    keys: Annotated[
        str | None, Field(repr=False, description="the text of such a file, instead of it")
    ] = None
    log_format: Annotated[
        Literal["auto", "json", "console"],
        Field(description="json, console, or auto: console where standard error is a terminal"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="least level that is logged; requests that went well are info"),
    ] = "info"
    access_log: Annotated[bool, Field(description="whether each request is logged")] = True
    trace_endpoint: Annotated[
        str | None,
        Field(
            pattern="^https?://.+$",
            description="URL that traces are sent to by OTLP over HTTP; without one, none are",
        ),
    ] = None
    trace_share: Annotated[
        float,
        Field(
            ge=0, le=1, description="share of requests traced, but for those that say themselves"
        ),
    ] = 0.1

    @property
    def has_keys(self) -> bool:
        """Whether a key is needed to be answered."""
        return self.keys is not None or self.keys_file is not None

    @property
    def pins(self) -> dict[str, int]:
        """Model -> the one version that may serve."""
        return {name: int(version) for name, version in PIN.findall(self.pinned)}

    @field_validator("trusted_proxies")
    @classmethod
    def _all_addresses(cls, value: str) -> str:
        for each in filter(None, value.split(",")):
            ip_network(each.strip())
        return value

    @property
    def threads(self) -> int:
        """Model runs at a time in each process: the CPUs it may use, shared by all workers."""
        return max(1, allowed_cpus() // self.workers)

    def as_environment(self) -> dict[str, str]:
        """The variables that make another process read the same settings."""
        return {
            f"SERVICE_{name.upper()}": str(value)
            for name, value in self.model_dump().items()
            if value is not None
        }

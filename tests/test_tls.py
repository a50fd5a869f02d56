"""HTTPS, with a certificate made here."""

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from service.tls import TlsError, tls_context
from tests.raw import read_to_end
from tests.running import DEADLINE, RunningService, eventually, run_to_its_end
from tests.test_healthcheck import healthy

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
PASSWORD = "a password"  # noqa: S105


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """cert.pem with key.pem, and other.pem, a key that does not belong to it; locked.pem is
    key.pem with a password."""
    folder = tmp_path_factory.mktemp("tls")
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    for key, cert in (("key.pem", "cert.pem"), ("other.pem", "another.pem")):
        files = ["-keyout", str(folder / key), "-out", str(folder / cert)]
        subprocess.run([*new, *names, *files], check=True, capture_output=True, timeout=DEADLINE)
    lock = ["openssl", "rsa", "-aes128", "-passout", f"pass:{PASSWORD}"]
    files = ["-in", str(folder / "key.pem"), "-out", str(folder / "locked.pem")]
    subprocess.run([*lock, *files], check=True, capture_output=True, timeout=DEADLINE)
    return folder


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[RunningService]:
    with RunningService(
        tls_cert=str(folder / "cert.pem"),
        tls_key=str(folder / "locked.pem"),
        tls_key_password=PASSWORD,
        head_seconds="1",
    ) as service:
        yield service


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


def test_it_answers_over_https(secure: RunningService, folder: Path) -> None:
    assert secure.url.startswith("https://")
    assert f"{secure.url}/docs" in secure.greeting
    with httpx.Client(base_url=secure.url, verify=trusting(folder), timeout=DEADLINE) as client:
        for _ in range(3):
            answer = client.post("/sentiment", json={"text": "A good film."})
            assert answer.json()["label"] == "positive"
        assert client.post("/digits", content=bytes(20 * 2**20)).status_code == 413
        assert client.post("/digits", content=iter([bytes(2**20)] * 20)).status_code == 413


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_speaks_the_versions_of_today(
    secure: RunningService, folder: Path, version: ssl.TLSVersion
) -> None:
    context = trusting(folder)
    context.minimum_version = context.maximum_version = version
    with context.wrap_socket(secure.connect(), server_hostname="localhost") as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_it_speaks_no_older_version(secure: RunningService, folder: Path) -> None:
    context = trusting(folder)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with secure.connect() as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")


def test_the_health_check_of_the_image_asks_over_tls(secure: RunningService) -> None:
    assert healthy(secure, SERVICE_TLS_CERT="cert.pem")
    assert not healthy(secure, SERVICE_TLS_CERT="")


def test_a_new_certificate_is_taken_up_with_a_hangup(folder: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def shown() -> str:
        return ssl.get_server_certificate((host, int(port))).strip()

    def put(new_cert: str, new_key: str) -> str:
        shutil.copy(folder / new_key, key)
        return Path(shutil.copy(folder / new_cert, cert)).read_text().strip()

    before = put("cert.pem", "key.pem")
    with RunningService(tls_cert=str(cert), tls_key=str(key)) as service:
        host, port = service.url.removeprefix("https://").split(":")
        assert shown() == before
        after = put("another.pem", "other.pem")
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: shown() == after)
        put("cert.pem", "other.pem")  # which do not belong together
        service.process.send_signal(signal.SIGHUP)
        eventually(lambda: "nothing was loaded anew" in service.written())
        assert shown() == after


def test_whoever_does_not_shake_hands_is_let_go_without_a_word(secure: RunningService) -> None:
    with secure.connect() as silent, secure.connect() as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in read_to_end(plain)
        assert read_to_end(silent) == b""
    assert secure.written() == ""


def test_a_head_that_stops_is_let_go(secure: RunningService, folder: Path) -> None:
    with trusting(folder).wrap_socket(secure.connect(), server_hostname="localhost") as connection:
        connection.sendall(b"GET /health")
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"malformed" in answer


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"tls_cert": "missing.pem", "tls_key": "key.pem"}, "tls_cert"),
        ({"tls_cert": "cert.pem", "tls_key": "missing.pem"}, "tls_key"),
        ({"tls_cert": "cert.pem", "tls_key": "other.pem"}, "mismatch"),
        ({"tls_cert": "cert.pem", "tls_key": "cert.pem"}, "tls_key"),
        ({"tls_cert": "key.pem", "tls_key": "key.pem"}, "tls_cert"),
        ({"tls_cert": "cert.pem", "tls_key": "locked.pem"}, "tls_key_password"),
        ({"tls_cert": "cert.pem"}, "tls_key"),
        ({"tls_key": "key.pem"}, "tls_cert"),
    ],
)
def test_a_wrong_file_is_named_in_one_line(folder: Path, given: dict[str, str], named: str) -> None:
    files: dict[str, Any] = {name: folder / file for name, file in given.items()}
    with pytest.raises(TlsError) as wrong:
        tls_context(Settings(**files))
    [line] = str(wrong.value).splitlines()
    assert named in line
    assert str(folder) not in line


def test_a_wrong_file_ends_the_start_with_that_line_and_no_question(folder: Path) -> None:
    files = {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "locked.pem")}
    ended = run_to_its_end("--port", "0", **files)
    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith("service: ")
    assert "tls_key_password" in line
    assert str(folder) not in line

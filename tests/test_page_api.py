"""The page's files, as a browser or a cache asks for them."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx
import pytest

from loadtest.inputs import STROKES
from service.routes.page import FOLDER
from tests.problems import problem_of
from tests.running import DEADLINE, RunningService
from tests.test_page_headers import policy_of

ADDRESSES = {
    file.name: "/" if file.suffix == ".html" else f"/page/{file.name}" for file in FOLDER.iterdir()
}
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_file_comes_as_it_is_with_its_type(client: httpx.Client, name: str) -> None:
    answer = client.get(ADDRESSES[name])
    assert answer.status_code == 200
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_browser_that_has_a_file_is_told_so(client: httpx.Client, name: str) -> None:
    first = client.get(ADDRESSES[name])
    assert first.headers["cache-control"] == "no-cache"  # kept, but asked for each time
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = client.get(ADDRESSES[name], headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "no-cache"
    other = client.get(ADDRESSES[name], headers={"If-None-Match": f'{tag[:-2]}x"'})
    assert other.status_code == 200


def test_no_two_files_have_the_same_tag(client: httpx.Client) -> None:
    tags = {client.get(address).headers["etag"] for address in ADDRESSES.values()}
    assert len(tags) == len(ADDRESSES)


@pytest.mark.parametrize("address", ["/", "/page/app.js"])
def test_head_tells_the_same_without_the_content(client: httpx.Client, address: str) -> None:
    head, got = client.head(address), client.get(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]
    assert head.headers.get("content-security-policy") == got.headers.get("content-security-policy")


def test_the_page_may_load_from_here_only_and_runs_nothing_inline(client: httpx.Client) -> None:
    page = client.get("/")
    assert policy_of(page) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", page.text)


def test_everything_that_the_files_name_is_there(client: httpx.Client) -> None:
    for address in ADDRESSES.values():
        text = client.get(address).text
        named = re.findall(r'(?:src|href)="([^"]+)"|from "([^"]+)"', text)
        for other in filter(None, (part for pair in named for part in pair)):
            assert client.get(urljoin(address, other)).status_code == 200, other
    assert "//" not in client.get("/").text


@pytest.mark.parametrize(
    "path", ["/page", "/page/", "/page/nothing.js", "/page/index.html", "/page/%2e%2e/app.py"]
)
def test_there_is_nothing_else_in_the_folder(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    problem_of(answer)


def test_all_workers_give_the_same(client: httpx.Client) -> None:
    tags = {name: client.get(path).headers["etag"] for name, path in ADDRESSES.items()}
    with RunningService("--workers", "2") as service:
        for _ in range(4):
            for name, path in ADDRESSES.items():
                # A connection each, so that both get some.
                answer = httpx.get(f"{service.url}{path}", timeout=DEADLINE)
                assert answer.headers["etag"] == tags[name]


def test_the_page_draws_the_digits_of_the_load_test() -> None:
    listed = re.findall(r"^  \[(.*)\],$", (FOLDER / "strokes.js").read_text(), re.MULTILINE)
    assert [re.findall(r'"([^"]+)"', line) for line in listed] == STROKES

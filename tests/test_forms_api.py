"""Forms, well made and badly made, to the routes that take pictures."""

from __future__ import annotations

import httpx
import pytest

from tests.problems import MARK, problem_of
from training.golden import as_bytes, draw_digit

PICTURE = as_bytes(draw_digit(7))
BOUNDARY = f"{MARK}boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()
FIELD = {"/digits": "image", "/digits/read": "image", "/digits/batch": "images"}


def part(name: str, content: bytes, *, of_file: bool = True) -> bytes:
    """One field, and the boundary before it."""
    file = f'; filename="{MARK}.png"' if of_file else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


@pytest.fixture(params=FIELD)
def route(request: pytest.FixtureRequest) -> str:
    """Every route that takes forms."""
    return str(request.param)


def send(client: httpx.Client, route: str, body: bytes, content_type: str = FORM) -> httpx.Response:
    return client.post(route, content=body, headers={"Content-Type": content_type})


def refusal(response: httpx.Response) -> tuple[str, str]:
    problem = problem_of(response)
    return problem["code"], problem["detail"]


@pytest.mark.parametrize(
    ("before", "after"), [(b"", END), (b"", END[:-2]), (b"", END + b"an epilogue"), (b"\r\n", END)]
)
def test_a_form_is_read_whatever_surrounds_it(
    client: httpx.Client, route: str, before: bytes, after: bytes
) -> None:
    response = send(client, route, before + part(FIELD[route], PICTURE) + after)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        f'multipart/form-data; boundary="{BOUNDARY}"',
        f"Multipart/Form-Data;BOUNDARY={BOUNDARY}",
        f"{FORM}; charset=undefined-{MARK}",
    ],
)
def test_the_content_type_of_a_form_is_read_as_generously_as_http_is(
    client: httpx.Client, route: str, content_type: str
) -> None:
    response = send(client, route, part(FIELD[route], PICTURE) + END, content_type)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=another",
        f"multipart/form-data; boundary={'b' * 300}",
        f"{FORM}; charset=undefined",  # a codec of Python that refuses everything
    ],
)
def test_a_form_that_its_content_type_does_not_describe_is_malformed(
    client: httpx.Client, route: str, content_type: str
) -> None:
    response = send(client, route, part(FIELD[route], PICTURE) + END, content_type)
    assert problem_of(response)["code"] == "malformed"


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_form_that_breaks_off_in_a_file_is_malformed_whatever_came_before(
    client: httpx.Client, route: str, kept: float
) -> None:
    last = part(FIELD[route], PICTURE)
    body = part(FIELD[route], PICTURE) + last[: int(len(last) * kept)]
    assert problem_of(send(client, route, body))["code"] == "malformed"


@pytest.mark.parametrize("end", [b"", b"--", END[:8], END[:-4], END[:-3]])
def test_a_form_without_its_closing_boundary_is_malformed(
    client: httpx.Client, route: str, end: bytes
) -> None:
    response = send(client, route, part(FIELD[route], PICTURE) + end)
    assert problem_of(response)["code"] == "malformed"


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\xff" * 500,
        f"no form at all {MARK}".encode(),
        PICTURE,
        f"--{BOUNDARY}\r\n\r\n{MARK}\r\n".encode() + END,
        f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\n{MARK}\r\n".encode() + END,
        f"--{BOUNDARY}\r\n{MARK}\r\n\r\n{MARK}\r\n".encode() + END,
        f"--{BOUNDARY}\r\n".encode() + b"a: b\r\n" * 20_000 + b"\r\nx\r\n" + END,
    ],
)
def test_garbage_in_place_of_a_form_is_malformed(
    client: httpx.Client, route: str, body: bytes
) -> None:
    assert problem_of(send(client, route, body))["code"] == "malformed"


def test_another_field_is_malformed_and_the_right_one_is_named(
    client: httpx.Client, route: str
) -> None:
    code, detail = refusal(send(client, route, part(MARK, PICTURE) + END))
    assert code == "malformed"
    assert FIELD[route] in detail


def test_another_field_beside_the_right_one_is_malformed(client: httpx.Client, route: str) -> None:
    right = part(FIELD[route], PICTURE)
    for other in (part(MARK, PICTURE), part("comment", MARK.encode(), of_file=False)):
        for body in (right + other + END, other + right + END):
            assert problem_of(send(client, route, body))["code"] == "malformed"


def test_a_text_field_in_place_of_a_file_is_malformed(client: httpx.Client, route: str) -> None:
    body = part(FIELD[route], MARK.encode(), of_file=False) + END
    assert problem_of(send(client, route, body))["code"] == "malformed"


def test_the_field_of_one_route_is_not_that_of_the_other(client: httpx.Client) -> None:
    assert problem_of(send(client, "/digits", part("images", PICTURE) + END))["code"] == "malformed"
    response = send(client, "/digits/batch", part("image", PICTURE) + END)
    assert problem_of(response)["code"] == "malformed"


def test_two_files_for_one_digit_are_malformed(client: httpx.Client) -> None:
    response = send(client, "/digits", part("image", PICTURE) * 2 + END)
    assert problem_of(response)["code"] == "malformed"


def test_a_form_without_files_is_refused(client: httpx.Client) -> None:
    assert problem_of(send(client, "/digits", END))["code"] == "malformed"
    assert problem_of(send(client, "/digits/batch", END))["code"] == "invalid"


@pytest.mark.parametrize("count", [257, 1001, 50_000])
def test_too_many_files_are_invalid_however_many(client: httpx.Client, count: int) -> None:
    code, detail = refusal(send(client, "/digits/batch", part("images", b"") * count + END))
    assert code == "invalid"
    assert "256" in detail


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "text/plain", None])
def test_a_batch_that_is_no_form_is_malformed(
    client: httpx.Client, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    for body in (PICTURE, part("images", PICTURE) + END):
        response = client.post("/digits/batch", content=body, headers=headers)
        assert problem_of(response)["code"] == "malformed"


def test_an_empty_body_is_invalid_rather_than_a_broken_form(
    client: httpx.Client, route: str
) -> None:
    assert problem_of(send(client, route, b""))["code"] == "invalid"

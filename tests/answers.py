"""What was really sent, before a JSON reader rounds or reorders it."""

from __future__ import annotations

import re

import httpx


def raw_probabilities(response: httpx.Response) -> list[bytes]:
    """The bytes of `probabilities` of each answer, in order."""
    assert response.status_code == 200, response.text
    return re.findall(rb'"probabilities":(\[.*?\]|\{.*?\})', response.content)

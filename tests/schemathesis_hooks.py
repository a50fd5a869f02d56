"""What schemathesis cannot know of the service: which bytes are a picture, and what is no form."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext

from loadtest.inputs import draw_digits

PICTURES = st.sampled_from([each.file for each in draw_digits(12)])

schemathesis.openapi.format("binary", PICTURES)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:  # noqa: ARG001
    """Without bodies that are wrong only before they are sent: a form has no way to write None or
    an empty list, so that a field too many becomes none."""
    body = case.body
    if case.media_type != "multipart/form-data" or not isinstance(body, dict):
        return True
    if not case.meta or not case.meta.generation.mode.is_negative:
        return True
    sent = [name for name, value in body.items() if value is not None and value != []]
    return sent not in (["image"], ["images"])

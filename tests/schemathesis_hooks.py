"""What schemathesis cannot know of the service: which bytes are a picture."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from loadtest.inputs import draw_digits

PICTURES = st.sampled_from([each.file for each in draw_digits(12)])

schemathesis.openapi.format("binary", PICTURES)

"""Requests and answers, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from service.contract.manifest import Accuracy, Calibration, File

MAX_BATCH = 256

Probability = Annotated[float, Field(ge=0, le=1)]


def _without_lone_surrogates(text: str) -> str:
    """JSON can hold half a character, which no tokenizer reads."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("surrogate", "Input should have no lone surrogate") from error
    return text


Text = Annotated[str, AfterValidator(_without_lone_surrogates)]


class SentimentRequest(BaseModel):
    """One text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text


class SentimentBatchRequest(BaseModel):
    """Many texts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    texts: Annotated[list[Text], Field(min_length=1, max_length=MAX_BATCH)]


class DigitAnswer(TypedDict):
    """One digit. `confidence` takes for granted that there is one; `digit_score` does not."""

    label: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    probabilities: Annotated[list[Probability], Field(min_length=10, max_length=10)]
    digit_score: Probability | None
    abstained: bool
    reason: Literal["blank", "not_a_digit", "several_digits", "uncertain"] | None
    model: str


class Moods(TypedDict):
    """A probability for each mood; they sum to 1."""

    negative: Probability
    positive: Probability


class SentimentAnswer(TypedDict):
    """The mood of one text, and how much of it the model could read."""

    label: Literal["negative", "positive"]
    confidence: Probability
    probabilities: Moods
    abstained: bool
    reason: Literal["empty", "mostly_unknown_words", "uncertain"] | None
    tokens: int
    truncated: bool
    unknown_fraction: Probability
    model: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retry_after_ms: int | None = None


class FailedEntry(BaseModel):
    """What stands in a bulk answer in place of one that could not be given."""

    error: Problem


Entry = TypeVar("Entry")


class BatchAnswer(BaseModel, Generic[Entry]):
    """Answers or errors in the order sent."""

    results: list[Entry | FailedEntry]


class VersionState(BaseModel):
    """A version on disk; `serving`, `available`, or `rejected` for the reason in `detail`."""

    version: int
    state: Literal["serving", "available", "rejected"]
    detail: str | None = None


class ModelCard(BaseModel):
    """What is served under a name, and how good it is."""

    name: str
    version: int
    versions: list[VersionState]
    labels: list[str]
    limits: dict[str, int]
    accuracy: Accuracy
    calibration: Calibration
    parameters: int
    data: dict[str, str]
    files: dict[str, File]


class ModelCards(BaseModel):
    """Every model."""

    models: list[ModelCard]


class Health(BaseModel):
    """`live`, `ready`."""

    status: str

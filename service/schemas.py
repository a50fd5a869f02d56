"""Requests and answers, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from service.contract.decoding import Box
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


DigitReason = Literal["blank", "not_a_digit", "several_digits", "uncertain"]


class DigitAnswer(TypedDict):
    """One digit. `confidence` takes for granted that there is one; `digit_score` does not."""

    label: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    probabilities: Annotated[list[Probability], Field(min_length=10, max_length=10)]
    digit_score: Probability
    abstained: bool
    reason: DigitReason | None
    model: str


class ExplainedDigitAnswer(DigitAnswer):
    """`seen` is the 28x28 picture that the model saw, as the data URI of a PNG; `box` tells where
    it lay in the upload, null where nothing is on it."""

    seen: Annotated[str, Field(pattern="^data:image/png;base64,")]
    box: Box | None


class ReadDigit(TypedDict):
    """One digit of a number; `box` tells where in the upload it lies."""

    label: Annotated[int, Field(ge=0, le=9)]
    confidence: Probability
    probabilities: Annotated[list[Probability], Field(min_length=10, max_length=10)]
    abstained: bool
    reason: DigitReason | None
    box: Box


class NumberAnswer(TypedDict):
    """The digits of a picture, left to right and line by line. `text` has a newline between lines
    and is empty where there is no digit."""

    text: Annotated[str, Field(pattern="^([0-9]+(\\n[0-9]+)*)?$")]
    digits: list[ReadDigit]
    model: str


class Moods(TypedDict):
    """A probability for each mood; they sum to 1."""

    negative: Probability
    positive: Probability


MoodReason = Literal["empty", "mostly_unknown_words", "uncertain"]


class SentimentAnswer(TypedDict):
    """The mood of one text, and how much of it the model could read."""

    label: Literal["negative", "positive"]
    confidence: Probability
    probabilities: Moods
    abstained: bool
    reason: MoodReason | None
    tokens: int
    truncated: bool
    unknown_fraction: Probability
    model: str


class WeighedWord(TypedDict):
    """A word that the model read, where in the text as sent it stands, in Unicode code points, and
    what it says in log-odds of positive, alone and beside its neighbours."""

    word: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    weight: float


class ExplainedSentimentAnswer(SentimentAnswer):
    """`words` are all that the model read, in the order of the text."""

    words: list[WeighedWord]


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


class Reloaded(BaseModel):
    """The version that serves since a reload, and the one that did `before`."""

    model: str
    before: str


class Health(BaseModel):
    """`live`, `ready`."""

    status: str

"""The model card: what a person should know before relying on a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.contract.manifest import Abstention, Manifest
from training.abstention import Judged
from training.progress import Epoch
from training.scores import Shares, accuracy_at_coverage, auroc

CARD = "CARD.md"

SUREST = 0.8

ABOUT = {
    "digits": """Reads one handwritten digit. It was trained on MNIST: digits of American census
workers and pupils, white on black, 28x28 pixels. The service brings other pictures into that form
first. It names a digit for every picture; its score tells how much the picture looks like one digit
at all.""",
    "sentiment": """Tells whether an English text speaks well or badly of its subject. It was
trained on film reviews of the IMDB data set, of which the middling ones were left out, and on short
sentences about other things that were written or made of phrases; of other languages it knows
nothing. It should not be used to judge people.""",
}

ARCHITECTURE = {
    "digits": "Three 3x3 convolutions (32, 64, 64 channels, ReLU), the first two followed by "
    "max-pooling by 2; dense 64, ReLU; dense 10.",
    "sentiment": "Word vectors of 100, two bidirectional LSTM layers of 256 units, the mean "
    "over the words, one logit.",
}

ABSTAINS = {
    "digits": "From a blank picture, from one whose digit score is below {t.min_digit_score:.4f}, "
    "and where its\nconfidence is below {t.min_confidence:.4f}: thresholds that leave "
    "{t.coverage:.2%} of all validation digits.",
    "sentiment": "From a text without a word, from one of whose words it does not know more than "
    "{t.max_unknown_fraction:.1%},\nand where its confidence is below {t.min_confidence:.4f}: "
    "the lowest threshold with which at least 95% of\nthe answers that it stands by are right if "
    "reviews, cut and written sentences come\nequally often, on validation. It leaves "
    "{t.coverage:.2%} of these.",
}

LICENCE = {
    "digits": "MNIST: Y. LeCun, C. Cortes, C. Burges; usually given as CC BY-SA 3.0.",
    "sentiment": "IMDB: A. L. Maas et al., Learning Word Vectors for Sentiment Analysis, ACL 2011; "
    "no formal licence, for research, cite the paper.",
}


def write_card(
    manifest: Manifest,
    history: Sequence[Epoch],
    judged: Sequence[Judged],
    non_digit_scores: Shares | None,
    path: Path,
) -> None:
    """Write `CARD.md`; the two in the middle are as in `export.Release`."""
    name, test, validation = manifest.name, manifest.test, manifest.validation
    recipe = "\n".join(
        f"| {key.replace('_', ' ')} | {value} |" for key, value in manifest.recipe.items()
    )
    epochs = "\n".join(
        f"| {epoch.number} | {epoch.train_loss:.4f} | {epoch.train_accuracy:.2%} "
        f"| {epoch.validation_loss:.4f} | {epoch.validation_accuracy:.2%} |"
        for epoch in history
    )
    chosen = "the epoch was chosen on them"
    if manifest.recipe.get("scenes"):
        chosen += ", and on the same digits in scenes"
    if manifest.baseline:
        chosen += ", and how far to believe the teachers"
    limit = (
        f"It reads up to {manifest.max_tokens} words; of a longer text, the head and the tail.\n"
        if manifest.max_tokens
        else ""
    )
    start = manifest.recipe.get("start_from")
    start_option = f" --start-from models/{start}" if start else ""
    changes = (
        f"""| accuracy of the fp32 form, `model.onnx`: test, validation \
| {q.fp32.test.accuracy:.2%}, {q.fp32.validation.accuracy:.2%} |
| accuracy of the int8 form, `model.int8.onnx`: test, validation \
| {q.int8.test.accuracy:.2%}, {q.int8.validation.accuracy:.2%} |
| test samples to which the forms give different labels | {q.changed_labels:,} |
| largest difference of a probability between the forms, test \
| {q.largest_difference:.4f} |
"""
        if (q := manifest.quantization)
        else ""
    )
    baseline = (
        f"| accuracy of {b.method}, fitted to the same train part: test, validation "
        f"| {b.test.accuracy:.2%}, {b.validation.accuracy:.2%} |\n"
        if (b := manifest.baseline)
        else ""
    )
    path.write_text(
        f"""# {name}/{manifest.version}

{ABOUT[name]}
{limit}
## Measured

| | |
|---|---|
| accuracy, test ({test.samples:,} samples, on which nothing was chosen) | {test.accuracy:.2%} \
(95% interval {test.interval[0]:.2%} to {test.interval[1]:.2%}) |
| accuracy, validation ({validation.samples:,} samples, {chosen}) \
| {validation.accuracy:.2%} |
| expected calibration error, test, 15 bins | {manifest.calibration.expected_error:.2%} |
| largest difference of a probability between torch and `model.onnx`, {manifest.parity.samples:,} \
test samples | {manifest.parity.largest_difference:.0e} |
{changes}{baseline}
![Learning curves](learning_curves.png)
![Confusion matrix on test](confusion.png)
{_abstained(name, manifest.abstention, judged, non_digit_scores) if manifest.abstention else ""}
## Made

{ARCHITECTURE[name]} {manifest.parameters:,} parameters; `{manifest.serves}` serves, \
{manifest.files[manifest.serves].bytes:,} bytes. Probabilities are calibrated by a temperature of \
{manifest.calibration.temperature:.3f}, fitted on validation.

    python -m training.{name} --recipe {manifest.recipe["name"]} --seed {manifest.seed} \
--epochs {manifest.recipe["epochs"]}{start_option}

| recipe | |
|---|---|
{recipe}

| epoch | train loss | train accuracy | validation loss | validation accuracy |
|---|---|---|---|---|
{epochs}

{LICENCE[name]}
""",
        encoding="utf-8",
    )


def _abstained(
    name: str, thresholds: Abstention, judged: Sequence[Judged], non_digit_scores: Shares | None
) -> str:
    """The section on calibration, thresholds and what these let through."""
    rows = ""
    for part in judged:
        coverage, risk = part.coverage_and_risk(thresholds)
        rows += (
            f"| {part.part} | {len(part.right):,} | {part.right.mean():.2%} "
            f"| {part.calibration_error():.2%} | {coverage:.2%} | {risk:.2%} "
            f"| {accuracy_at_coverage(part.scores * part.confidence, part.right, SUREST):.2%} |\n"
        )
    refused = ""
    if non_digit_scores is not None:
        below = (non_digit_scores < thresholds.min_digit_score).mean()
        scores = np.concatenate([part.scores for part in judged])
        refused = f"""
Of {len(non_digit_scores):,} pictures that show no digit, of kinds that it was not trained with, \
{below:.1%} are
below the threshold of the digit score. The area under the ROC curve of that score, all digits above
against these, is {auroc(scores, non_digit_scores):.4f}.
"""
    return f"""
## When it abstains

{ABSTAINS[name].format(t=thresholds)}
Risk is the share of wrong answers among those that are left, which are the coverage.

| | samples | accuracy | calibration error | coverage | risk | accuracy of the surest {SUREST:.0%} |
|---|---|---|---|---|---|---|
{rows}{refused}
![Reliability](reliability.png)
![Risk and coverage](risk_coverage.png)
"""


def read_history(card: str) -> list[Epoch]:
    """The epochs of a card as far as it tells them: rounded, and not how long they took."""
    number, loss, share = r"(\d+)", r"(\d+\.\d+)", r"(\d+\.\d+)%"
    row = rf"^\| {number} \| {loss} \| {share} \| {loss} \| {share} \|$"
    return [
        Epoch(
            int(found[1]),
            float(found[2]),
            float(found[3]) / 100,
            float(found[4]),
            float(found[5]) / 100,
            seconds=0,
        )
        for found in re.finditer(row, card, re.MULTILINE)
    ]

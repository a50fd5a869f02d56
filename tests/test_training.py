"""The training scripts as a person runs them: a dry run publishes what the service takes up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from service.contract import image
from service.contract.manifest import MANIFEST, Manifest
from service.registry import load_models
from service.settings import Settings
from tests.running import ROOT
from training import digits, sentiment
from training.digits import RECIPES
from training.options import Options, parse_options, run

DEADLINE = 600  # seconds; on a quiet machine all runs together take two minutes, or four

pytestmark = pytest.mark.timeout(2 * DEADLINE)


def training(script: str, *options: str, folder: Path) -> subprocess.Popen[str]:
    """`python -m training.SCRIPT` in a folder of its own, on one thread."""
    return subprocess.Popen(
        [sys.executable, "-m", f"training.{script}", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    status: int
    output: str
    errors: str


def finish(process: subprocess.Popen[str]) -> Done:
    try:
        output, errors = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    return Done(process.returncode, output, errors)


@dataclass(frozen=True)
class DryRuns:
    """Both scripts in one folder, side by side, then the digits again by another recipe."""

    folder: Path
    sentiment: Done
    digits: Done
    reference: Done


@pytest.fixture(scope="module")
def dry_runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> DryRuns:
    folder = tmp_path_factory.mktemp("dry_run")
    options = ["--dry-run", "--data-dir", str(data_dir.resolve()), "--models-dir", "models"]
    sentiment = training("sentiment", *options, folder=folder)
    try:
        digits = finish(training("digits", *options, folder=folder))
        reference = finish(training("digits", *options, "--recipe", "reference", folder=folder))
        return DryRuns(folder, finish(sentiment), digits, reference)
    finally:
        sentiment.kill()


@pytest.fixture(scope="module")
def manifests(dry_runs: DryRuns) -> dict[str, Manifest]:
    """By name and version, as published."""
    return {
        "/".join(path.parts[-3:-1]): Manifest.model_validate_json(path.read_bytes())
        for path in (dry_runs.folder / "models").glob(f"*/*/{MANIFEST}")
    }


def test_dry_runs_end_well_and_say_what_they_published(dry_runs: DryRuns) -> None:
    for done, name in ((dry_runs.digits, "digits/1"), (dry_runs.sentiment, "sentiment/1")):
        assert (done.status, done.errors) == (0, "")
        assert "epoch  1: train loss" in done.output
        assert f"published models/{name}: test accuracy" in done.output


def test_the_reference_recipe_publishes_the_next_version(
    dry_runs: DryRuns, manifests: dict[str, Manifest]
) -> None:
    assert (dry_runs.reference.status, dry_runs.reference.errors) == (0, "")
    assert manifests.keys() == {"digits/1", "digits/2", "sentiment/1"}
    recipe = manifests["digits/2"].recipe
    assert recipe["name"] == "reference"
    assert recipe["learning_rate"] == RECIPES["reference"].learning_rate
    assert manifests["digits/2"].parameters == manifests["digits/1"].parameters == 93_322


def test_a_version_is_refined_with_the_words_it_has(
    dry_runs: DryRuns, manifests: dict[str, Manifest], data_dir: Path
) -> None:
    options = ["--dry-run", "--data-dir", str(data_dir.resolve()), "--models-dir", "refined"]
    start = ["--recipe", "refined", "--start-from", "models/sentiment/1"]
    done = finish(training("sentiment", *options, *start, folder=dry_runs.folder))
    assert (done.status, done.errors) == (0, "")
    before = manifests["sentiment/1"]
    refined = dry_runs.folder / "refined" / "sentiment" / "1" / MANIFEST
    after = Manifest.model_validate_json(refined.read_bytes())
    assert after.recipe["start_from"] == "sentiment/1"
    assert after.files["tokenizer.json"] == before.files["tokenizer.json"]
    assert after.files["model.onnx"] != before.files["model.onnx"]
    shutil.rmtree(dry_runs.folder / "refined")


def test_the_service_serves_what_a_dry_run_published(dry_runs: DryRuns) -> None:
    models = load_models(Settings(models_dir=dry_runs.folder / "models"))
    states = {
        name: {version.version: version.state for version in model.versions}
        for name, model in models.items()
    }
    assert states == {
        "digits": {2: "serving", 1: "available"},
        "sentiment": {1: "serving"},
    }


def test_a_dry_run_measures_on_little_data_and_says_so(manifests: dict[str, Manifest]) -> None:
    assert manifests["digits/1"].test.samples == 300
    assert manifests["sentiment/1"].test.samples == 200
    for manifest in manifests.values():
        assert manifest.recipe["epochs"] == 1
        assert manifest.parity.largest_difference < 1e-5


def test_a_dry_run_publishes_two_forms_and_says_which_serves(
    manifests: dict[str, Manifest],
) -> None:
    for manifest in manifests.values():
        both = manifest.quantization
        assert both is not None
        assert {"model.onnx", "model.int8.onnx"} <= manifest.files.keys()
        lost = both.fp32.validation.correct - both.int8.validation.correct
        little = lost <= 0.001 * both.fp32.validation.samples  # if more, chance decides
        assert manifest.serves in ({"model.int8.onnx"} if little else manifest.files)


def test_what_is_published_leaves_nothing_to_resume(dry_runs: DryRuns) -> None:
    assert {path.name for path in dry_runs.folder.iterdir()} == {"models", ".checkpoints"}
    left = [path.name for path in (dry_runs.folder / ".checkpoints").iterdir()]
    assert left == [f"scenes-{image.VERSION}-dry-run"]  # pictures, which any run may train on


def test_a_folder_without_data_ends_with_a_clear_line(tmp_path: Path) -> None:
    done = finish(training("digits", "--data-dir", "nowhere", folder=tmp_path))
    assert done.status == 2
    last = done.errors.strip().splitlines()[-1]
    assert "no data in nowhere" in last
    assert "python -m training.data" in last
    assert "Traceback" not in done.errors


@pytest.mark.parametrize("script", [digits, sentiment])
def test_a_data_folder_that_lacks_a_file_ends_with_a_line_that_names_it(
    script: ModuleType, tmp_path: Path
) -> None:
    options = Options("default", tmp_path, tmp_path, "cpu", 1, None, dry_run=True)
    with pytest.raises(
        SystemExit, match=r"(train-images|train\.csv).* is missing: python -m train"
    ):
        run(script.main, options)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--data-dir", "nowhere"], "no data in nowhere: run python -m training.data"),
        (["--epochs", "0"], "--epochs must be at least 1, not 0"),
        (["--recipe", "tasty"], "invalid choice: 'tasty'"),
        (["--vectors", "glove.txt"], "unrecognized arguments: --vectors"),
    ],
)
def test_wrong_options_end_with_status_2_and_say_what_is_wrong(
    options: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["training.digits", *options])
    with pytest.raises(SystemExit) as ended:
        parse_options("", RECIPES)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_dry_run_publishes_away_from_the_models_that_are_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["training.digits", "--dry-run", "--data-dir", str(tmp_path)])
    options = parse_options("", RECIPES)
    assert options.models_dir.parts[0] == ".checkpoints"
    monkeypatch.setattr(sys, "argv", ["training.digits", "--data-dir", str(tmp_path)])
    assert parse_options("", RECIPES).models_dir == Path("models")

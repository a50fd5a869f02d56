"""models/ -> verified, warmed-up predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.artifact import read_files, read_manifest, refuse_external_data
from service.contract.manifest import MANIFEST, Manifest
from service.digits import Digits
from service.errors import ModelError
from service.predictor import Predictor, Task
from service.schemas import ModelCard, VersionState
from service.sentiment import Sentiment
from service.session import Session
from service.settings import Settings
from service.telemetry import MODELS

TASKS: dict[str, type[Digits] | type[Sentiment]] = {"digits": Digits, "sentiment": Sentiment}


@dataclass(frozen=True)
class Model:
    """What is served under a name, and what became of every version on disk."""

    predictor: Predictor[Any, Any, Any]
    versions: list[VersionState]

    def card(self) -> ModelCard:
        """As the API shows it."""
        return ModelCard(**self.predictor.card(), versions=self.versions)


def load_models(settings: Settings) -> dict[str, Model]:
    """The highest version of each model that is whole and answers its golden cases; of a pinned
    one this version.

    Raises ModelError, naming the file, where a model has no such version.
    """
    return {name: _load_model(settings.models_dir / name, settings) for name in TASKS}


def rejected(models: Mapping[str, Model], settings: Settings) -> list[str]:
    """For the operator: the versions that were passed over, and why."""
    return [
        f"{settings.models_dir / name / str(state.version)} is not served: {state.detail}"
        for name, model in models.items()
        for state in model.versions
        if state.state == "rejected"
    ]


def _load_model(shelf: Path, settings: Settings) -> Model:
    if not (folders := list(_versions(shelf))):
        raise ModelError(
            f"{shelf} holds no model: a folder {shelf}/1 with a {MANIFEST} was expected. Take it "
            f"from the project again, or train it with python -m training.{shelf.name}."
        )
    pin = settings.pins.get(shelf.name)
    if pin is not None and not any(int(folder.name) == pin for folder in folders):
        raise ModelError(f"{shelf} has no version {pin}, to which it is pinned. See --pinned.")
    states: list[VersionState] = []
    predictor = None
    for folder in folders:
        version = int(folder.name)
        if predictor is not None or version != (pin or version):
            states.append(VersionState(version=version, state="available"))
            continue
        try:
            predictor = _load_version(folder, settings)
            states.append(VersionState(version=version, state="serving"))
        except ModelError as error:
            states.append(VersionState(version=version, state="rejected", detail=str(error)))
    if predictor is None:
        highest = next(state for state in states if state.state == "rejected")
        raise ModelError(
            f"{shelf / str(highest.version)}: {highest.detail}. Take this version from the project "
            f"again, or train a new one with python -m training.{shelf.name}."
        )
    return Model(predictor, states)


def _versions(shelf: Path) -> Iterator[Path]:
    """Folders whose name is a number, the highest first; raises ModelError where none may look."""
    try:
        if shelf.is_dir():
            numbered = (path for path in shelf.iterdir() if path.name.isdecimal() and path.is_dir())
            yield from sorted(numbered, key=lambda path: int(path.name), reverse=True)
    except OSError as error:
        raise ModelError(f"{shelf} cannot be read: {error.strerror}") from error


def _load_version(folder: Path, settings: Settings) -> Predictor[Any, Any, Any]:
    """Raises ModelError, naming the file within the folder, where anything is not as published."""
    manifest = _read_manifest(folder, settings.models_dir)
    files = read_files(folder, settings.models_dir, manifest.files)
    refuse_external_data(manifest.serves, graph := files[manifest.serves])
    try:
        session = Session(graph, threads=1)
    except Exception as error:  # onnxruntime's errors have no common base
        raise ModelError(f"{manifest.serves} cannot be loaded ({type(error).__name__})") from error
    try:
        task: Task[Any, Any, Any] = TASKS[manifest.name](manifest, files)
    except Exception as error:  # nor have those of tokenizers
        raise ModelError(
            f"tokenizer.json and max_tokens of {MANIFEST} cannot be used ({type(error).__name__})"
        ) from error
    promised = {**manifest.inputs, **manifest.outputs}
    if session.signature() != {name: (t.type, t.shape) for name, t in promised.items()}:
        raise ModelError(f"{manifest.serves} has other inputs or outputs than {MANIFEST} says")
    predictor = Predictor(manifest, task, session, settings)
    try:
        wrong = predictor.check_golden_cases()
    except Exception as error:  # whatever a case or a graph of another make does
        raise ModelError(f"the golden cases of {MANIFEST} cannot be run") from error
    if wrong:
        raise ModelError(f"{manifest.serves}: {wrong}")
    predictor.learn_costs()
    MODELS.labels(manifest.name, str(manifest.version), manifest.serves).set(1)
    return predictor


def _read_manifest(folder: Path, within: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(read_manifest(folder, within))
    except ValidationError as error:
        raise ModelError(f"{MANIFEST} cannot be read ({type(error).__name__})") from error
    if (manifest.name, str(manifest.version)) != (folder.parent.name, folder.name):
        raise ModelError(f"{MANIFEST} belongs to {manifest.name}/{manifest.version}")
    if manifest.serves not in manifest.files:
        raise ModelError(f"{MANIFEST} has no hash of {manifest.serves}, which it says serves")
    if not manifest.golden:
        raise ModelError(
            f"{MANIFEST} has no golden cases, without which nothing is known to be right"
        )
    if manifest.preprocessing != (expected := TASKS[manifest.name].preprocessing):
        raise ModelError(
            f"{MANIFEST} was made with preprocessing {manifest.preprocessing}, "
            f"this service has {expected}"
        )
    return manifest

"""The models that lie in the project, as the service would take them up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.contract.manifest import MANIFEST, Manifest
from service.contract.text import TextEncoder, pad
from service.session import Session

Logits = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Committed:
    """One version of a model."""

    folder: Path
    manifest: Manifest

    def session(self) -> Session:
        """The file that answers requests, on one thread as the service runs it."""
        return Session((self.folder / self.manifest.serves).read_bytes(), threads=1)

    def files(self) -> dict[str, bytes]:
        """What the service reads of it, by name."""
        return {name: (self.folder / name).read_bytes() for name in self.manifest.files}

    def encoder(self) -> TextEncoder:
        """For a model that reads texts."""
        assert self.manifest.max_tokens is not None
        return TextEncoder.load(self.folder / "tokenizer.json", self.manifest.max_tokens)


def committed(models_dir: Path, name: str) -> Committed:
    """The highest version, which is the one that serves."""
    folders = [path for path in (models_dir / name).iterdir() if path.name.isdecimal()]
    folder = max(folders, key=lambda path: int(path.name))
    return Committed(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))


def run_ids(session: Session, rows: list[Ids], padding: int = 0) -> Logits:
    """Logits (b, 1) of rows in one batch, with `padding` more columns than the longest needs."""
    batch = pad(rows)
    batch["ids"] = np.pad(batch["ids"], ((0, 0), (0, padding)))
    return session.run({**batch})

"""A deletion curve: what is left of a mood without the words that weigh most."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from training.evaluate import main
from training.evaluate_explanations import ORDERS, REMOVED, Removal, deletion_curves, without
from training.plots import plot_deletion


def place(text: str, *words: str) -> list[dict[str, int]]:
    return [{"start": text.index(w), "end": text.index(w) + len(w)} for w in words]


def test_words_are_cut_out_by_their_places_in_any_order() -> None:
    text = "a 😀 great film, truly"
    assert without(text, place(text, "truly", "great")) == "a 😀  film, "
    assert without(text, place(text, "😀", "a")) == "  great film, truly"
    assert without(text, []) == text


def test_a_curve_has_the_means_of_every_share() -> None:
    removals = [
        Removal(order, share, probability - share / 2, same=probability > 0.5)
        for order in ORDERS
        for share in REMOVED
        for probability in (1.0, 0.5)
    ]
    curves = deletion_curves(removals)
    assert list(curves) == list(ORDERS)
    for curve in curves.values():
        assert [left for left, _ in curve] == pytest.approx([0.75 - share / 2 for share in REMOVED])
        assert [same for _, same in curve] == [0.5] * len(REMOVED)


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    curves = {order: [(1 - share, 1 - share**2) for share in REMOVED] for order in ORDERS}
    plot_deletion(REMOVED, curves, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width > picture.height > 300


def test_a_folder_without_data_ends_with_a_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explanations", "--data-dir", str(tmp_path / "nowhere")])
    assert ended.value.code == 2
    assert "python -m training.data" in capsys.readouterr().err

"""Every row of the ablation is the recipe without one thing, and is resumed as itself."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from training.ablation import ALL, MIX, VARIANTS
from training.sentiment_recipes import RECIPES

RECIPE = replace(RECIPES["default"], epochs=1, mix=MIX)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != ALL])
def test_a_variant_differs_from_the_recipe_in_what_its_name_says(name: str) -> None:
    changed = VARIANTS[name](RECIPE)
    assert VARIANTS[ALL](RECIPE) == RECIPE != changed
    before, after = asdict(RECIPE), asdict(changed)
    assert sum(before[key] != after[key] for key in before) <= 2


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_the_pretraining_of_all_or_none(name: str) -> None:
    """Which is done once, since it takes the longest."""
    changed = VARIANTS[name](RECIPE)
    assert changed.pretraining in (RECIPE.pretraining, None)
    assert changed.dropout == RECIPE.dropout
    assert changed.vocabulary == RECIPE.vocabulary


def test_no_two_variants_are_alike() -> None:
    recipes = [repr(change(RECIPE)) for change in VARIANTS.values()]
    assert len({*recipes}) == len(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_reviews_are_as_many_in_every_variant(name: str) -> None:
    mix = VARIANTS[name](RECIPE).mix
    assert mix is not None
    assert mix.labelled + mix.unlabelled == MIX.labelled + MIX.unlabelled
    assert mix.cut + mix.made in (MIX.cut + MIX.made, 0)

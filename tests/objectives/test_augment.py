from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from archllm.objectives import fitting
from archllm.objectives.fitting import augment


@pytest.fixture
def images() -> Tensor:
    return torch.rand(200, 2, 16, 12, generator=torch.Generator().manual_seed(0)) + 1


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def windows(image: Tensor) -> dict[tuple[int, int], Tensor]:
    """All shifts of one image by at most one pixel, filled with zeros."""
    padded = F.pad(image, (1, 1, 1, 1))
    return {(y, x): padded[:, 1 + y : 17 + y, 1 + x : 13 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)}


def test_without_augmentation_images_stay_as_they_are(images: Tensor) -> None:
    assert torch.equal(augment(images, "none", 0, seeded()), images)


def test_a_crop_shifts_each_image_by_up_to_an_eighth_of_its_size_all_ways_alike(images: Tensor) -> None:
    shifts = []
    for before, after in zip(images, augment(images, "crop", 0, seeded()), strict=True):
        shifts += [shift for shift, window in windows(before).items() if torch.equal(window, after)]
    assert len(shifts) == len(images) and len(set(shifts)) == 9


def test_crop_flip_also_mirrors_about_half_of_the_images(images: Tensor) -> None:
    mirrored = 0
    for before, after in zip(images, augment(images, "crop-flip", 0, seeded()), strict=True):
        plain = any(torch.equal(window, after) for window in windows(before).values())
        flipped = any(torch.equal(window, after.flip(2)) for window in windows(before).values())
        assert plain != flipped
        mirrored += flipped
    assert 70 < mirrored < 130


def test_cutout_blanks_a_square_cut_off_at_the_border_and_nothing_else(images: Tensor) -> None:
    areas = set()
    for before, after in zip(images, augment(images, "none", 4, seeded()), strict=True):
        blank = after[0] == 0
        assert torch.equal(blank, after[1] == 0) and torch.equal(after[:, ~blank], before[:, ~blank])
        rows, columns = blank.any(1), blank.any(0)
        assert torch.equal(blank, rows[:, None] & columns[None])  # a rectangle
        assert 2 <= rows.sum() <= 4 and 2 <= columns.sum() <= 4
        areas.add(int(blank.sum()))
    assert max(areas) == 16


def test_the_generator_decides_everything(images: Tensor) -> None:
    state = torch.get_rng_state()
    one, same, other = (augment(images, "crop-flip", 3, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())


def test_colour_changes_contrast_and_tint_of_whole_images_a_little(images: Tensor) -> None:
    plain, tinted = augment(images, "crop-flip", 0, seeded()), augment(images, "crop-flip-colour", 0, seeded())
    inside = plain[:, :, 4:12, 4:8], tinted[:, :, 4:12, 4:8]
    for before, after in zip(inside[0][:20], inside[1][:20], strict=True):
        contrast = (after[0].max() - after[0].min()) / (before[0].max() - before[0].min())
        assert torch.allclose(after - contrast * before, (after - contrast * before)[:, :1, :1], atol=1e-4)
        assert 0.8 <= contrast <= 1.2
    assert (inside[1] - inside[0]).std() > 0.05


def test_windows_are_the_same_whether_they_are_cut_out_or_gathered() -> None:
    images = torch.randn(9, 3, 12, 20, generator=seeded())
    cut = fitting._shifted(images, seeded(5))
    places = torch.randint(0, 3, (2, 9), generator=seeded(5))
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    assert torch.equal(cut, fitting._gathered(padded, places, 12, 20))

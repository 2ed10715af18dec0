"""The augmentation that the report shows."""

import random

import keras
import numpy as np
import pytest

from charrec.models import augmentation
from charrec.steps.augment import COLUMNS, drawn
from tests.toy import WARNINGS, toy_arrays

pytestmark = pytest.mark.filterwarnings(*WARNINGS)


def test_what_is_drawn_does_not_depend_on_what_other_threads_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share Python's generator: a retry's jitter between two layers changed the pictures."""
    made = augmentation.augmentation

    def disturbed() -> keras.Sequential:
        random.seed()
        return made()

    monkeypatch.setattr(augmentation, "augmentation", disturbed)
    images = toy_arrays(8, 32).images[:4]
    one, again, other = drawn(images, 1), drawn(images, 1), drawn(images, 2)
    assert one.shape == (4, COLUMNS, 32, 32)
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert np.array_equal(one[:, 0], images)
    assert all(not np.array_equal(one[:, k], one[:, k + 1]) for k in range(COLUMNS - 1))

"""scikit-learn's handwritten digits, as a source of new data."""

import numpy as np

from charrec.data.sources.handwriting import read_sklearn_digits


def test_1797_digits_white_on_black_over_the_full_range():
    digits = read_sklearn_digits()
    assert digits.images.shape == (1797, 8, 8) and digits.images.dtype == np.uint8
    assert len(set(digits.names)) == len(digits) == 1797
    assert digits.images.max() == 255 and digits.images[:, :, 0].mean() < 1


def test_labels_are_digits_of_the_62_classes():
    digits = read_sklearn_digits()
    assert digits.labels[:10].tolist() == list(range(10))  # the set starts with 0, 1, 2 ... 9
    assert set(digits.labels.tolist()) == set(range(10))
    assert "CC BY 4.0" in digits.licence

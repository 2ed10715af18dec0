"""New data without a download: scikit-learn's handwritten digits."""

from importlib.metadata import version

import numpy as np

from charrec.alphabet import DIGITS
from charrec.data.images import LabelledImages
from charrec.data.sources.source import Selection, Source

LEVELS = 16  # ink pixels, 0 ... 16, in each 4x4 block of the scanned bitmap


def read_sklearn_digits() -> LabelledImages:
    """1,797 digits by 13 writers, 8x8, white on black: the test set of UCI's Optical Recognition of Handwritten Digits.

    E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, doi 10.24432/C50P49.
    """
    from sklearn.datasets import load_digits  # 1 s to import

    bundle = load_digits()
    images = np.rint(bundle.images * (255 / LEVELS)).astype(np.uint8)
    labels = np.array(DIGITS, np.int64)[bundle.target]
    return LabelledImages(
        images=images,
        labels=labels,
        fonts=["handwriting"] * len(images),  # the set does not identify writers
        styles=["regular"] * len(images),
        names=[f"{digit}/{number:04}.png" for number, digit in enumerate(bundle.target)],
        source="UCI Optical Recognition of Handwritten Digits, as bundled with scikit-learn",
        version=f"scikit-learn=={version('scikit-learn')}",
        licence="CC BY 4.0, https://archive.ics.uci.edu/dataset/80",
    )


def read(source: Source, selection: Selection) -> LabelledImages:
    return read_sklearn_digits()

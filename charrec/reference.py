"""The run this study reproduces: a slide deck, Kaggle P100, TensorFlow 2.12, batch 64, random split.

`epoch_seconds` is the slide's range; None means that the deck gives no figure.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceModel:
    parameters: int | None
    epoch_seconds: tuple[int, int]
    val_accuracy: float
    val_accuracy_epoch: int
    val_loss: float
    val_loss_epoch: int | None


MODELS = {
    "model_1": ReferenceModel(830_334, (28, 31), 0.8901, 5, 0.3226, 4),
    "model_2": ReferenceModel(830_334, (25, 29), 0.9062, 15, 0.2628, 11),
    "model_3": ReferenceModel(3_979_560, (26, 30), 0.9095, 14, 0.2509, 13),
    "model_4": ReferenceModel(None, (26, 29), 0.9074, 19, 0.2488, None),
}
SEARCH_SECONDS = 1 * 3600 + 11 * 60 + 26
SEARCH_TRIALS = 30
SEARCH_CHOSEN = {"filters_hp_1": 16, "filters_hp_2": 32, "filters_hp_3": 64, "dropout": 0.6, "units": 288}
READ_AS = {"APR": "APQ", "2023": "A073"}

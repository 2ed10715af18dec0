"""The networks of the study, one file each; each is a function of its input shape, with its module's name."""

from typing import Any

DECK = ("model_1", "model_2", "model_3", "model_4")  # the slides'
MODELS = (*DECK, "model_5")  # and what this project proposes after them
SEARCHED = "model_4"  # its size is the search's result
# What a model has of its own, whatever the study's.
OWN: dict[str, dict[str, Any]] = {"model_5": {"batch_size": 128, "image_size": 32, "image_channels": 1}}

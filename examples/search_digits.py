"""A durable search for a network that reads sklearn's 1,797 digits: any number of workers, any of which may vanish.

python examples/search_digits.py results/digits              # a worker; start as many as you like, anywhere
python examples/search_digits.py s3://bucket/digits          # the same on forty machines
charrec sweep status results/digits                          # from another terminal
"""

import logging
import os
import sys
from pathlib import Path

import keras
import keras_tuner
from keras import layers
from sklearn.datasets import load_digits

from charrec.sweep import Found, Search, search


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """An ordinary Keras Tuner model builder."""
    model = keras.Sequential([layers.Input((8, 8, 1)), layers.Rescaling(1 / 16)])
    for block in range(hp.Int("blocks", 1, 2)):
        model.add(layers.Conv2D(hp.Choice(f"filters_{block}", [8, 16, 32]), 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1)))
    model.add(layers.Dense(10, activation="softmax"))
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def find(store: str, max_epochs: int = 9) -> Found:
    digits = load_digits()
    images, labels = digits.images[..., None], digits.target
    how = Search(max_epochs=max_epochs, factor=3, objective="val_accuracy")
    return search(build, how, store, fit={"x": images, "y": labels, "validation_split": 0.2, "batch_size": 64})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    found = find(*sys.argv[1:2], *map(int, sys.argv[2:3]))
    print(f"val_accuracy {found.best.score:.4f} with {found.best.values}")
    found.model().save(own := f"digits-{os.getpid()}.keras")  # every worker comes here, several at a time
    Path(own).replace("digits.keras")

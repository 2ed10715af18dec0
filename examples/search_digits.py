"""A durable search for a network that reads sklearn's 1,797 digits: any number of workers, any of which may vanish.

python examples/search_digits.py results/digits    # a worker; start as many as you like, or s3://bucket/digits anywhere
charrec sweep status results/digits                # from another terminal
"""

import logging
import os
import sys
from pathlib import Path

import keras
import keras_tuner
from sklearn.datasets import load_digits

from charrec.sweep import Search, search


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    """An ordinary Keras Tuner model builder."""
    layers = [keras.layers.Input((8, 8, 1)), keras.layers.Rescaling(1 / 16)]
    for block in range(hp.Int("blocks", 1, 2)):
        filters = hp.Choice(f"filters_{block}", [8, 16, 32])
        layers += [keras.layers.Conv2D(filters, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1))]
    model = keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
    rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    store, max_epochs = (*sys.argv[1:], "9")[:2]
    images, labels = load_digits().images[..., None], load_digits().target
    how = Search(max_epochs=int(max_epochs), factor=3, objective="val_accuracy")
    found = search(build, how, store, {"x": images, "y": labels, "validation_split": 0.2, "batch_size": 64})
    print(f"val_accuracy {found.best.score:.4f} with {found.best.values}")
    found.model().save(own := f"digits-{os.getpid()}.keras")  # every worker comes here, several at a time
    Path(own).replace("digits.keras")

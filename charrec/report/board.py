"""A drawing board in the page: which network reads what one draws, its weights as the page's script has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charrec.alphabet import CLASSES
from charrec.data import foreign, images
from charrec.models import OWN
from charrec.report import plain, words
from charrec.report.language import later, say
from charrec.report.plain import Layer
from charrec.results import External, StudyResult, TrainingResult
from charrec.storage import Corrupt, NotFound, Store
from charrec.storage.document import Foreign
from charrec.study import Study

LARGEST = 1_000_000  # characters of weights in a page
SAMPLE = 2000  # validation images on which the quantised network is measured: 1.3 s of a core for model 5


@dataclass(frozen=True)
class Board:
    """What the section needs, or why the page has none: a sentence to say of a network and its parameters."""

    model: str = ""
    payload: str = ""  # JSON
    validation: int = 0  # images of the sample
    stored: float = 0.0  # share of them that the network read as it is stored
    quantised: float = 0.0  # and as the page has it
    agreeing: float = 0.0  # share on which both say the same
    temperature: float = 1.0  # that its probabilities have in the page
    why: str = ""
    about: tuple[str, int] = ("", 0)
    error: str = ""

    @property
    def said(self) -> str:
        """Why the page has none, in its language."""
        name, weights = words.name(self.about[0]), words.count(self.about[1])
        return say(self.why, model=name, weights=weights, most=words.count(LARGEST * 3 // 4), error=self.error)


@dataclass(frozen=True)
class Sample:
    """Validation images, their classes, what the network took them for, and its temperature."""

    images: np.ndarray  # (n, size, size) uint8
    labels: np.ndarray
    read: np.ndarray
    temperature: float


def candidates(trainings: Sequence[TrainingResult], external: Sequence[External]) -> list[str]:
    """The networks that were evaluated and fit into a page, the best reader of the new digits, prepared, first.

    The sets that ship with the project or that FULL takes are digits drawn by hand, as what one draws is.
    """
    shares = {x.model: x.accuracy.value for x in external if (x.set, x.method) == ("digits", "prepared")}
    fitting = [t.model for t in trainings if t.model in shares and 4 * t.parameters <= 3 * LARGEST]  # base64
    return sorted(fitting, key=lambda model: -shares[model])


def size_of(study: Study, model: str) -> int:
    """px of the images that it reads."""
    size: int = OWN.get(model, {}).get("image_size", study.image_size)
    return size


def board(
    study: Study, trainings: Sequence[TrainingResult], external: Sequence[External], store: Store,
    sampled: Callable[[str], Sample],
) -> Board:  # fmt: skip
    """The best network that fits, with what quantising costs it on validation images."""
    trained = {training.model: training for training in trainings}
    known = candidates(trainings, external)
    if not known:
        smallest = min(trainings, key=lambda one: one.parameters)
        return Board(
            why=later(
                "No network of this study fits into this page: the smallest, {model}, has {weights} weights, and a page"
                " takes {most}."
            ),
            about=(smallest.model, smallest.parameters),
        )
    model = known[0]
    weights = trained[model].weights
    try:
        layers = plain.read(store.get(weights.key), model, weights.key)
    except (NotFound, Corrupt, Foreign) as error:
        why = later("The weights of {model} cannot be read: {error}")
        return Board(why=why, about=(model, trained[model].parameters), error=str(error))
    layers = plain.grey(layers)
    sample = sampled(model)
    read = plain.logits(plain.rounded(layers), sample.images).argmax(axis=1)
    return Board(
        model=model,
        payload=payload(layers, size_of(study, model), sample.temperature),
        validation=len(read),
        stored=float((sample.read == sample.labels).mean()),
        quantised=float((read == sample.labels).mean()),
        agreeing=float((read == sample.read).mean()),
        temperature=sample.temperature,
    )


def payload(layers: tuple[Layer, ...], size: int, temperature: float) -> str:
    """What the script reads: the layers, their int8 kernels in one string, scales and biases in another."""
    kernels, floats = [], []
    for layer in plain.weighted(layers):
        whole, scale = plain.quantise(layer.kernel)
        kernels.append(whole.tobytes())
        floats += [scale.astype("<f4").tobytes(), np.asarray(layer.bias, "<f4").tobytes()]
    return json.dumps(
        {
            "size": size,
            "classes": "".join(CLASSES),
            "temperature": temperature,
            "frame": images.FRAME,
            "glyph": images.GLYPH,
            "faintest": foreign.FAINTEST,
            "unanimous": foreign.UNANIMOUS,
            "pieces": foreign.PIECES,
            "centring": foreign.CENTRING,
            "full": foreign.FULL_VOTE,
            "layers": [_described(layer) for layer in layers],
            "kernels": base64.b64encode(b"".join(kernels)).decode(),
            "floats": base64.b64encode(b"".join(floats)).decode(),
        }
    )


def _described(layer: Layer) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": layer.kind}
    if layer.kind == "scale":
        return described | {"factor": layer.factor, "offset": layer.offset}
    if layer.kind == "pool":
        return described | {"size": layer.size, "stride": layer.stride}
    if layer.kind == "residual":
        return described | {"inner": [_described(one) for one in layer.inner]}
    if layer.kernel is not None:
        described |= {"shape": list(layer.kernel.shape), "relu": layer.relu}
        return described | ({"stride": layer.stride, "same": layer.same} if layer.kind == "conv" else {})
    return described


def digits_of(result: StudyResult, model: str) -> External | None:
    """How well it reads the new digits, prepared."""
    return next((x for x in result.external if (x.model, x.set, x.method) == (model, "digits", "prepared")), None)

"""Trainings on JAX, by a process of its own: resumed and interrupted as on TensorFlow, many steps in one call."""

import math

import pytest

from charrec.training.on_jax import _paced
from tests.thorough import drawn
from tests.toy import HEAVY, ON_JAX_WAYS, WARNINGS, OnJax

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

on_jax_too = drawn("trainings on JAX", HEAVY)


@on_jax_too
@pytest.mark.parametrize("way", ON_JAX_WAYS)
def test_a_training_resumed_or_interrupted_between_steps_ends_the_same_on_jax(way: str, on_jax: OnJax) -> None:
    """After an error too: jax has returned what it lends to each step."""
    assert on_jax.backend == "jax"
    assert len(on_jax.undisturbed) == 2
    assert on_jax.undisturbed[1]["loss"] < on_jax.undisturbed[0]["loss"]
    assert getattr(on_jax, way) == on_jax.undisturbed
    assert on_jax.stops == ([3] if "interrupted" in ON_JAX_WAYS else [])


@on_jax_too
def test_many_steps_in_one_call_of_jax_are_those_of_keras(on_jax: OnJax) -> None:
    """67 images in batches of 4, the last one smaller; in a network with dropout, so its state advances too."""
    for ours, theirs in zip(on_jax.linear.ours, on_jax.linear.keras, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    for ends in on_jax.linear.last_steps:
        assert ends == sorted(set(ends)) and ends[-1] == 16
    assert len(on_jax.linear.last_steps[1]) < 17
    assert 0 < on_jax.linear.rate < math.inf


@on_jax_too
def test_a_network_and_its_compiled_steps_are_freed_on_jax(on_jax: OnJax) -> None:
    assert on_jax.linear.freed


@pytest.mark.parametrize(("count", "seconds", "then"), [(1, 9, 1), (1, 0.1, 2), (8, 0.3, 8), (8, 0.6, 4), (8, 0.2, 16)])
def test_a_call_of_jax_takes_about_half_a_second(count: int, seconds: float, then: int) -> None:
    assert _paced(count, seconds) == then

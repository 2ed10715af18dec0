"""Any Keras model's `fit` on JAX goes on and is interrupted as on TensorFlow, and no search mixes the two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.errors import InputError
from charrec.storage import open_store
from charrec.sweep.fits import Fits, Search
from tests.sweep.formula import plan
from tests.sweep.test_fitting import EPOCHS
from tests.thorough import drawn
from tests.toy import HEAVY, ON_JAX, ROOT


@drawn("trainings on JAX", HEAVY)
def test_a_training_on_jax_that_goes_on_has_the_numbers_of_an_undisturbed_one() -> None:
    command = [sys.executable, "-m", "tests.sweep.on_jax"]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | ON_JAX, check=True, stdout=subprocess.PIPE)
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["backend"] == "jax"
    assert (found["epochs"], found["left"]) == (EPOCHS, 1)
    assert found["rows"] == [True, True]
    for same in found["weights"]:
        assert len(same) > 8 and all(same)


def test_a_worker_on_another_backend_is_refused(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    ours = plan(Search())
    theirs = ours.model_copy(update={"backend": "jax"})
    theirs.begin(store)
    assert Fits.stored(store, ours.key) == theirs
    with pytest.raises(InputError, match=r"holds another search, with another backend \(jax\); expected one search"):
        ours.begin(store)
    assert "backend" not in ours.model_dump_json()  # as every search on TensorFlow is stored

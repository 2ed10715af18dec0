"""The memory of a whole study: it cannot be stale, and what is lost is computed again."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from charrec.memo.identity import ROOT, Code
from charrec.memo.outcome import objects
from charrec.memo.step import Bench, declared
from charrec.results import Stored
from charrec.steps import NAMES
from charrec.storage import open_store
from charrec.study import Study
from flows.command_line import _parsed, choose
from tests.desk import MODELS, STEPS, TINY, Ran
from tests.driven import Driven
from tests.thorough import THOROUGH, drawn, some
from tests.toy import HEAVY, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS[1:])


@pytest.fixture(scope="module")
def study() -> Study:
    """The tiny one that a user at a desk runs."""
    return choose(_parsed([word for option in TINY.items() for word in option]))[0]


@pytest.fixture
def bench(whole: Ran, whole_store: Path, tmp_path: Path) -> Bench:
    """A copy of the store in which that study is finished."""
    copy = shutil.copytree(whole_store, tmp_path / "results", ignore=shutil.ignore_patterns(".locks", ".tmp"))
    return Bench(open_store(str(copy)), tmp_path / "cache")


def test_a_finished_study_is_recalled_whole(study: Study, bench: Bench) -> None:
    driven = Driven(study, bench)
    driven.run()
    assert driven.cached == dict.fromkeys(STEPS, True)


EVALUATED = {f"evaluate {model}" for model in MODELS}

# file, old text, new text, and the steps that are computed again
CHANGES = {
    "twins": ("data/twins.py", ".isin(set(", ".isin([] and set(", {*EVALUATED, "report"}),
    "a template": ("report/report.html.j2", "<main", "<main lang='en'", {"report"}),
    "the style sheet": ("report/report.css", "{", "{ color: red;", {"report"}),
    "the drawing of the augmentation": ("steps/augment.py", "ROWS, COLUMNS = 4, 6", "ROWS, COLUMNS = 4, 5",
                                        {"augment", "report"}),
    "the mistakes shown": ("steps/report.py", "MISTAKES = 24", "MISTAKES = 25", {"report"}),
    "the fonts chosen": ("data/sources/fonts.py", "def draw(", "CHANGED = 1\n\n\ndef draw(",
                         {"pack glyphs", "pack letters", "report"}),
    "a word in the search's table": ("sweep/table.py", '"no workers"', '"nobody"', set()),
}  # fmt: skip


@pytest.mark.parametrize("what", some(list(CHANGES), 1))
def test_a_change_of_code_redoes_what_depends_on_it_and_nothing_else(
    what: str, study: Study, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys are those of the changed code, so the images and numbers are what the unchanged code computes."""
    file, old, new, redone = CHANGES[what]
    shutil.copytree(ROOT / "charrec", tmp_path / "charrec", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "charrec" / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} no longer has {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    code = Code(tmp_path)
    monkeypatch.setattr("charrec.memo.identity.here", lambda: code)
    for expected in (redone, set()):
        driven = Driven(study, bench)
        driven.run()
        assert driven.redone == expected


TRAIN_ON = """
import sys
from pathlib import Path
from charrec.data.sources import locate
from charrec.memo.step import Bench
from charrec.results import Precision
from charrec.steps import pipeline
from charrec.steps.pack import PACK
from charrec.steps.precision import PRECISION
from charrec.steps.train import TRAIN
from charrec.storage import open_store
from charrec.study import Study

study, bench = Study.model_validate_json(sys.argv[1]), Bench(open_store(sys.argv[2]), Path(sys.argv[3]))
source = locate("glyphs", study.data, bench.cache)
glyphs = PACK.run(pipeline.packing(study, source), bench)
precision = PRECISION.run(pipeline.choosing(study, pipeline.this_kind_of_machine()), bench)
given = pipeline.training(study, "model_1", {"glyphs": glyphs}, precision)
for _ in range(2):
    print(TRAIN.run(given, bench).model_dump_json())
"""


@drawn("a store on JAX", HEAVY)
def test_another_backend_on_the_same_store_trains_anew(study: Study, bench: Bench, tmp_path: Path) -> None:
    known = {entry.key.split("/")[1] for entry in bench.store.list("trainings/model_1-")}
    ran = subprocess.run(
        [sys.executable, "-c", TRAIN_ON, study.model_dump_json(), bench.store.url, str(tmp_path / "cache")],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    first, again = map(json.loads, ran.stdout.splitlines()[-2:])
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["key"].split("/")[1] not in known
    assert first["value"]["backend"] == "jax"
    driven = Driven(study, bench)
    driven.run()
    assert driven.redone == set()


def stored(bench: Bench) -> dict[str, list[Stored]]:
    """Step -> every object that one of its results points at."""
    found: dict[str, list[Stored]] = {}
    for entry in bench.store.list():
        if "/result-" in entry.key:
            value = json.loads(bench.store.get(entry.key))["value"]
            for name in NAMES:
                kind = declared(f"charrec.steps.{name}").result
                if set(value) == set(kind.model_fields):
                    found.setdefault(name, []).extend(objects(kind.model_validate(value)))
    return {name: each for name, each in found.items() if each}


def test_each_object_that_a_result_points_at_is_mended_by_the_same_command(
    study: Study, bench: Bench, seed: int
) -> None:
    """One object of each of three steps in `make test`, every object in both ways in `make test-long`."""
    kinds = stored(bench)
    assert kinds.keys() == {"pack", "train", "predict", "augment", "report"}
    for step, objects_of_step in some(list(kinds.items()), 2):
        harms = [(one, harm) for one in objects_of_step for harm in ("deleted", "damaged")]
        for harmed, harm in harms if THOROUGH else [random.Random(f"{seed} {step}").choice(harms)]:
            print(f"{harm}: {harmed.key}")
            if harm == "deleted":
                bench.store.delete(harmed.key)
            else:
                Path(bench.store.local(harmed.key, Path())).write_bytes(b"damaged")
            driven = Driven(study, bench)
            driven.run()
            assert len({label for label in driven.redone if label.split()[0] == step}) == 1
            again = Driven(study, bench)
            again.run()
            assert again.redone == set()

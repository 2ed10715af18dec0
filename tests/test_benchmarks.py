"""The benchmarks import only what there is; that of GPUs, which waits for one, runs on a CPU at a tiny size."""

import ast
import json
import os
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from charrec.data.arrays import Glyphs, Packed
from charrec.memo.identity import here
from charrec.models import DECK
from charrec.steps import train
from charrec.steps.train import TRAIN
from tests.benchmarks import copies, gpu, load, load_store, model_5_pages
from tests.benchmarks.handwritten import Apart, straightness
from tests.toy import ON_JAX, RECIPE, ROOT, WARNINGS

pytestmark = pytest.mark.filterwarnings(*WARNINGS)

FILES = sorted(Path(__file__).with_name("benchmarks").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_imports_only_names_that_exist(file: Path) -> None:
    """Without running it: what it does at its import, and what it measures, takes minutes."""
    missing = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in ("charrec", "flows", "tasks"):
            module = import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name) and not submodule(f"{node.module}.{alias.name}"):
                    missing.append(f"{node.module}.{alias.name}")
    assert missing == []


def submodule(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


TINY = {"models": ("model_1",), "batches": (8,), "size": 32, "training": 16, "validation": 8, "side": 64}


def test_the_benchmark_of_gpus_measures_ours_the_decks_and_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = gpu.main(out=str(tmp_path / "gpu.json"), **TINY)
    assert json.loads((tmp_path / "gpu.json").read_text()) == found
    ((ours,), (decks,)) = found["ours"], found["deck"]
    assert len(ours["epochs"]) == 15
    assert ours["images_per_second"] > 0 and found["peak"]["bfloat16"] > 0
    assert decks["ratio"] == ours["images_per_second"] / decks["images_per_second"]
    assert found["full"]["model_1"]["training"] == 15 * ours["epoch"]
    said = capsys.readouterr().out
    assert "| model_1 | 8 | " in said and "model_1's 15 epochs: measured" in said


def test_the_benchmark_of_gpus_names_what_it_has_no_time_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = gpu.main(minutes=0, **TINY)
    assert found["left_out"] == ["ours, model_1, batch 8", "deck, model_1, batch 8"]
    assert "Left out for want of time: ours, model_1, batch 8; deck" in capsys.readouterr().out


def test_full_has_185_epochs_of_34_networks() -> None:
    """Three of fifteen epochs, one of twenty, a search of 30 trials and 120 epochs."""
    rows = [{"model": model, "batch": 64, "epoch": 2.0, "compilation": 3.0} for model in DECK]
    parts = gpu.full(rows, 64)
    assert sum(part["training"] for part in parts.values()) == 185 * 2
    assert sum(part["compilation"] for part in parts.values()) == 34 * 3


@pytest.mark.long
def test_the_benchmark_of_gpus_runs_on_jax() -> None:
    """In a process of its own, which takes 20 s on a busy machine."""
    words = "--models model_1 --batches 8 --size 32 --training 16 --validation 8 --side 64"
    command = [sys.executable, "-m", "tests.benchmarks.gpu", *words.split()]
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    on_jax = {name: value for name, value in ON_JAX.items() if name != "KERAS_BACKEND"}
    ran = subprocess.run(command, cwd=ROOT, env=environment | on_jax, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "jax 0." in ran.stdout and "| model_1 | 8 | " in ran.stdout


def test_the_benchmark_of_load_measures_a_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "ENOUGH", 0.0)
    monkeypatch.setattr(load_store, "FEW", 5)
    sizes, notes = load.Sizes(workers=2, objects=20), load.Notes(tmp_path / "load.json")
    for part in (load_store.workers, load_store.objects):
        part(tmp_path, notes, sizes, stores=("folder",))
    loads = {what.partition(":")[0]: list(row) for what, row in notes.found.items()}
    assert loads == {
        "workers": ["folder, 1 worker", "folder, 2 workers"],
        "objects": ["folder, 5 objects", "folder, 20 objects"],
    }
    again = load.Notes(tmp_path / "load.json")
    for part in (load_store.workers, load_store.objects):
        part(tmp_path, again, sizes, stores=("folder",))
    assert again.found == notes.found


def test_a_copied_study_has_ids_a_word_and_times_of_its_own() -> None:
    run, flow = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    row = f"{run}\t{flow}\tstudy lusab, 2026-11-28\t2026-11-28 00:25:30.5+00\tprefect.flow-run.{run}\n"
    copied = copies.Study({"flow_run": row}, {run}, "lusab").copy(3, timedelta(minutes=30))
    other = "00000000-0003-4000-8000-000000000001"
    assert copied == {
        "flow_run": f"{other}\t{flow}\tstudy lusab3, 2026-11-28\t2026-11-27 23:55:30.5+00\tprefect.flow-run.{other}\n"
    }


def network(name: str, **values: float) -> model_5_pages.Network:
    told = {what: model_5_pages.Value(by_seed=(value - 0.01, value + 0.01)) for what, value in values.items()}
    return model_5_pages.Network(name=name, epochs=32, seeds=(1, 2), seconds=(900.0, 901.0), values=told, over={})


def test_a_goal_is_met_by_the_mean_over_seeds_and_an_error_by_being_smaller() -> None:
    full = network("model 5", classes=0.9, digits=0.92, calibrated=0.015)
    told = model_5_pages.Told(code="c", cores=2, cpu="a CPU", ceiling=0.99, full=(full,), parts=(), proxy=())
    rows = [line.strip("| ").split(" | ") for line in model_5_pages.goals(told).splitlines() if line.startswith("|")]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["62 classes, unseen fonts"] == ["89.5", "90.0 (89.0, 91.0)", "yes"]
    assert cells["MNIST among ten"] == ["93", "92.0 (91.0, 93.0)", "no"]
    assert cells["expected calibration error, unseen fonts"] == ["2", "1.5 (0.5, 2.5)", "yes"]
    assert cells["years, as one kind"][1:] == ["-", "-"]
    assert model_5_pages.parts(told) == model_5_pages.proxy(told) == model_5_pages.NOT_YET


def test_an_edge_of_print_is_straight_however_slanted_and_a_curve_is_not() -> None:
    y, x = np.indices((64, 64)) - 31.5
    shapes = [np.maximum(abs(x), abs(y)) < 20, np.maximum(abs(x + y / 4), abs(y)) < 20, np.hypot(x, y) < 20]
    square, slanted, disc = straightness(np.where(shapes, 0, 255).astype(np.uint8)).tolist()
    assert square == 1 and slanted > 0.75 and disc < 0.4


def test_fonts_that_are_held_apart_are_never_trained_on_and_others_are_held_out_beside_them() -> None:
    columns = pd.DataFrame({"group": np.arange(1000) % 50})
    glyphs = Apart(packed=Packed(digest="d", key="k"), split="font", validation_fraction=0.2, seed=1, apart=(3, 4, 7))
    training, validation = glyphs.halves(columns)
    assert sorted([*training, *validation]) == list(range(1000))
    groups = columns["group"].to_numpy()
    assert not set(groups[training]) & set(groups[validation]) and {3, 4, 7} < set(groups[validation])
    assert len(set(groups[validation])) == 3 + 9  # a fifth of the other 47


def test_model_5_without_a_part_is_a_recipe_with_an_identity_of_its_own() -> None:
    """So it is never taken for model 5, and a change of model 5 or of the part's file trains it anew."""
    from tests.benchmarks.without import PARTS, Without  # and Keras with it

    whole = RECIPE.model_copy(update={"model": "model_5"})
    less = [Without(part=part, **whole.model_dump()) for part in PARTS]
    glyphs = Glyphs(packed=Packed(digest="d", key="k"), split="font", validation_fraction=0.2, seed=1)
    keys = {TRAIN.key(train.Given(recipe=recipe, epochs=1, glyphs=glyphs)) for recipe in (whole, *less)}
    assert len(keys) == 1 + len(PARTS)
    assert {"charrec.models.model_5", "charrec.models.warp", "charrec.models.strokes"} < here().reach(less[0].module)

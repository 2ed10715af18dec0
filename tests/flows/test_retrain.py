"""The scheduled retraining: real server, real small trainings. Promoted, unchanged, kept, rolled back."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image, ImageDraw, ImageFont
from prefect import State, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from charrec.__main__ import main
from charrec.errors import InputError
from charrec.serving.champion import current, history
from charrec.storage import open_store
from charrec.study import Data, Runtime, Search, Study
from flows.predict_batch import predict_batch
from flows.retrain import retrain
from tests.flows.test_full_study import files
from tests.harmed import harmed

pytestmark = pytest.mark.usefixtures("prefect_server")

WEAK = Study(
    data=Data(glyphs="fonts", letters="fonts", digits="sklearn", fonts=12, letters_per_class=2),
    image_size=32, precision="float32", split="font", validation_fraction=0.5,
    epochs_model_1=1, epochs_model_2=1, epochs_model_3=1, epochs_model_4=1, epochs_model_5=0,
    search=Search(max_epochs=1, factor=2, images=64),
)  # fmt: skip
STRONG = WEAK.model_copy(update={"epochs_model_2": 14})
OTHER = WEAK.model_copy(update={"texts": ("A",)})  # another study whose best network is the first champion's


def png_of(character: str) -> bytes:
    """The character, black on white."""
    image = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(image).text((32, 32), character, fill=0, anchor="mm", font=ImageFont.load_default(40))
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


class Retrained(NamedTuple):
    """How a retraining ended, and what the artifact said then."""

    name: str | None
    said: str


def retrained(study: Study, runtime: Runtime) -> Retrained:
    state: State[Any] = asyncio.run(retrain(study, runtime, return_state=True))
    assert state.is_completed(), state.message
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["retraining"]))
    with get_client(sync_client=True) as client:
        latest = max(client.read_artifacts(artifact_filter=wanted), key=lambda one: str(one.created))
    return Retrained(state.name, str(latest.data))


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = tmp_path_factory.mktemp("retraining")
    return Runtime(store=str(folder / "store"), cache=folder / "cache", devices="cpu")


@pytest.fixture(scope="module")
def first(runtime: Runtime) -> Retrained:
    return retrained(WEAK, runtime)


@pytest.fixture(scope="module")
def better(first: Retrained, runtime: Runtime) -> Retrained:
    """The second try: the first one ended between the gate's decision and the promotion."""

    def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("charrec.serving.champion.promote", dies)
        state: State[Any] = asyncio.run(retrain(STRONG, runtime, return_state=True))
    assert state.is_failed() and "killed" in (state.message or "")
    return retrained(STRONG, runtime)


def test_the_first_is_promoted_since_there_is_no_champion(first: Retrained, runtime: Runtime) -> None:
    assert first.name == "Promoted"
    assert "is champion 1. There was no champion." in first.said
    champion = history(open_store(runtime.store))[0]
    assert (champion.number, champion.by, champion.candidate.split) == (1, "first", "font")


def test_with_nothing_new_it_does_nothing_and_says_so(first: Retrained, runtime: Runtime) -> None:
    before = files(Path(runtime.store))
    again = retrained(WEAK, runtime)
    assert again.name == "Unchanged"
    assert "Data, code and configuration are as they were then: its network was champion 1" in again.said
    assert files(Path(runtime.store)) == before


@harmed("a better challenger")
def test_a_better_one_takes_the_champions_place(better: Retrained, runtime: Runtime) -> None:
    assert better.name == "Promoted"
    assert "The challenger is better" in better.said
    assert "| accuracy |" in better.said
    now = history(open_store(runtime.store))[1]
    assert (now.number, now.by, now.candidate.recipe.model) == (2, "gate", "model_2")


@harmed("a worse challenger")
def test_a_worse_one_does_not_and_is_not_asked_again(better: Retrained, runtime: Runtime) -> None:
    kept = retrained(OTHER, runtime)
    assert kept.name == "Kept"
    assert "The champion stays" in kept.said
    again = retrained(OTHER, runtime)
    assert again.name == "Unchanged"
    assert "The champion stays" in again.said
    assert len(history(open_store(runtime.store))) == 2


def test_a_whole_prefix_is_read_by_the_champion(first: Retrained, runtime: Runtime) -> None:
    store = open_store(runtime.store)
    for character in "H7":
        store.put(f"inbox/{character}.png", png_of(character))
    Path(runtime.store, "inbox/A.png").write_bytes(png_of("A"))  # by another tool, which records no SHA-256
    store.put("inbox/note.txt", b"no image")
    store.put("inbox/empty.png", b"")
    lines = store.get(predict_batch("inbox", None, runtime)).decode().splitlines()
    assert lines[0] == "image,first,probability,second,third,likeness,stranger,error"
    rows = {line.split(",")[0]: line for line in lines[1:]}
    assert rows.keys() == {"inbox/7.png", "inbox/A.png", "inbox/H.png", "inbox/note.txt", "inbox/empty.png"}
    assert "no image" in rows["inbox/note.txt"]
    assert "is empty" in rows.pop("inbox/empty.png")
    assert all(row.split(",")[1] and not row.split(",")[7] for name, row in rows.items() if name.endswith(".png"))
    assert predict_batch("inbox", None, runtime) in {entry.key for entry in store.list("readings/")}


def test_an_empty_prefix_is_refused(runtime: Runtime, first: Retrained) -> None:
    with pytest.raises(InputError, match="is empty"):
        predict_batch("nowhere", None, runtime)


@harmed("a better challenger")
def test_rolled_back_the_former_is_in_use_and_the_other_does_not_return_by_itself(
    better: Retrained, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["champion", "rollback", "1", "--store", runtime.store]) == 0
    now = current(open_store(runtime.store))
    assert now
    assert (now.number, now.by) == (3, "rollback")
    assert now.candidate == history(open_store(runtime.store))[0].candidate
    assert main(["champion", "list", "--store", runtime.store]) == 0
    assert "rollback" in capsys.readouterr().out
    assert retrained(STRONG, runtime).name == "Unchanged"


def test_networks_that_cannot_be_compared_are_not_trained(runtime: Runtime) -> None:
    with pytest.raises(InputError, match="a retraining with split 'random'"):
        asyncio.run(retrain(WEAK.model_copy(update={"split": "random"}), runtime))

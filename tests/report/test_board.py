"""The drawing board in a real browser: it prepares as the study does, reads by the network, answers what is drawn."""

import base64
import json
import re
import shutil
import subprocess
from html import unescape
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from charrec.data.foreign import prepare
from charrec.errors import InputError
from charrec.evaluation.prediction import softmax
from charrec.report import board, plain
from charrec.report.board import Board, candidates
from charrec.report.templates import content, template
from charrec.results import Stored
from charrec.storage import open_store
from charrec.study import FULL
from tests.report import sample_board
from tests.report import sample_result as sample

SIZE, GLYPHS, TEMPERATURE = 32, 100, 0.7
BROWSER = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=20000",
)  # fmt: skip
HARNESS = """
<script>
addEventListener("load", () => {
  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const text = (data) => btoa(String.fromCharCode(...data));
  const board = charrecBoard(NET);
  const answers = GLYPHS.map(({ pixels, side }) => {
    const glyph = board.prepare(bytes(pixels), side, board.size);
    return glyph ? { glyph: text(glyph), shares: board.read(glyph) } : null;
  });
  const pad = document.querySelector("canvas.pad"), box = pad.getBoundingClientRect();
  const at = (kind, x, y) => new PointerEvent(kind, { clientX: box.left + x, clientY: box.top + y, bubbles: true });
  pad.dispatchEvent(at("pointerdown", 140, 40));
  for (let y = 40; y < 240; y += 5) pad.dispatchEvent(at("pointermove", 140, y));
  window.dispatchEvent(at("pointerup", 140, 240));
  setTimeout(() => {
    const drawn = [...document.querySelectorAll("#draw li")].map((one) => one.textContent);
    const said = document.querySelector("#draw [role=status]").textContent;
    document.querySelector("#draw button").click();
    const cleared = document.querySelectorAll("#draw li").length;
    const result = document.createElement("pre");
    result.id = "result";
    result.textContent = JSON.stringify({ answers, drawn, said, cleared });
    document.body.replaceChildren(result);
  }, 500);
});
</script>
"""


def cropped(image: np.ndarray) -> np.ndarray:
    """The smallest square around the glyph."""
    ink = np.abs(image.astype(int) - image[0, 0]) > 90
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    alone = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(alone.shape)
    below, right = side - alone.shape[0], side - alone.shape[1]
    around = (below // 2, below - below // 2), (right // 2, right - right // 2)
    return np.pad(alone, around, constant_values=image[0, 0])


def glyphs() -> list[np.ndarray]:
    """Squares of both polarities, of 16 to 90 px, some cropped, some faint, some noisy, one blank."""
    rng = np.random.default_rng(3)
    found = [np.full((20, 20), 77, np.uint8)]
    for number in range(1, GLYPHS):
        image = sample.glyph(sample.C[number % 62], int(rng.integers(16, 91)), number)
        if number % 3 == 0:
            image = 255 - image
        if number % 4 == 0:  # cropped so tightly that it touches the border
            image = cropped(image)
        if number % 5 == 0:
            image = (80 + image / 4).astype(np.uint8)
        if number % 7 == 0:
            image = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
        found.append(np.ascontiguousarray(image))
    return found


def section(found: Board) -> str:
    given = {"board_script": content("board.js"), "board_digits": None, "board_size": SIZE}
    return template("board.html.j2").render(board=found, **given)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the script answers in Debian's chromium."""
    chromium = shutil.which("chromium")
    assert chromium, "found no chromium; expected Debian's: apt-get install chromium"
    net = board.payload(sample_board.small(), SIZE, TEMPERATURE)
    images = [{"pixels": base64.b64encode(one.tobytes()).decode(), "side": len(one)} for one in glyphs()]
    harness = HARNESS.replace("NET", net).replace("GLYPHS", json.dumps(images))
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "page.html"
    said = files("charrec.report").joinpath("language.js").read_text(encoding="utf-8")
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><body><script>{said}</script>'
        f"{section(Board('model_5', net))}{harness}"
    )
    command = [chromium, *BROWSER, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()]
    dumped = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    found = re.search(r'<pre id="result">(.*?)</pre>', dumped, re.DOTALL)
    assert found, dumped[-2000:]
    return json.loads(unescape(found[1]))


def test_the_page_prepares_a_hundred_glyphs_to_the_bit_as_the_study_does(seen: dict) -> None:
    differing = []
    for number, (image, answer) in enumerate(zip(glyphs(), seen["answers"], strict=True)):
        try:
            expected = prepare(image[None], SIZE)[0]
        except InputError:
            assert answer is None
            continue
        if base64.b64decode(answer["glyph"]) != expected.tobytes():
            differing.append(number)
    assert (differing, [one is None for one in seen["answers"]].count(True)) == ([], 1)


def test_the_page_computes_the_quantised_network(seen: dict) -> None:
    answers = [one for one in seen["answers"] if one]
    prepared = np.stack(
        [np.frombuffer(base64.b64decode(one["glyph"]), np.uint8).reshape(SIZE, SIZE) for one in answers]
    )
    expected = softmax(plain.logits(plain.rounded(sample_board.small()), prepared) / TEMPERATURE)
    assert np.allclose([one["shares"] for one in answers], expected, atol=1e-5)
    assert len(set(expected.argmax(axis=1).tolist())) > 3  # it tells glyphs apart


def test_what_is_drawn_is_answered_and_cleared(seen: dict) -> None:
    assert len(seen["drawn"]) == 5 and re.fullmatch(r"Read as (digit|capital|small) \w\.", seen["said"])
    assert re.fullmatch(r"\w \d+\.\d % ", seen["drawn"][0]) and seen["cleared"] == 0


def test_quantising_keeps_each_channel_within_half_a_step() -> None:
    kernel = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 5)).astype(np.float32) * [1, 10, 0.01, 0, 5]
    whole, scale = plain.quantise(kernel)
    assert (whole.dtype, scale.shape) == (np.int8, (5,))
    assert (np.abs(whole * scale - kernel) <= scale / 2 * 1.001).all()


def test_the_best_reader_of_new_digits_that_fits_is_chosen() -> None:
    result = sample.study_result()  # model 4 reads them best, and is as large as model 3
    assert candidates(result.trainings, result.external) == []
    small = [one.model_copy(update={"parameters": 740_000}) for one in result.trainings[:2]]
    assert candidates((*small, *result.trainings[2:]), result.external) == ["model_2", "model_1"]


def test_a_study_without_a_small_network_says_so(tmp_path: Path) -> None:
    result = sample.study_result()
    found = board.board(FULL, result.trainings, result.external, open_store(str(tmp_path)), pytest.fail)
    assert found.said == (
        "No network of this study fits into this page: the smallest, model\u00a01, has 829,758 weights, and a page"
        " takes 750,000."
    )
    text = section(found)
    assert "829,758" in text and "<canvas" not in text and "<script" not in text


@pytest.mark.parametrize("content", [None, b"weights", b""])
def test_weights_that_are_gone_or_something_else_are_told(content: bytes | None, tmp_path: Path) -> None:
    result, store = sample.study_result(), open_store(str(tmp_path))
    training = result.trainings[0].model_copy(
        update={"parameters": 9, "weights": Stored(key="t/w.h5", sha256="a" * 64)}
    )
    if content is not None:
        store.put("t/w.h5", content)
    found = board.board(FULL, (training,), result.external, store, pytest.fail)
    assert found.said.startswith("The weights of model\u00a01 cannot be read: ") and not found.payload

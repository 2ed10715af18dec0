"""The report's one-screen summary, for a flow run's page."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
import sample_result as sample
from PIL import Image

from charrec.report.summary import WIDTH, summary
from charrec.results import StudyResult


@pytest.fixture(scope="module")
def full() -> StudyResult:
    return sample.study_result()


def picture(width: int, height: int) -> bytes:
    content = BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)).save(content, "PNG")
    return content.getvalue()


def test_the_best_network_comes_first_with_the_reference_next_to_it(full: StudyResult) -> None:
    text = summary(full, {}, {})
    board = text[text.index("| Model |") :].split("\n\n")[0].splitlines()
    accuracies = [float(row.split("|")[2].split()[0].replace("\u00a0%", "")) for row in board[2:]]
    assert len(accuracies) == 4
    assert accuracies == sorted(accuracies, reverse=True)
    assert board[0].endswith("| Reference |")
    assert text.startswith(f"**{board[2].split('|')[1].strip()} reads ")


def test_texts_are_rows_and_networks_are_columns(full: StudyResult) -> None:
    text = summary(full, {}, {})
    rows = [line for line in text.splitlines() if line.startswith("| “")]
    assert len(rows) == 2 * len({(text.text, text.method) for text in full.texts})
    assert [row.split("|")[2] for row in rows[:2]] == [" prepared ", " prepared, as one kind "]
    assert all(row.count("`") == 2 * 4 for row in rows)


def test_pictures_are_inlined_and_small(full: StudyResult) -> None:
    text = summary(full, {"Large": picture(3000, 1500)}, {})
    (embedded,) = re.findall(r"!\[Large\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", text)
    with Image.open(BytesIO(base64.b64decode(embedded))) as image:
        assert image.size == (WIDTH, WIDTH // 2)


def test_files_are_links_and_store_objects_are_addresses(full: StudyResult) -> None:
    text = summary(full, {}, {"report.html": "file:///r/report.html", "study.json": "s3://bucket/study.json"})
    assert "- [report.html](file:///r/report.html)" in text
    assert "- study.json: `s3://bucket/study.json`" in text


def test_a_failure_is_reported_without_markup(full: StudyResult) -> None:
    failed = full.model_copy(update={"failures": {"model_3": "ValueError: <script>[x](y)\nsecond"}})
    text = summary(failed, {}, {})
    assert r"**model_3 failed** and is missing here: ValueError: \<script\>\[x\](y) second" in text

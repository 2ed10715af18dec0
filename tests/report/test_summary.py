"""The report on one screen, for a workflow's page."""

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


def test_the_best_network_stands_first_with_the_reference_beside_it(full: StudyResult) -> None:
    told = summary(full, {}, {})
    board = told[told.index("| Model |") :].split("\n\n")[0].splitlines()
    accuracies = [float(row.split("|")[2].split()[0].replace("\u00a0%", "")) for row in board[2:]]
    assert len(accuracies) == 4
    assert accuracies == sorted(accuracies, reverse=True)
    assert board[0].endswith("| Reference |")
    assert told.startswith(f"**{board[2].split('|')[1].strip()} reads ")


def test_every_text_is_a_row_and_every_network_a_column(full: StudyResult) -> None:
    told = summary(full, {}, {})
    rows = [line for line in told.splitlines() if line.startswith("| “")]
    assert len(rows) == len({(text.text, text.method) for text in full.texts})
    assert all(row.count("`") == 2 * 4 for row in rows)


def test_pictures_are_inlined_and_small(full: StudyResult) -> None:
    told = summary(full, {"Large": picture(3000, 1500)}, {})
    (found,) = re.findall(r"!\[Large\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", told)
    with Image.open(BytesIO(base64.b64decode(found))) as image:
        assert image.size == (WIDTH, WIDTH // 2)


def test_what_can_be_opened_is_a_link_and_what_cannot_is_an_address(full: StudyResult) -> None:
    told = summary(full, {}, {"report.html": "file:///r/report.html", "study.json": "s3://bucket/study.json"})
    assert "- [report.html](file:///r/report.html)" in told
    assert "- study.json: `s3://bucket/study.json`" in told


def test_a_failure_is_told_and_cannot_mark_the_page_up(full: StudyResult) -> None:
    failed = full.model_copy(update={"failures": {"model_3": "ValueError: <script>[x](y)\nsecond"}})
    told = summary(failed, {}, {})
    assert r"**model_3 failed** and is missing here: ValueError: \<script\>\[x\](y) second" in told

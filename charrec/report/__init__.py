"""Stored results -> tables, figures and one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from charrec.report.language import Language, Saying
from charrec.results import StudyResult

if TYPE_CHECKING:
    from charrec.report.board import Board


@dataclass(frozen=True)
class Pictures:
    """The images in the report: uint8, black on white, s x s pixels."""

    samples: np.ndarray  # (62, s, s): one training image per class
    augmented: np.ndarray  # (rows, columns, s, s): a training image, then augmented versions
    # (text, "raw" | "prepared" | "reference") -> (len(text), s, s); raw images keep their source's size
    texts: dict[tuple[str, str], np.ndarray]
    mistakes: np.ndarray  # (m, s, s): the best network's most confident mistakes on validation images
    mistake_captions: list[str]  # "0 read as O, 99 %"
    board: Board | None = None  # the network that reads what one draws in the page
    # The best network's misread validation images, the most confident first: (k, s, s), s at most 32
    misread: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1), np.uint8))
    misread_as: tuple[tuple[str, str, float], ...] = ()  # truth, reading and its probability


def write_report(
    result: StudyResult, pictures: Pictures, folder: Path, missing: Sequence[Saying] = (), first: Language = "en"
) -> list[Path]:
    """Write report.html, study.json, tables/*.csv and figures/*.png into `folder`; returns their paths.

    The page is in English and French, and shows its `first` language; the other files are in English alone.
    Of an unfinished study `missing` says what there is not yet, in sentences; it has no study.json.
    """
    from charrec.report import drawing, page, tables

    files = {} if missing else {"study.json": result.model_dump_json(indent=2).encode()}
    for name, table in tables.TABLES.items():
        csv = table(result).to_csv(index=False, lineterminator="\n")
        files[f"tables/{name}.csv"] = csv.encode()
    files |= {f"figures/{name}.png": data for name, data in drawing.draw(result, pictures).items()}
    files["report.html"] = page.render(result, pictures, sorted(files), missing, first).encode()
    written = []
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    return written

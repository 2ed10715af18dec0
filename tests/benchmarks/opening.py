"""How long the report takes to open in Debian's chromium: `python -m tests.benchmarks.opening [REPORT.html] [TIMES]`.

Each time in a new profile, from disk, on a wide screen; without a page, that of the tests' sample result, with as many
misread images as a report ever shows. Prints for
each time the milliseconds from the beginning of the navigation to the first paint and to the end of the load event,
when all scripts have run, and what the page's main thread computed until then, which other work on the machine changes
little.
"""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from charrec.report import Pictures, write_report
from charrec.steps.report import MISREAD, MISREAD_SIZE
from tests.report import sample_board, sample_result
from tests.report.browser import browser

TIMES = (
    "[performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,"
    " performance.getEntriesByType('navigation')[0].loadEventEnd]"
)


def opened(page: Path) -> tuple[float, float, float]:
    """Milliseconds to the first paint and to the end of the load event, and of the main thread's CPU."""
    with TemporaryDirectory() as profile, browser(Path(profile)) as one:
        one.call("Performance.enable", timeDomain="threadTicks")
        one.open(page)
        one.run("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
        paint, loaded = one.run(TIMES)
        metrics = {each["name"]: each["value"] for each in one.call("Performance.getMetrics")["metrics"]}
    return paint, loaded, 1000 * metrics["TaskDuration"]


def pictures() -> Pictures:
    """With a drawing board, and misread images drawn for every pair of look-alikes in turn."""
    pairs = [sample_result.LOOK_ALIKES[k % len(sample_result.LOOK_ALIKES)] for k in range(MISREAD)]
    misread = np.stack([sample_result.glyph(truth, MISREAD_SIZE, k) for k, (truth, _) in enumerate(pairs)])
    known = tuple((truth, read, 0.9) for truth, read in pairs)
    return replace(sample_result.pictures(board=sample_board.board()), misread=misread, misread_as=known)


def main(page: Path | None, times: int) -> None:
    with TemporaryDirectory() as folder:
        if page is None:
            write_report(sample_result.study_result(), pictures(), Path(folder))
            page = Path(folder, "report.html")
        print(f"{page.stat().st_size / 1e6:.2f} MB; first paint, load event, main thread's CPU, ms")
        for _ in range(times):
            print("  ".join(f"{each:.0f}" for each in opened(page)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None, int(sys.argv[2]) if len(sys.argv) > 2 else 5)

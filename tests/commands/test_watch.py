"""`charrec report --watch`: the page of a study that runs, for this machine, and never written into the store."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from charrec.commands.watch import POLL, Live, _server
from charrec.errors import InputError
from charrec.memo.step import Bench
from charrec.storage import Store
from tests.commands.test_rebuild import seen
from tests.desk import hear_interrupts
from tests.report.stored_study import SMALL, StoredStudy
from tests.thorough import drawn
from tests.toy import ROOT

DEADLINE = 300.0
BROWSER = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--virtual-time-budget={1000 * 1000 * POLL}",
)  # fmt: skip
WAYS = ("it follows the study", "nothing is new", "it is ended")  # `make test` runs one


@pytest.fixture
def early(half: Store) -> Store:
    """Before the first prediction, which makes a small page."""
    for what in ("predictions/", "evaluations/", "sweeps/", "trainings/model_1"):
        for entry in half.list(what):
            half.delete(entry.key)
    return half


@pytest.fixture
def live(early: Store) -> Iterator[tuple[Live, int]]:
    """A server and its port."""
    pages = Live(early)
    with _server(pages, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield pages, server.server_port
        server.shutdown()
        thread.join(DEADLINE)


def asked(port: int, path: str, method: str = "GET", host: str = "") -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    with connection.getresponse() as answer:
        found = answer.status, dict(answer.headers), answer.read().decode()
    connection.close()
    return found


def until(port: int, version: str) -> str:
    """The first other version."""
    end = time.monotonic() + DEADLINE
    while (found := asked(port, "/version")[2]) == version:
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


@drawn(WAYS[0], WAYS)
def test_the_page_follows_the_study_and_the_store_stays_as_it_is(live, early: Store, tmp_path: Path) -> None:
    _, port = live
    status, headers, page = asked(port, "/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "1\u00a0epoch so far" in page and "Nothing of model\u00a03 is stored yet." in page
    version = asked(port, "/version")[2]
    assert f'"{version}"' in page and page.count("<script>") == 1
    StoredStudy(Bench(early, tmp_path), SMALL).epochs("model_2", 2)
    after = seen(early)
    newer = until(port, version)
    page = asked(port, "/")[2]
    assert f'"{newer}"' in page and "not trained to its end: 2\u00a0epochs so far" in page
    assert seen(early) == after


@drawn(WAYS[1], WAYS)
def test_without_news_it_answers_reads_from_this_machine_and_makes_no_page_anew(live, early: Store) -> None:
    pages, port = live
    files, version = pages.files, pages.version
    early.put("sweeps/0123456789abcdef/workers/host-1", b"{}")  # a sign of life
    assert {asked(port, "/version")[2] for _ in range(3)} == {version}
    pages._one_at_a_time.acquire(timeout=DEADLINE)  # whoever looked has finished
    assert pages.files is files
    pages._one_at_a_time.release()
    assert asked(port, "/", "HEAD")[::2] == (200, "")
    assert asked(port, "/../../etc/passwd")[0] == asked(port, "/study.json")[0] == 404
    assert asked(port, "/", host="charrec.example:80")[0] == 421
    assert {asked(port, "/", method)[0] for method in ("POST", "PUT", "DELETE")} == {501}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), DEADLINE)  # it has one address of the machine alone


def test_a_store_without_a_study_is_told(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_STORE", "ftp://host/path")  # which nobody asks for
    code, out, err = ran("report", "--watch", str(tmp_path / "none"))
    assert (code, out) == (2, "") and "there is no store at" in err


def test_a_port_that_is_taken_is_told() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(InputError, match=r"port \d+ cannot be used \(Ad"),
    ):
        _server(None, other.getsockname()[1])  # type: ignore[arg-type]


@drawn(WAYS[2], WAYS)
def test_ctrl_c_ends_it(early: Store) -> None:
    command = [sys.executable, "-m", "charrec", "report", "--watch", str(Path(early.root))]  # type: ignore[attr-defined]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_interrupts,
        env=os.environ,
    ) as process:  # fmt: skip
        assert process.stdout and process.stderr
        assert re.match(r"http://127\.0\.0\.1:\d+/ shows file:\S+ until Ctrl-C$", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 128 + signal.SIGINT
        assert process.stderr.read() == ""


@pytest.mark.long
def test_an_open_page_loads_itself_anew(live, early: Store, tmp_path: Path) -> None:
    """In Chromium, whose clock runs on without waiting: a thousand questions in a few seconds."""
    chromium = shutil.which("chromium")
    assert chromium, "found no chromium; expected Debian's: apt-get install chromium"
    StoredStudy(Bench(early, tmp_path), SMALL).epochs("model_2", 2)  # the page that is served first has one epoch
    command = [
        chromium,
        *BROWSER,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        f"http://127.0.0.1:{live[1]}/",
    ]
    seen = subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE).stdout
    assert "not trained to its end: 2\u00a0epochs so far" in seen.replace("&nbsp;", "\u00a0")
    assert re.search(r'<p role="status"[^>]*>live</p>', seen)

"""Which study, on what data, where: what the options, the environment and the machine mean together."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import ProxyHandler, build_opener

import prefect
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from pydantic import BaseModel

from charrec.errors import InputError
from charrec.machine import hardware
from charrec.study import EMBEDDED, FULL, QUICK, Runtime, Study
from flows import local_server, prefect_server
from flows.command_line import Options, choose, main
from tests.processes import descendants, gone

ROOT = Path(__file__).parents[2]
Chosen = tuple[Study, Runtime, list[str]]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without GPUs, Kaggle credentials or settings; the folder of its programs."""
    for name in [name for name in os.environ if name.startswith(("CHARREC_", "KAGGLE_", "CUDA_", "KERAS_"))]:
        monkeypatch.delenv(name)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(hardware, "FILES", tmp_path)
    hardware.gpus.cache_clear()
    yield programs
    hardware.gpus.cache_clear()


@pytest.fixture
def gpus(bare: Path) -> Callable[..., None]:
    """Have the driver's own tool name these GPUs."""

    def install(*names: str) -> None:
        tool = bare / "nvidia-smi"
        rows = "".join(f"{i}, GPU-{i}a2b, {name}\n" for i, name in enumerate(names))
        tool.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{rows}END\n")
        tool.chmod(0o755)
        hardware.gpus.cache_clear()

    return install


def chosen(*arguments: str) -> Chosen:
    return choose(Options(_cli_parse_args=list(arguments)))


def test_without_a_gpu_it_is_quick_and_says_why_and_how_to_choose() -> None:
    study, _, lines = chosen()
    assert study == QUICK.model_copy(update={"data": QUICK.data.model_copy(update=EMBEDDED)})
    assert lines[0] == "Study: quick, since no GPU is visible; --size full for the other, --help for every setting."


def test_with_a_gpu_it_is_full_and_names_it(gpus: Callable[..., None]) -> None:
    gpus("NVIDIA H100 80GB HBM3")
    study, _, lines = chosen()
    assert study == FULL.model_copy(update={"data": FULL.data.model_copy(update=EMBEDDED)})
    assert lines[0].startswith("Study: full, since a GPU is visible (NVIDIA H100 80GB HBM3); --size quick ")


@pytest.mark.parametrize("visible", ["", "-1", "none", "-1,0", "NoDevFiles"])
def test_a_hidden_gpu_does_not_count(visible: str, gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus("NVIDIA T4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert chosen()[2][0].startswith("Study: quick, since no GPU is visible")


@pytest.mark.parametrize("visible", ["7", "GPU-beef", "MIG-beef", "0,7", "cuda:0"])
def test_a_gpu_that_is_asked_for_and_missing_is_no_cpu(
    visible: str, gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus("NVIDIA T4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(InputError, match=f"CUDA_VISIBLE_DEVICES names '{visible.split(',')[-1]}'") as refused:
        chosen()
    assert refused.value.expected == "one of 0, GPU-0a2b"
    assert "--devices cpu" in refused.value.remedy
    assert chosen("--devices", "cpu")[0] == chosen("--devices", "cpu", "--size", "quick")[0]


def test_a_gpu_that_may_not_be_used_does_not_count(gpus: Callable[..., None]) -> None:
    gpus("NVIDIA T4")
    assert chosen("--devices", "cpu")[2][0].startswith("Study: quick, since no GPU is visible")


@pytest.mark.parametrize(("size", "study"), [("full", FULL), ("quick", QUICK)])
def test_the_size_that_is_asked_for_is_taken(size: str, study: Study, gpus: Callable[..., None]) -> None:
    if size == "quick":
        gpus("NVIDIA T4")
    found, _, lines = chosen("--size", size)
    assert found.image_size == study.image_size
    assert lines[0].startswith(f"Study: {size}, as asked;")


def test_without_credentials_the_embedded_data_is_taken_and_named() -> None:
    study, _, lines = chosen("--size", "full")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("fonts", "fonts", "sklearn")
    assert lines[1].startswith("Data: glyphs, letters, digits from fonts and digits installed with charrec, since no")
    assert "KAGGLE_API_TOKEN" in lines[1]


def test_with_credentials_the_published_data_is_taken_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "somebody")
    monkeypatch.setenv("KAGGLE_KEY", "a key")
    study, _, lines = chosen()
    assert study.data.glyphs == FULL.data.glyphs == "kaggle:supreethrao/chars74kdigitalenglishfont"
    assert (study.data.letters, study.data.digits) == (FULL.data.letters, FULL.data.digits)
    assert lines[1] == "Data: glyphs, letters, digits from Kaggle."


def test_a_path_is_kept_and_the_other_roles_are_filled() -> None:
    study, _, lines = chosen("--data.glyphs", "my/glyphs.zip")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("my/glyphs.zip", "fonts", "sklearn")
    assert study.data.fonts == QUICK.data.fonts
    assert lines[1].startswith("Data: glyphs my/glyphs.zip; letters, digits from fonts and digits installed")


def test_paths_for_all_roles_need_nothing_else() -> None:
    study, _, lines = chosen("--data.glyphs", "a", "--data.letters", "b", "--data.digits", "c")
    assert (study.data.glyphs, study.data.letters, study.data.digits) == ("a", "b", "c")
    assert lines[1] == "Data: glyphs a, letters b, digits c."


@pytest.mark.parametrize("size", ["full", "quick"])
def test_a_nested_setting_leaves_its_neighbours_as_in_the_chosen_study(size: str) -> None:
    known = {"full": FULL, "quick": QUICK}[size]
    study = chosen("--size", size, "--search.max-epochs", "2")[0]
    assert study.search == known.search.model_copy(update={"max_epochs": 2})
    assert study.model_copy(update={"search": known.search, "data": known.data}) == known


def test_none_is_a_value() -> None:
    study = chosen("--size", "quick", "--data.fonts", "none", "--search.images", "none")[0]
    assert (study.data.fonts, study.search.images) == (None, None)


@pytest.mark.parametrize(
    "arguments", [("--texts", "APR,2023,MAY"), ("--texts", "APR", "--texts", "2023", "--texts", "MAY")]
)
def test_texts_are_given_with_commas_or_one_by_one(arguments: tuple[str, ...]) -> None:
    assert chosen(*arguments)[0].texts == ("APR", "2023", "MAY")


@pytest.mark.parametrize("texts", ["APR,2023,MAY", '["APR", "2023", "MAY"]'])
def test_texts_are_given_in_the_environment_as_on_the_command_line(texts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_TEXTS", texts)
    assert chosen()[0].texts == ("APR", "2023", "MAY")


def test_a_text_of_digits_alone_is_a_text_in_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_TEXTS", "2023")
    assert chosen()[0].texts == ("2023",)


def test_a_tilde_in_a_store_or_a_cache_is_the_home(tmp_path: Path) -> None:
    _, runtime, lines = chosen("--store", "~/of mine", "--cache", "~")
    assert (runtime.store, runtime.cache) == (f"{tmp_path}/of mine", tmp_path)
    assert lines[2].startswith(f"Store: {tmp_path}/of mine;")


@pytest.mark.parametrize(
    ("store", "shown"),
    [("s3://KEY:SECRET@bucket/a@b", "s3://bucket/a@b"), ("s3://bucket/a@b", "s3://bucket/a@b"), ("a@b", "a@b")],
)
def test_the_store_is_announced_without_a_password(store: str, shown: str) -> None:
    """Which has no place in an address: packing refuses it."""
    assert chosen("--store", store)[2][-1] == f"Store: {shown}; finished steps are recalled from it."


def test_settings_come_from_the_environment_too_and_options_go_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_STORE", "s3://bucket/prefix")
    monkeypatch.setenv("CHARREC_SEARCH__IMAGES", "77")
    monkeypatch.setenv("CHARREC_SEED", "5")
    monkeypatch.setenv("CHARREC_COMMIT", "not a setting")
    study, runtime, lines = chosen("--seed", "6")
    assert (runtime.store, study.search.images, study.seed) == ("s3://bucket/prefix", 77, 6)
    assert study.search.max_epochs == QUICK.search.max_epochs
    assert lines[2].startswith("Store: s3://bucket/prefix;")


WRONG = {
    "a misspelt option": (["--serch.max-epochs", "2"], "--serch.max-epochs"),
    "an option without its value": (["--store"], "--store"),
    "a word": (["--seed", "x"], "--seed: found 'x'; expected a valid integer\n"),
    "a number out of range": (["--search.factor", "1"], "--search.factor: found '1'"),
    "a size that does not divide 128": (["--image-size", "48"], "--image-size: found 48; expected 32, 64 or 128"),
    "a text that cannot be drawn": (["--texts", "apr"], "found 'apr'; expected capitals A-Z only, or digits only"),
    "two of them": (["--seed", "x", "--size", "tiny"], "--size: found 'tiny'; expected 'auto', 'full' or 'quick'"),
    "a number beyond measure": (["--search.images", "1" + "0" * 23], "--search.images: found '1000"),
    "a lease without end": (["--lease", "inf"], "--lease: found 'inf'"),
    "a lease that is no number": (["--lease", "nan"], "--lease: found 'nan'"),
    "a negative count": (["--workers", "-3"], "--workers: found '-3'"),
    "an army of processes": (["--workers", "100000"], "--workers: found '100000'"),
    "an empty endpoint": (["--endpoint", ""], "--endpoint: found ''"),
    "an empty store": (["--store", ""], "--store: found ''; expected a path"),
    "an empty cache": (["--cache", ""], "--cache: found ''; expected a path"),
    "empty data": (["--data.glyphs", ""], "--data.glyphs: found ''; expected a path"),
    "a NUL": (["--store", "a\0b"], "--store: found 'a\\x00b'; expected a path"),
    "a stranger's home": (
        ["--store", "~nobody-here/x"],
        "--store: found '~nobody-here/x'; expected the home of a user",
    ),
    "data in a stranger's home": (["--data.digits", "~nobody-here/x"], "--data.digits: found '~nobody-here/x'"),
}
UNKNOWN = {
    "CHARREC_SEEDS": "CHARREC_SEED",
    "CHARREC_DATA_GLYPHS": "CHARREC_DATA__GLYPHS",
    "CHARREC_MAX_EPOCHS": "CHARREC_SEARCH__MAX_EPOCHS",
    "charrec_stor": "CHARREC_STORE",
    "CHARREC_TEXT": "CHARREC_TEXTS",
    "CHARREC_NOTIFY": "CHARREC_NOTIFY_URL",
    "CHARREC_": "",
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_ends_with_status_2_and_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert told in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("name", "nearest"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_variable_is_an_error_that_names_the_nearest(
    name: str, nearest: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "secret")
    with pytest.raises(SystemExit) as end:
        main([])
    said = capsys.readouterr()
    assert (end.value.code, said.out) == (2, "")
    assert said.err.startswith(f"error: the environment has {name}, which nothing reads; expected {nearest}")
    assert said.err.count("\n") == 1 and "secret" not in said.err


def test_an_error_names_the_variable_that_the_value_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARREC_SEARCH__FACTOR", "1")
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().err.startswith("error: --search.factor or CHARREC_SEARCH__FACTOR: found '1'; ")


def test_a_group_that_is_no_json_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARREC_DATA", "fonts")
    with pytest.raises(SystemExit) as end:
        main([])
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert said.startswith('error: error parsing value for field "data" from source "Environment"')


@pytest.mark.parametrize("backend", ["torch", "numpy", "theano"])
def test_a_backend_that_the_study_does_not_run_on_is_told_at_once(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(InputError, match=f"KERAS_BACKEND names the backend '{backend}'; expected tensorflow or jax"):
        chosen()


class Health(BaseHTTPRequestHandler):
    """A Prefect server, as far as it is asked whether it is well; or another kind of server."""

    kind = "application/json"
    others = 404  # the status of all other paths

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else self.others)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def healthy() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()


def test_a_configured_prefect_server_is_used_and_none_started(healthy: str) -> None:
    with temporary_settings({PREFECT_API_URL: healthy}):
        assert prefect_server.address() == healthy


def test_a_configured_server_that_does_not_answer_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "as set below")
    with temporary_settings({PREFECT_API_URL: "http://me:secret@127.0.0.1:1/api"}), pytest.raises(InputError) as told:
        prefect_server.address()
    assert told.value.found.startswith("Prefect's server at http://127.0.0.1:1/api, which PREFECT_API_URL names, does")
    assert told.value.found.endswith("does not answer (Connection refused)")
    assert told.value.remedy.startswith("Start it, or unset PREFECT_API_URL")


@pytest.mark.parametrize(
    ("error", "why"),
    [(OSError(111, ""), "ConnectionRefusedError"), (OSError("\n"), "OSError"), (OSError("no\nroute"), "no")],
)
def test_whatever_it_does_not_answer_by_is_told_in_a_line(
    error: Exception, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(prefect_server, "get_client", fails)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}), pytest.raises(InputError) as told:
        prefect_server.address()
    assert told.value.found.endswith(f"does not answer ({why})")


def test_a_home_of_prefect_that_cannot_be_written_is_told() -> None:
    with (
        temporary_settings({PREFECT_API_URL: None, PREFECT_HOME: "/proc/nowhere"}),
        pytest.raises(InputError, match=r"/proc/nowhere, where Prefect keeps a study's runs, cannot be written \(No"),
    ):
        prefect_server.address()


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    database = tmp_path / f"charrec-{prefect.__version__}.db"
    database.write_text("a note to myself")
    with (
        temporary_settings({PREFECT_API_URL: None, PREFECT_HOME: str(tmp_path)}),
        pytest.raises(InputError, match=f"{database}, Prefect's record of a study's runs, cannot be used .file is not"),
    ):
        prefect_server.address()


def test_a_server_of_another_kind_is_told(healthy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Health, "kind", "text/html")
    with (
        temporary_settings({PREFECT_API_URL: healthy}),
        pytest.raises(InputError, match=r"which a profile or a file of Prefect names, .* a server of another kind"),
    ):
        prefect_server.address()


def test_a_server_that_asks_for_another_password_is_told(healthy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells its health to everybody."""
    monkeypatch.setattr(Health, "others", 401)
    with (
        temporary_settings({PREFECT_API_URL: healthy}),
        pytest.raises(InputError, match=r"answers 401 Unauthorized; expected .* Set PREFECT_API_AUTH_STRING"),
    ):
        prefect_server.address()


def test_a_refusal_is_told_without_the_password_in_the_address(healthy: str) -> None:
    """httpx repeats the address in its own words."""
    wrong = healthy.replace("http://", "http://me:secret@").replace("/api", "/elsewhere")
    with temporary_settings({PREFECT_API_URL: wrong}), pytest.raises(InputError, match="404 Not Found") as told:
        prefect_server.address()
    assert "secret" not in str(told.value)


HOSTILE = {
    "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9",
    "NO_PROXY": "fe80::/10,[::1]:99999999,foo bar:x", "SSL_CERT_FILE": "/gone/cert.pem", "SSL_CERT_DIR": "/gone",
    "PYTHONWARNINGS": "error",
}  # fmt: skip
OLD_PROFILE = """active = "default"
[profiles.default]
PREFECT_SERVER_EPHEMERAL_ENABLED = "false"
PREFECT_ORION_DATABASE_CONNECTION_URL = "sqlite+aiosqlite:////nonexistent/orion.db"
PREFECT_API_DATABASE_CONNECTION_URL = "sqlite+aiosqlite:////nonexistent/orion.db"
"""


def test_without_one_a_server_is_started_that_ends_with_this_process(tmp_path: Path) -> None:
    """On a desk behind proxies, with certificates that are gone and a profile for a server of another time."""
    (tmp_path / "profiles.toml").write_text(OLD_PROFILE)
    program = """if __name__ == "__main__":
        from flows.surroundings import import_prefect, prepare
        prepare()
        import_prefect()
        from prefect import get_client
        from flows import prefect_server
        from tasks.loopback import prefect_at
        address = prefect_server.address()
        with prefect_at(address), get_client(sync_client=True) as client:
            client.hello()
        print(address, flush=True)
        input()"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path), **HOSTILE}
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as run:  # fmt: skip
        assert run.stdout
        address = run.stdout.readline().decode().strip()
        family = descendants(run.pid)
        with build_opener(ProxyHandler({})).open(f"{address}/health") as health:
            assert health.status == 200
        run.kill()
    assert family and gone(family)
    assert (tmp_path / "charrec-server.log").read_text() == ""


def test_a_server_is_begun_early_unless_one_may_be_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_PROFILE", "ephemeral")
    assert local_server.begun_early() is None
    monkeypatch.delenv("PREFECT_PROFILE")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "profiles.toml").write_text("")
    assert local_server.begun_early() is None
    (tmp_path / "home" / "profiles.toml").unlink()
    server = local_server.begun_early()
    assert server and server.process.poll() is None
    server.end()


def test_one_that_was_begun_early_ends_where_another_is_configured(healthy: str, tmp_path: Path) -> None:
    """In a file of Prefect's that was not looked at before; it may also name another home."""
    server = local_server.begun(tmp_path)
    with temporary_settings({PREFECT_API_URL: healthy, PREFECT_HOME: tmp_path}):
        assert prefect_server.address(server) == healthy
    assert server.process.returncode == -signal.SIGKILL


def test_the_options_are_read_without_prefect() -> None:
    """Its server starts before it is imported."""
    program = "import sys, flows.command_line\nassert not {'prefect', 'pandas', 'boto3'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def options_of(model: type[BaseModel], prefix: str = "--") -> Iterator[str]:
    for name, field in model.model_fields.items():
        option = prefix + name.replace("_", "-")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from options_of(field.annotation, option + ".")
        else:
            yield option


def test_prefect_settings_that_cannot_be_read_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text("active = [")
    ended = subprocess.run(
        [sys.executable, "flows/full_study.py", "--data.glyphs", "fonts"],
        cwd=ROOT, env=os.environ | {"PREFECT_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "profiles.toml"}  # no server was begun
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("error: Prefect cannot start with its settings (TOMLDecodeError: ")
    assert f"{tmp_path}/profiles.toml; PREFECT_PROFILES_PATH=/dev/null does without" in last


def test_help_lists_every_field(tmp_path: Path) -> None:
    """Beside other packages of the same names, and where warnings are errors."""
    for name in ("flows", "tasks", "charrec"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the wrong {name}')")
    asked = subprocess.run(
        [sys.executable, "flows/full_study.py", "--help"],
        cwd=ROOT, env=os.environ | {"COLUMNS": "200", "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "error"},
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    listed = set(re.findall(r"^  (--[a-z0-9.-]+)", asked.stdout, re.MULTILINE))
    expected = {*options_of(Study), *options_of(Runtime), "--size"}
    assert len(expected) > 20
    assert listed == expected

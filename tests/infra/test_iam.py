"""The IAM policies allow what each role asks of S3, recorded on the wire from a whole small study, and no more."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from PIL import Image, ImageDraw

from charrec.__main__ import main
from charrec.data.sources import locate
from charrec.errors import InputError
from charrec.memo.step import Bench
from charrec.results import StudyResult
from charrec.serving import champion
from charrec.serving.candidate import candidate_of
from charrec.serving.in_use import in_use
from charrec.steps import pipeline, retraining
from charrec.steps.augment import AUGMENT
from charrec.steps.evaluate import EVALUATE
from charrec.steps.judge import JUDGE
from charrec.steps.pack import PACK
from charrec.steps.precision import PRECISION
from charrec.steps.predict import PREDICT
from charrec.steps.read import READ, Given, images_under
from charrec.steps.report import REPORT
from charrec.steps.search import SEARCH, join, sweep_of
from charrec.steps.train import TRAIN
from charrec.storage import Store, open_store
from charrec.study import Data, Runtime, Search, Study
from charrec.sweep.standing import status
from tasks.published import _written
from tests.fault_proxy import FaultProxy
from tests.infra.iam import OF_OBJECTS, Ask, Recorder, allowed, asked, grants
from tests.infra.moto_iam import enforced, passes, permitted, policy
from tests.s3_server import BUCKET
from tests.thorough import drawn as chosen
from tests.toy import HEAVY, WARNINGS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STUDY = Study(
    data=Data(glyphs="fonts", letters="fonts", digits="sklearn", fonts=6, letters_per_class=2),
    image_size=32, precision="float32", split="font", texts=("A",), search=Search(max_epochs=1, factor=2, images=64),
    epochs_model_1=3,  # the last and the best stay, so one is deleted
    epochs_model_4=1,
    epochs_model_5=0,
)  # fmt: skip
ROLES = ("study", "worker", "reader")
PREFIX = "results/team"
LARGE = 8 * 2**20 + 1  # bytes; from 8 MiB on boto3 uploads in parts


class Tapped(NamedTuple):
    """A role's way to the store, and what goes by on it."""

    recorder: Recorder
    runtime: Runtime

    @property
    def store(self) -> Store:
        return open_store(self.runtime.store, endpoint=self.runtime.endpoint)

    def call(self, *words: str) -> None:
        """`charrec`, with the store as its commands take it."""
        place = ["--endpoint", self.runtime.endpoint or "", self.runtime.store]
        if words[0] != "sweep":
            place.insert(2, "--store")
        assert main([*words, *place]) == 0

    def upload(self, key: str, folder: Path) -> None:
        """A large file in parts: one of them is lost for good, and again with success."""
        (folder / "large").write_bytes(bytes(LARGE))
        self.recorder.refuses_parts = True
        with pytest.raises(InputError, match="InvalidPart"):
            self.store.upload(folder / "large", key)
        self.recorder.refuses_parts = False
        self.store.upload(folder / "large", key)


pytestmark = pytest.mark.filterwarnings(*WARNINGS[1:])
as_the_roles = chosen("as the roles of the cloud", HEAVY)  # what needs the study


@pytest.fixture(scope="module")
def recorded(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Recorder]]:
    """What the roles did in a study from its data to its report, a promotion, a rollback, and every command."""
    folder = tmp_path_factory.mktemp("roles")
    with ExitStack() as stack:
        roles = {}
        for role in ROLES:
            recorder = Recorder()
            proxy = stack.enter_context(FaultProxy(s3_server, 0, {}, rewrite=recorder))
            place = Runtime(store=f"s3://{BUCKET}/{PREFIX}", endpoint=proxy.url, cache=folder / role, devices="cpu")
            roles[role] = Tapped(recorder, place)
        play(roles["study"], roles["worker"], roles["reader"], folder)
        yield {role: tapped.recorder for role, tapped in roles.items()}


def play(study: Tapped, worker: Tapped, reader: Tapped, folder: Path) -> None:
    parent, child = Bench.of(study.runtime), Bench.of(worker.runtime)
    sources = [locate(role, STUDY.data, parent.cache) for role in pipeline.ROLES]
    sets = {source.role: PACK.run(pipeline.packing(STUDY, source), parent) for source in sources}
    precision = PRECISION.run(pipeline.choosing(STUDY, "as asked"), parent)
    PRECISION.run(pipeline.choosing(STUDY, "by a probe"), child)  # the same call, where it takes a GPU

    searching = pipeline.searching(STUDY, sets, precision)
    assert SEARCH.recall(searching, parent.store) is None
    sweep = sweep_of(searching)
    assert status(study.store, sweep).runnable
    worker.upload(f"{sweep.training(0)}/epoch-009-of-one-that-died.weights.h5", folder)
    join(searching, child)
    found = SEARCH.run(searching, parent)

    training = pipeline.training(STUDY, "model_1", sets, precision)
    worker.upload(f"{TRAIN.key(training)}/epoch-009-of-one-that-died.weights.h5", folder)
    trainings = [
        TRAIN.run(training, child),
        TRAIN.run(pipeline.training(STUDY, "model_4", sets, precision, found), child),
    ]
    branches = []
    for trained in trainings:
        predicted = PREDICT.run(pipeline.predicting(STUDY, sets, trained), parent)
        evaluated = EVALUATE.run(pipeline.evaluating(STUDY, trained.value.model, sets, predicted), parent)
        branches.append((trained, predicted, evaluated))
    augmented = AUGMENT.run(pipeline.augmenting(STUDY, sets), parent)
    report = REPORT.run(pipeline.reporting(STUDY, sets, precision, found, branches, augmented, {}), parent).value
    _written(report, study.runtime)
    for place in (*pipeline.ROLES, "reports"):
        study.upload(f"{place}/large", folder)

    page = report.files[0].key
    best = retraining.challenger(page, sets, parent.store)
    assert retraining.decided(best, parent.store) is None
    first = champion.promote(parent.store, best, "the first", None)
    result = StudyResult.model_validate_json(study.store.get(page.replace("report.html", "study.json")))
    (other,) = {"model_1", "model_4"} - {best.recipe.model}
    keys = {role: packed.key for role, packed in sets.items()}
    rival = candidate_of(result, other, report=page, **keys)
    JUDGE.run(retraining.judging(rival, first), parent)
    champion.promote(parent.store, rival, "for the test", first.number)
    study.call("champion", "rollback", "1")

    picture = folder / "A.png"
    drawn = Image.new("L", (64, 64), 255)
    ImageDraw.Draw(drawn).line((20, 50, 32, 14, 44, 50), fill=0, width=5)
    drawn.save(picture)
    study.recorder.on = False  # a person uploads it
    study.store.put("inbox/A.png", picture.read_bytes())
    study.recorder.on = True
    network = in_use(parent.store).network
    READ.run(Given(prefix="inbox", network=network, images=images_under("inbox", parent.store)), parent)

    for words in (
        ("report",), ("report", "--to", str(folder / "report")), ("sweep", "status"), ("champion", "list"),
        ("predict", str(picture)), ("predict", str(picture), "--model", "model_1"),
    ):  # fmt: skip
        reader.call(*words)


@as_the_roles
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_all_that_it_does(role: str, recorded: dict[str, Recorder]) -> None:
    policy = grants(role, BUCKET, PREFIX)
    assert recorded[role].asks
    assert sorted(map(str, (ask for ask in recorded[role].asks if not allowed(policy, ask)))) == []


@as_the_roles
@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_all_that_it_may(role: str, recorded: dict[str, Recorder]) -> None:
    unused = [grant for grant in grants(role, BUCKET, PREFIX) if not any(map(grant.allows, recorded[role].asks))]
    assert unused == []


@as_the_roles
def test_the_small_study_makes_every_kind_of_request_there_is(recorded: dict[str, Recorder]) -> None:
    seen = set().union(*(recorder.operations for recorder in recorded.values()))
    assert seen == {*OF_OBJECTS, "list", "if-match", "if-none-match"}


def object_(key: str, prefix: str = PREFIX) -> str:
    return f"arn:aws:s3:::{BUCKET}/{prefix}/{key}"


@pytest.mark.parametrize(
    ("role", "action", "key"),
    [
        ("worker", "s3:PutObject", "champion.json"),
        ("worker", "s3:PutObject", "glyphs/0123/glyphs.parquet"),
        ("worker", "s3:PutObject", "reports/0123/report.html"),
        ("worker", "s3:GetObject", "inbox/a.png"),
        ("worker", "s3:DeleteObject", "trainings/model_1-0123/progress.json"),
        ("worker", "s3:DeleteObject", "sweeps/0123/oracle.json"),
        ("worker", "s3:DeleteObject", "glyphs/0123/glyphs.parquet"),
        ("study", "s3:DeleteObject", "trainings/model_1-0123/epoch-001-a.weights.h5"),
        ("study", "s3:PutObject", "trainings/model_1-0123/epoch-001-a.weights.h5"),
        ("study", "s3:PutObject", "sweeps/0123/oracle.json"),
        ("study", "s3:DeleteObject", "champion.json"),
        ("reader", "s3:PutObject", "champion.json"),
        ("reader", "s3:GetObject", "glyphs/0123/glyphs.parquet"),
    ],
)
def test_a_role_may_not_do_what_is_anothers(role: str, action: str, key: str) -> None:
    assert not allowed(grants(role, BUCKET, PREFIX), Ask(action, object_(key)))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("prefix", ["results/teams", "other", "results"])
def test_nobody_reaches_another_prefix_of_the_bucket(role: str, prefix: str) -> None:
    policy = grants(role, BUCKET, PREFIX)
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert not allowed(policy, Ask(action, object_("champion.json", prefix)))
    holder = f"arn:aws:s3:::{BUCKET}"
    for listed in (f"{prefix}/reports/", prefix, "", None):
        assert not allowed(policy, Ask("s3:ListBucket", holder, listed))
    assert allowed(policy, Ask("s3:ListBucket", holder, f"{PREFIX}/sweeps/"))


@pytest.fixture(scope="module")
def clients(s3_servers: Callable[[str], str]) -> Iterator[dict[str, "S3Client"]]:
    """On moto, which asks IAM: a client of each role, and of one that may do nothing here."""
    there = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::elsewhere/*"}
    nothing = json.dumps({"Version": "2012-10-17", "Statement": [there]})
    policies = {role: policy(role, BUCKET, PREFIX) for role in ROLES} | {"nobody": nothing}
    with enforced(s3_servers("moto"), policies) as made:
        yield made


@as_the_roles
@pytest.mark.parametrize("role", ROLES)
def test_motos_iam_lets_each_recorded_request_pass_and_asks_at_each(
    role: str, recorded: dict[str, Recorder], clients: dict[str, "S3Client"]
) -> None:
    requests = [(method, path) for (method, _, _), path in recorded[role].requests.items()]
    assert requests
    assert [request for request in requests if not permitted(clients[role], *request)] == []
    assert [request for request in requests if permitted(clients["nobody"], *request)] == []


@as_the_roles
@pytest.mark.parametrize("role", ROLES)
def test_motos_iam_refuses_every_recorded_request_elsewhere(
    role: str, recorded: dict[str, Recorder], clients: dict[str, "S3Client"]
) -> None:
    """The same requests for another team's store, and for another bucket."""
    objects = [(method, path) for (method, _, _), path in recorded[role].requests.items() if f"/{PREFIX}/" in path]
    assert objects
    for there, elsewhere in ((f"/{PREFIX}/", "/results/teams/"), (f"/{BUCKET}/", "/another/")):
        moved = [(method, path.replace(there, elsewhere, 1)) for method, path in objects]
        assert [request for request in moved if permitted(clients[role], *request)] == []


@pytest.mark.parametrize("role", ROLES)
def test_motos_iam_refuses_what_nobody_needs(role: str, clients: dict[str, "S3Client"]) -> None:
    client = clients[role]
    versions = client.list_object_versions
    calls: dict[str, Callable[[], object]] = {
        "DeleteBucket": lambda: client.delete_bucket(Bucket=BUCKET),
        "CreateBucket": lambda: client.create_bucket(Bucket="another"),
        "PutBucketPolicy": lambda: client.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
        "ListAllMyBuckets": client.list_buckets,
        "ListBucketVersions": lambda: versions(Bucket=BUCKET, Prefix=PREFIX),
        "DeleteObjectVersion": lambda: client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/a", VersionId="1"),
        "PutObjectAcl": lambda: client.put_object_acl(Bucket=BUCKET, Key=f"{PREFIX}/a", ACL="public-read"),
        "DeleteObject of the champion": lambda: client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/champion.json"),
    }
    assert [name for name, call in calls.items() if passes(call)] == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", f"/{BUCKET}?versions", {}),
        ("GET", f"/{BUCKET}/a?versionId=1", {}),
        ("PUT", f"/{BUCKET}/a?tagging", {}),
        ("PUT", f"/{BUCKET}/a", {"x-amz-acl": "public-read"}),
        ("PUT", f"/{BUCKET}/a", {"x-amz-tagging": "a=b"}),
        ("PUT", f"/{BUCKET}/a", {"x-amz-copy-source": f"/{BUCKET}/b"}),
        ("POST", f"/{BUCKET}?delete", {}),
        ("HEAD", f"/{BUCKET}", {}),
    ],
)
def test_a_request_of_another_kind_is_not_passed_over(method: str, path: str, headers: dict[str, str]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        asked(method, path, headers)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a/*", "a/b/c", True),
        ("a/*/epoch-*", "a/b/c/epoch-1", True),
        ("a/*", "a", False),
        ("a/?", "a/b", True),
        ("a/[b]", "a/b", False),
        ("a/[b]", "a/[b]", True),
        ("a/*.json", "a/b.jsonl", False),
    ],
)
def test_wildcards_are_those_of_iam(pattern: str, text: str, fits: bool) -> None:
    policy = grants("reader", BUCKET, PREFIX)[:1]
    assert [part._replace(resource=pattern).allows(Ask(part.action, text, part.prefix)) for part in policy] == [fits]

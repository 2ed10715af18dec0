"""A store with a study of which one network was really trained."""

from charrec.results import StudyResult
from charrec.storage import Store

TRAINING = "trainings/model_2-0123456789abcdef"
REPORT = "reports/2222222222222222"
Ran = tuple[int, str, str]


def put_report(store: Store, key: str, result: StudyResult) -> None:
    store.put(f"{key}/study.json", result.model_dump_json().encode())
    store.put(f"{key}/tables/models.csv", b"model\n")
    store.put(f"{key}/report.html", b"<title>A report</title>")
    store.put(f"{key}/result-01234567.json", b"{}")

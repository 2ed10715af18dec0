"""A stand-in for Kubernetes' API that takes the jobs that Prefect's worker posts."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.infra.manifests import Document


@contextmanager
def cluster(kubeconfig: Path, post: Callable[[Document], None]) -> Iterator[None]:
    """`post` is called with each job; `kubeconfig` is written and tells how this is reached."""
    made: list[Document] = []

    class Cluster(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == f"/apis/batch/v1/namespaces/{job['metadata']['namespace']}/jobs"
            made.append(job)
            post(job)
            answer = json.dumps(job | {"metadata": job["metadata"] | {"name": f"job-{len(made)}"}}).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Cluster) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig.write_text(json.dumps(_reached(f"http://127.0.0.1:{server.server_port}")))
        try:
            yield
        finally:
            server.shutdown()


def _reached(url: str) -> Document:
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": url}}], "users": [{"name": "it", "user": {}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }  # fmt: skip

"""`python -m infra.docker.health`: exits with 0 if this container's worker has recently polled Prefect's server.

It queries the endpoint of `worker start --with-healthcheck`; "recently" is 30 times PREFECT_WORKER_QUERY_SECONDS.
"""

import os
import sys
from http.client import HTTPConnection

PORT = 8080  # Prefect's default


def healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not healthy(int(os.environ.get("PREFECT_WORKER_WEBSERVER_PORT", PORT))))

"""`python -m infra.docker.health [PORT PATH]`: exits with 0 if this container's worker, or its server, is healthy.

A worker is if it has recently polled Prefect's server, as the endpoint of `worker start --with-healthcheck` tells;
"recently" is 30 times PREFECT_WORKER_QUERY_SECONDS.
"""

import os
import sys
from http.client import HTTPConnection

PORT = 8080  # Prefect's default


def healthy(port: int, path: str = "/health") -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    port, path = sys.argv[1:] or (os.environ.get("PREFECT_WORKER_WEBSERVER_PORT", PORT), "/health")
    sys.exit(not healthy(int(port), path))

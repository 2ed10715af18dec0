"""What a worker's process is forked with; nothing is computed here, so TensorFlow has no threads yet."""

import os
from importlib import import_module

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

for name in ("boto3", "charrec.sweep.worker", "tests.sweep.swarm"):  # seconds to import, once
    import_module(name)

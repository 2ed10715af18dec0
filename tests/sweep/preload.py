"""What a worker's process is forked with; nothing is computed here, so TensorFlow has no threads yet."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tests.sweep.swarm  # noqa: F401

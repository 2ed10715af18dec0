"""Which GPUs there are, asked without waking a framework."""

import os
import shutil
import subprocess
from functools import cache


@cache
def gpu_names() -> tuple[str, ...]:
    """The NVIDIA GPUs that this process may use, by name; none where the driver's own tool finds none."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ()
    asked = subprocess.run(
        [tool, "--query-gpu=index,name", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return ()
    rows = [line.split(", ", 1) for line in asked.stdout.splitlines() if line]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    allowed = [row[0] for row in rows] if visible is None else visible.split(",")
    return tuple(name for index, name in rows if index in allowed)

"""How a run on a device or a pool can end."""


class DeviceLost(RuntimeError):
    """A process ended in the middle of a step. What it stored stays; a retry resumes from there."""


class ChildFailed(RuntimeError):
    """A child ended with an error of its own, or was cancelled; another try would end the same."""

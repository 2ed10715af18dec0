"""The memory of the study: the identity of a step, its stored outcome."""

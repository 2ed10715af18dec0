"""The machine that computes: its hardware, its signals, its name in a result."""

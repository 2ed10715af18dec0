"""Where charrec runs: what it needs around it."""

"""The steps of the study, a file each: what decides its result, what it returns, the function between them."""

NAMES = ("pack", "precision", "train", "search", "predict", "evaluate", "augment", "report", "judge", "read")

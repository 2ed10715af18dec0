"""The four networks of the study, one file per slide; each is a function of its input shape, with its module's name."""

MODELS = ("model_1", "model_2", "model_3", "model_4")
SEARCHED = "model_4"  # its size is the search's result

"""The four networks of the study, a file per slide; each is a function of its input shape, named as its module."""

MODELS = ("model_1", "model_2", "model_3", "model_4")

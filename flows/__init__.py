"""The order of things: the study, its children, retraining, batch prediction, repairs."""

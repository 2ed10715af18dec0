"""The machine a step runs on: hardware, Keras backend, signals, provenance."""

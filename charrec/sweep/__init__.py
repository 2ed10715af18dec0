"""The search for network 4: Keras Tuner's Hyperband, its whole state one object in the store."""

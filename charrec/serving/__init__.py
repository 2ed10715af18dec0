"""Trained networks in use: which one, and what it reads."""

"""The study's steps: each finds its result in the store by its identity, or computes it and puts it there.

A step's arguments are the study, where it runs, and the outcomes it builds on; arrays stay within a step.
"""

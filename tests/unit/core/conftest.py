"""Hypothesis without chance: the same examples in every run."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, max_examples=200, deadline=None)
settings.load_profile("fixed")

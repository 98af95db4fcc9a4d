"""Optimisers of other libraries, run by their own code at their own defaults."""

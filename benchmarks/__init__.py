"""Scripts that measure; what they measured stands in docs/results."""

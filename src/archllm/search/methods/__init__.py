"""The searchers, one module each."""

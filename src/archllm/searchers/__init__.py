"""Search: which architecture to evaluate next."""

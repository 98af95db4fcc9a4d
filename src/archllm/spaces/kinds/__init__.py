"""Families of search spaces; a concrete space is a kind with constants and text formats."""

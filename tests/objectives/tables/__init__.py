"""Tests of the readers of tables, and what they share."""

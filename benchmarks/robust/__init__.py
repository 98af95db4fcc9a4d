"""Attacks on ArchLLM: kills, floods, hostile files, mutated inputs, machines that fail; each counts what gave way."""

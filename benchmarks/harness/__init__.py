"""What every benchmark shares: jobs in processes of their own, provenance, files of results, tables."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
NOTES = ROOT / "benchmarks" / "notes"
IMAGES = ROOT / "docs" / "images"

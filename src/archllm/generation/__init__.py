"""ArchLLM, the generator of a space: sampling, metrics, run folders, recommended settings."""

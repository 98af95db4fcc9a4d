"""Conditional generation: bins of conditions, requirements on architectures, requests."""

"""ArchLLM inside other libraries, and their spaces here."""

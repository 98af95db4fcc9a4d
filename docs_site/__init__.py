"""What the documentation site shows besides the pages of `docs/`: made from the code and the files of the repository.

`hooks.py` is what mkdocs calls. No file of the site is kept in the repository.
"""

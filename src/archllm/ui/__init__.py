"""The local page: runs, cells, searches and fits in a browser, served to this machine alone."""

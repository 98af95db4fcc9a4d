"""One typed function per command, for the command line and for Python alike."""

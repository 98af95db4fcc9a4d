"""`python -m archllm`."""

import sys

from archllm.cli import main

if __name__ == "__main__":
    sys.exit(main())

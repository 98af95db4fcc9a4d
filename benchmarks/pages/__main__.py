"""`python -m benchmarks.pages [NAME …]`: writes result pages anew from their JSON files."""

from __future__ import annotations

import argparse

from benchmarks.pages import NAMES, write_pages


def main() -> None:
    """Writes the pages that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"of {', '.join(NAMES)}")
    write_pages(parser.parse_args().names or NAMES)


if __name__ == "__main__":
    main()

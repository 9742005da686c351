"""`python -m signing.verify`: the same as `penward-verify`."""

import sys

from signing.verify.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m fm_otel.cli``."""

from __future__ import annotations

import sys

from fm_otel.cli import main

if __name__ == "__main__":
    sys.exit(main())

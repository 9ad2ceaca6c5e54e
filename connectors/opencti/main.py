"""Starts the connector from its own folder: `python main.py`. The connector itself lies in `src/`."""

import runpy
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "src"

if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE))
    runpy.run_path(str(SOURCE / "main.py"), run_name="__main__")

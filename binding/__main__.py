"""``python -m binding``: the command line without its entry point."""

from __future__ import annotations

from binding.cli.main import main

if __name__ == "__main__":
    main()

"""Where the program starts: the command line, whose import takes a moment in which it may be stopped, too."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        from inpainter.apps.cli import main as run

        run()
    except KeyboardInterrupt:
        # Before the command line listens to it, when nothing is written yet.
        print("stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

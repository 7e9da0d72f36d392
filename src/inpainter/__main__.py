"""Where the program starts: the command line, whose import takes a moment in which it may be stopped, too."""

from inpainter.apps.stops import Stopped, leave, listen


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        listen()
        from inpainter.apps.cli import main as run

        run()
    except Stopped as stopped:
        leave(stopped.args[0])


if __name__ == "__main__":
    main()

"""The two exceptions that a caller is meant to catch."""


class InputError(ValueError):
    """Something the user can put right; the message is one line: what, where, remedy.

    The command line prints the line and ends with exit code 2. Any other exception is a bug.
    """


class Cancelled(BaseException):
    """Raised by a caller's `on_step` to stop a fill; nothing half-written is left.

    A BaseException, like KeyboardInterrupt: no `except Exception` on its way may take it for a failure.
    """


class FillNote(UserWarning):
    """What a user should know of a fill that went well, such as a palette that became full colour."""

"""The one exception that a user can mend."""


class InputError(ValueError):
    """Something the user can put right; the message is one line: what, where, remedy.

    The command line prints the line and ends with exit code 2. Any other exception is a bug.
    """

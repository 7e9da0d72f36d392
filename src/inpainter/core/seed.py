"""What a seed may be."""

from numbers import Integral

from inpainter.core.errors import InputError

LARGEST_SEED = 2**64 - 1


def check_seed(seed: int) -> None:
    """Raise InputError unless it is a number that every generator of random numbers takes."""
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed {seed}: give a whole number from 0 to {LARGEST_SEED}")

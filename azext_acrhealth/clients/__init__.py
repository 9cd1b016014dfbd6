"""The doors to the world. Each call is bounded in time and size; none judges what it brings back."""

import time


class Deadline:
    """A point in time by which something must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that remain, never less than 0."""
        return max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> 'Deadline':
        """Return the earlier of this deadline and one ``seconds`` from now."""
        return Deadline(min(seconds, self.left()))

"""Waiting for what a client has no waiter for."""

import time

PATIENCE = 60


def until(look, patience=PATIENCE):
    """Calls `look` until it returns something true, which is returned."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"{look.__name__} did not happen in {patience} s"
        time.sleep(0.2)

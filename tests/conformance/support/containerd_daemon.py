"""A containerd for a while, with no state of the machine's own."""

import shutil
import subprocess
from contextlib import contextmanager

from program import Program
from waiting import until


@contextmanager
def containerd(directory):
    """Starts a daemon that keeps everything below `directory`, gives its ctr, and ends it."""
    socket = directory / "socket"
    ctr = Program("ctr", f"--address={socket}")
    with (directory / "log").open("w") as log:
        daemon = subprocess.Popen(
            ["containerd", f"--root={directory}/root", f"--state={directory}/state",
             f"--address={socket}"], stdout=log, stderr=log)
        try:
            until(lambda: daemon.poll() is not None or socket.exists())
            assert daemon.poll() is None, (directory / "log").read_text()
            yield ctr
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)
            shutil.rmtree(directory, ignore_errors=True)

"""A Docker daemon for a while: no network, no state of the machine's own."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from waiting import until


@dataclass(frozen=True)
class Docker:
    """The docker command line at one daemon, with a configuration of its own."""

    directory: Path

    @classmethod
    @contextmanager
    def started(cls, directory):
        """Starts a daemon that keeps everything below `directory`, and ends it."""
        docker = cls(directory)
        with (directory / "log").open("w") as log:
            daemon = subprocess.Popen(
                ["dockerd", f"--data-root={directory}/data", f"--exec-root={directory}/exec",
                 f"--pidfile={directory}/pid", f"--host={docker._socket}", "--bridge=none",
                 "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"],
                stdout=log, stderr=log)
            try:
                until(lambda: daemon.poll() is not None or docker._answers())
                assert daemon.poll() is None, (directory / "log").read_text()
                yield docker
            finally:
                daemon.terminate()
                daemon.wait(timeout=30)
                shutil.rmtree(directory, ignore_errors=True)

    def __call__(self, *arguments, stdin=None):
        """Runs a command that must succeed and returns its output."""
        ended = self._ended(arguments, stdin)
        assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
        return ended.stdout.strip()

    def fails(self, *arguments):
        """Runs a command that must fail and returns its error."""
        ended = self._ended(arguments, None)
        assert ended.returncode != 0, f"{arguments} succeeded: {ended.stdout}"
        return ended.stderr.strip()

    @property
    def _socket(self):
        return f"unix://{self.directory}/socket"

    def _answers(self):
        return self._ended(("version",), None).returncode == 0

    def _ended(self, arguments, stdin):
        # No credentials of the machine's user are read or written.
        environment = {**os.environ, "DOCKER_CONFIG": str(self.directory / "config")}
        return subprocess.run(["docker", "--host", self._socket, *arguments], input=stdin,
                              capture_output=True, text=True, env=environment)

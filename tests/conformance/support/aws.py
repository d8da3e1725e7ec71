"""The aws command line as tests call it."""

import json
import os
import re
import subprocess
from dataclasses import dataclass

# Longer than a waiter of the command line takes for anything here.
LIMIT = 150


@dataclass(frozen=True)
class Aws:
    """One installed command line."""

    command: str
    version: tuple

    @classmethod
    def found(cls, command):
        """The command line called `command`, which is asked for its version."""
        shown = subprocess.run([command, "--version"], check=True, capture_output=True, text=True)
        numbers = re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", shown.stdout + shown.stderr)
        return cls(command, tuple(map(int, numbers.groups())))

    def __call__(self, *arguments):
        """Runs a command that must succeed and returns what it wrote: JSON, or None for nothing."""
        text = self.run(*arguments, "--output", "json")
        return json.loads(text) if text.strip() else None

    def text(self, *arguments):
        """The same with `--output text`."""
        return self.run(*arguments, "--output", "text").rstrip("\n")

    def fails(self, *arguments):
        """Runs a command that must fail and returns its error."""
        ended = self._ended(arguments)
        assert ended.returncode != 0, f"{arguments} succeeded: {ended.stdout}"
        return ended.stderr.strip()

    def run(self, *arguments):
        """Runs a command that must succeed and returns its output."""
        ended = self._ended(arguments)
        assert ended.returncode == 0, f"{arguments}: {ended.returncode}: {ended.stderr}"
        return ended.stdout

    def start(self, *arguments):
        """Starts a command whose output is read while it runs."""
        return subprocess.Popen(self._line(arguments), stdout=subprocess.PIPE, text=True,
                                env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def _ended(self, arguments):
        return subprocess.run(self._line(arguments), capture_output=True, text=True, timeout=LIMIT)

    def _line(self, arguments):
        # Version 2 learnt AWS_ENDPOINT_URL later than Debian's.
        endpoint = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL"]] * (self.version[0] == 2)
        return [self.command, *endpoint, *arguments]

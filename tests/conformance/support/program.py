"""A client's program as tests call it."""

import os
import shutil
import subprocess

import pytest


class Program:
    """Runs a program with variables of its own; the test is skipped where there is none."""

    def __init__(self, name, *always, **variables):
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")
        self._command = (name, *always)
        self._environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}

    def __call__(self, *arguments, stdin=None):
        """Runs a command that must succeed and returns its output."""
        ended = self._ended(arguments, stdin)
        assert ended.returncode == 0, f"{arguments}: {_text(ended.stderr)}"
        return _text(ended.stdout)

    def bytes(self, *arguments, stdin=None):
        """The same for what is no text: in and out are bytes."""
        ended = self._ended(arguments, stdin)
        assert ended.returncode == 0, f"{arguments}: {_text(ended.stderr)}"
        return ended.stdout

    def fails(self, *arguments):
        """Runs a command that must fail and returns its error."""
        ended = self._ended(arguments, None)
        assert ended.returncode != 0, f"{arguments} succeeded: {_text(ended.stdout)}"
        return _text(ended.stderr)

    def _ended(self, arguments, stdin):
        given = stdin.encode() if isinstance(stdin, str) else stdin
        return subprocess.run([*self._command, *arguments], input=given, capture_output=True,
                              env=self._environment)


def _text(output):
    return output.decode(errors="replace").strip()

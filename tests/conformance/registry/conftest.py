"""Clients of image registries, logged in with the password that the aws command line gets."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from docker_daemon import Docker


@pytest.fixture(scope="session")
def password():
    command = ["aws", "ecr", "get-login-password"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def skopeo(registry, password, tmp_path_factory):
    """Runs skopeo, logged in, and returns what it wrote."""
    file = tmp_path_factory.mktemp("skopeo") / "auth.json"
    environment = {**os.environ, "REGISTRY_AUTH_FILE": str(file)}

    def skopeo(*arguments, stdin=None):
        ended = subprocess.run(["skopeo", *arguments], input=stdin, capture_output=True, text=True,
                               env=environment)
        assert ended.returncode == 0, f"{arguments}: {ended.stderr}"
        return ended.stdout
    skopeo("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", registry,
           stdin=password)
    yield skopeo
    skopeo("logout", registry)


@pytest.fixture(scope="session")
def docker(registry, password):
    """The docker command line, logged in, at a daemon of its own."""
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("docker: there is no dockerd that could be started")
    # The path of a socket must be short.
    directory = Path(tempfile.mkdtemp(prefix="docker-"))
    with Docker.started(directory) as docker:
        docker("login", "--username", "AWS", "--password-stdin", registry, stdin=password)
        yield docker
        docker("logout", registry)

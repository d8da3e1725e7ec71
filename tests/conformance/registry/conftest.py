"""Clients of image registries, logged in with the password that the aws command line gets."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from containerd_daemon import containerd
from docker_daemon import Docker
from program import Program


@pytest.fixture(scope="session")
def password():
    command = ["aws", "ecr", "get-login-password"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def skopeo(registry, password, tmp_path_factory):
    """Runs skopeo, logged in, and returns what it wrote."""
    skopeo = Program("skopeo", REGISTRY_AUTH_FILE=tmp_path_factory.mktemp("skopeo") / "auth.json")
    skopeo("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", registry,
           stdin=password)
    yield skopeo
    skopeo("logout", registry)


@pytest.fixture(scope="session")
def crane(registry, password, tmp_path_factory):
    """Runs crane, logged in, and returns what it wrote."""
    crane = Program("crane", DOCKER_CONFIG=tmp_path_factory.mktemp("crane"))
    crane("auth", "login", registry, "--username", "AWS", "--password-stdin", stdin=password)
    return crane


@pytest.fixture(scope="session")
def regctl(registry, password, tmp_path_factory):
    """Runs regctl, logged in, and returns what it wrote. Blobs of more than 2 MB go in chunks."""
    directory = tmp_path_factory.mktemp("regctl")
    regctl = Program("regctl", REGCTL_CONFIG=directory / "config.json", DOCKER_CONFIG=directory)
    regctl("registry", "set", registry, "--tls", "disabled", "--skip-check",
           "--blob-chunk", "1000000", "--blob-max", "2000000")
    regctl("registry", "login", registry, "--user", "AWS", "--pass-stdin", stdin=password)
    return regctl


@pytest.fixture(scope="session")
def ctr():
    """Runs containerd's ctr at a daemon of its own, and returns what it wrote."""
    if os.geteuid() != 0 or not shutil.which("containerd"):
        pytest.skip("ctr: there is no containerd that could be started")
    # The path of a socket must be short.
    directory = Path(tempfile.mkdtemp(prefix="containerd-"))
    with containerd(directory) as ctr:
        yield ctr


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

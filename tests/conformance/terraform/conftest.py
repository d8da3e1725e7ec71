"""Terraform with the AWS provider, and moto for what the platform does not have."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from terraform_command import Terraform
from waiting import until

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory):
    """The endpoint of a server for EC2 and IAM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("w")
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)],
                              stdout=log, stderr=log)

    def answers():
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0
    until(answers)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(timeout=10)


@pytest.fixture(scope="module")
def terraform(tmp_path_factory, endpoint, surroundings, image):
    """Terraform in a copy of the configuration, initialised."""
    directory = tmp_path_factory.mktemp("terraform") / "shop"
    shutil.copytree(HERE, directory, ignore=shutil.ignore_patterns("*.py", ".terraform*"))
    terraform = Terraform(directory, {
        "platform": endpoint, "surroundings": surroundings, "image": image,
        "python": sys.executable,
    })
    terraform.init(os.environ.get("SEAWAY_TERRAFORM_MIRROR"))
    return terraform

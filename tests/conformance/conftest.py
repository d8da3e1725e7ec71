"""What the tests of all clients share: the platform, an image in its registry, a cluster.

The environment is that of `seaway local env`. SEAWAY_BIN is the binary, SEAWAY_PROJECT the
directory of the platform's project.
"""

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

import image as oci

SERVER = Path(__file__).parent / "support" / "server.py"


@pytest.fixture(scope="session")
def endpoint():
    return os.environ["AWS_ENDPOINT_URL"]


@pytest.fixture(scope="session")
def registry(endpoint):
    """Where images are pushed to, as HOST:PORT."""
    return endpoint.removeprefix("http://")


@pytest.fixture(scope="session")
def layout(tmp_path_factory):
    """The directory of an OCI layout with the image of the service."""
    directory = tmp_path_factory.mktemp("image") / "layout"
    oci.write_layout(directory, {"server.py": SERVER.read_bytes()})
    return directory


@pytest.fixture(scope="session")
def push(registry, tmp_path_factory):
    """Pushes the image of a layout with skopeo: `push(layout, "repository:tag")`."""
    token = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    file = tmp_path_factory.mktemp("authorization") / "auth.json"
    file.write_text(json.dumps({"auths": {registry: {"auth": token["authorizationToken"]}}}))

    def push(layout, name):
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--dest-authfile={file}",
             f"oci:{layout}:latest", f"docker://{registry}/{name}"], check=True)
    return push


@pytest.fixture(scope="session")
def image(layout, push):
    """The image of the service as task definitions name it."""
    push(layout, "conformance/web:one")
    return "registry.seaway.internal/conformance/web:one"


@pytest.fixture(scope="session")
def address():
    """Where a load balancer's port is on this machine, as a URL: `address(name, port)`.

    No resolver knows the DNS names of load balancers; `seaway local status` tells.
    """
    def find(name, port=80):
        command = [os.environ["SEAWAY_BIN"], "--manifest", os.environ["SEAWAY_PROJECT"],
                   "local", "status", "--output", "json"]
        status = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        urls = [one["url"] for one in status["listeners"]
                if (one["load_balancer"], one["port"]) == (name, port)]
        assert len(urls) == 1, status["listeners"]
        return urls[0]
    return find

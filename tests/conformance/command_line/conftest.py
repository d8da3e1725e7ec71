"""The aws command line: `--aws PATH` names the one that is driven."""

import json

import pytest

from aws import Aws

AWS = pytest.StashKey[Aws]()


def pytest_addoption(parser):
    parser.addoption("--aws", default="aws", help="the aws command line that is driven")


def pytest_configure(config):
    config.stash[AWS] = Aws.found(config.getoption("--aws"))


def pytest_collection_modifyitems(config, items):
    """Leaves out tests of commands that this version of the command line does not have."""
    version = config.stash[AWS].version
    lacking = [item for item in items if not _has(item, version)]
    if lacking:
        config.hook.pytest_deselected(items=lacking)
        items[:] = [item for item in items if item not in lacking]


def _has(item, version):
    since = item.get_closest_marker("since")
    if since is None:
        return True
    first = since.kwargs[f"v{version[0]}"]
    return first is not None and version >= first


@pytest.fixture(scope="session")
def aws(request):
    return request.config.stash[AWS]


@pytest.fixture(scope="session")
def prefix(aws):
    """What the names of everything begin with, so that two versions do not meet."""
    return f"cli{aws.version[0]}"


@pytest.fixture(scope="session")
def cluster(aws, prefix):
    aws("ecs", "create-cluster", "--cluster-name", prefix, "--tags", "key=suite,value=conformance")
    yield prefix
    aws("ecs", "delete-cluster", "--cluster", prefix)


@pytest.fixture
def register(aws, tmp_path):
    """Registers a task definition from a file, as runbooks do, and returns its ARN."""
    def register(request):
        file = tmp_path / f"{request['family']}.json"
        file.write_text(json.dumps(request))
        answer = aws("ecs", "register-task-definition", "--cli-input-json", f"file://{file}")
        return answer["taskDefinition"]["taskDefinitionArn"]
    return register

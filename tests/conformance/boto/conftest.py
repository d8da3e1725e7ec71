"""boto3: one client per service, made once."""

import boto3
import pytest

from definitions import definition


@pytest.fixture(scope="session")
def ecs():
    return boto3.client("ecs")


@pytest.fixture(scope="session")
def elbv2():
    return boto3.client("elbv2")


@pytest.fixture(scope="session")
def ecr():
    return boto3.client("ecr")


@pytest.fixture(scope="session")
def logs():
    return boto3.client("logs")


@pytest.fixture(scope="session")
def secrets():
    return boto3.client("secretsmanager")


@pytest.fixture(scope="session")
def parameters():
    return boto3.client("ssm")


@pytest.fixture(scope="session")
def cloudwatch():
    return boto3.client("cloudwatch")


@pytest.fixture(scope="session")
def cluster(ecs):
    ecs.create_cluster(clusterName="boto")
    yield "boto"
    ecs.delete_cluster(cluster="boto")


@pytest.fixture(scope="session")
def web(ecs, image):
    """The ARN of a task definition of the service."""
    answer = ecs.register_task_definition(**definition("boto-web", image))
    return answer["taskDefinition"]["taskDefinitionArn"]

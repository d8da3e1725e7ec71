"""ecs-deploy, the command line of fabfuel's: `ecs deploy CLUSTER SERVICE`."""

import subprocess

import boto3
import pytest

from definitions import NETWORK, definition

LIMIT = 120


@pytest.fixture(scope="session")
def client():
    return boto3.client("ecs")


@pytest.fixture(scope="session")
def cluster(client):
    client.create_cluster(clusterName="ecs-deploy")
    yield "ecs-deploy"
    client.delete_cluster(cluster="ecs-deploy")


@pytest.fixture(scope="module")
def service(client, cluster, image):
    """A stable service of one task, whose failures nobody but ecs-deploy takes back."""
    client.register_task_definition(**definition("ecs-deploy-web", image, VERSION="one"))
    client.create_service(cluster=cluster, serviceName="web", taskDefinition="ecs-deploy-web",
                          desiredCount=1, launchType="FARGATE", networkConfiguration=NETWORK)
    pace = {"Delay": 1, "MaxAttempts": 60}
    client.get_waiter("services_stable").wait(cluster=cluster, services=["web"], WaiterConfig=pace)
    yield "web"
    client.delete_service(cluster=cluster, service="web", force=True)
    client.get_waiter("services_inactive").wait(
        cluster=cluster, services=["web"], WaiterConfig=pace)


@pytest.fixture(scope="session")
def ecs():
    """Runs a command of ecs-deploy and returns its exit code, with all that it wrote."""
    def ecs(*arguments):
        ended = subprocess.run(["ecs", *arguments], capture_output=True, text=True, timeout=LIMIT)
        return ended.returncode, ended.stdout + ended.stderr
    return ecs

"""Errors as programs tell them apart: by the exceptions that botocore makes of them."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from definitions import NETWORK, definition


def test_errors_of_ecs_have_classes(ecs, cluster, web):
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        ecs.list_services(cluster="nobody")
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.update_service(cluster=cluster, service="nobody", desiredCount=1)
    with pytest.raises(ecs.exceptions.ClientException, match="Unable to describe task definition"):
        ecs.describe_task_definition(taskDefinition="nobody")
    with pytest.raises(ecs.exceptions.InvalidParameterException):
        ecs.create_service(cluster=cluster, serviceName="bad", taskDefinition=web, desiredCount=1,
                           networkConfiguration=NETWORK,
                           deploymentConfiguration={"minimumHealthyPercent": 100,
                                                    "maximumPercent": 100})
    with pytest.raises(ecs.exceptions.InvalidParameterException):
        ecs.list_tasks(cluster=cluster, nextToken="made up")


def test_errors_of_the_others_have_classes(elbv2, ecr, logs, secrets, parameters):
    group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/0123456789abcdef"
    with pytest.raises(elbv2.exceptions.TargetGroupNotFoundException):
        elbv2.describe_target_health(TargetGroupArn=group)
    with pytest.raises(elbv2.exceptions.LoadBalancerNotFoundException):
        elbv2.describe_load_balancers(Names=["nobody"])
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="nobody")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_log_events(logGroupName="nobody", logStreamName="nobody")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="nobody")
    with pytest.raises(parameters.exceptions.ParameterNotFound):
        parameters.get_parameter(Name="/nobody")


def test_a_token_makes_a_call_once(ecs, secrets, cluster, web):
    once = {"cluster": cluster, "taskDefinition": web, "clientToken": "boto-once",
            "networkConfiguration": NETWORK}
    first, second = (ecs.run_task(**once)["tasks"][0]["taskArn"] for _ in range(2))
    assert first == second
    ecs.stop_task(cluster=cluster, task=first)
    service = {**once, "serviceName": "once", "desiredCount": 0}
    first, second = (ecs.create_service(**service)["service"] for _ in range(2))
    assert first["createdAt"] == second["createdAt"]
    ecs.delete_service(cluster=cluster, service="once")
    token = {"Name": "boto/once", "ClientRequestToken": "0" * 32, "SecretString": "x"}
    first, second = (secrets.create_secret(**token) for _ in range(2))
    assert first["VersionId"] == second["VersionId"]
    with pytest.raises(secrets.exceptions.ResourceExistsException):
        secrets.create_secret(**{**token, "SecretString": "y"})
    secrets.delete_secret(SecretId="boto/once", ForceDeleteWithoutRecovery=True)
    ecs.get_waiter("tasks_stopped").wait(
        cluster=cluster, tasks=ecs.list_tasks(
            cluster=cluster, desiredStatus="STOPPED", family="boto-web")["taskArns"],
        WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_an_operation_that_is_not_there_is_refused_by_name():
    # Asked through a client of its own, which does not try again.
    once = Config(retries={"total_max_attempts": 1})
    for service, call in [("ecs", "list_attributes"), ("ssm", "list_documents")]:
        client = boto3.client(service, config=once)
        with pytest.raises(ClientError) as refused:
            getattr(client, call)(**({"targetType": "container-instance"} if service == "ecs"
                                     else {}))
        assert refused.value.response["Error"]["Code"] in (
            "UnknownOperationException", "InvalidAction")


@pytest.mark.parametrize("service, call", [
    ("s3", "list_buckets"), ("ec2", "describe_vpcs"), ("iam", "list_users"),
    ("dynamodb", "list_tables"), ("lambda", "list_functions"), ("sqs", "list_queues"),
])
def test_a_service_that_is_not_the_platforms_is_named(service, call):
    client = boto3.client(service, config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as refused:
        getattr(client, call)()
    error = refused.value.response["Error"]
    assert service in error["Message"].lower(), error

"""A whole environment is created, changed and destroyed, and nothing is ever left to change."""

import json
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

BEFORE, AFTER = "before.tfvars.json", "after.tfvars.json"
UPDATED, REPLACED = ["update"], ["delete", "create"]
CHANGES = {
    "aws_cloudwatch_log_group.web": UPDATED,
    "aws_cloudwatch_metric_alarm.cpu": UPDATED,
    "aws_ecs_service.web": UPDATED,
    "aws_ecs_task_definition.web": REPLACED,
    "aws_lb_listener_rule.web": UPDATED,
    "aws_lb_target_group.web": UPDATED,
    "aws_secretsmanager_secret_version.database": REPLACED,
    "aws_ssm_parameter.level": UPDATED,
    "aws_ssm_parameter.token": UPDATED,
}


@pytest.fixture(scope="module")
def created(terraform):
    terraform.apply(BEFORE)
    yield terraform
    if terraform.has_state():
        terraform.destroy(AFTER)


def test_what_was_created_needs_no_change(created, address):
    assert created.plan(BEFORE) == {}
    assert _service()["runningCount"] == 1
    assert _served(address) == "one"


def test_what_was_changed_needs_no_change(created, address):
    assert created.plan(AFTER) == CHANGES
    created.apply_planned()
    assert created.plan(AFTER) == {}
    service = _service()
    assert (service["runningCount"], len(service["deployments"])) == (2, 1)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    assert _served(address) == "two"


def test_what_was_destroyed_is_gone(created):
    created.destroy(AFTER)
    clusters = boto3.client("ecs").describe_clusters(clusters=["terraform"])["clusters"]
    assert [cluster["status"] for cluster in clusters] == ["INACTIVE"]
    gone = [
        ("elbv2", "describe_load_balancers", {"Names": ["terraform"]}),
        ("elbv2", "describe_target_groups", {"Names": ["terraform-web"]}),
        ("ecr", "describe_repositories", {"repositoryNames": ["terraform/web"]}),
        ("secretsmanager", "describe_secret", {"SecretId": "terraform/database"}),
        ("ssm", "get_parameter", {"Name": "/terraform/web/level"}),
    ]
    for service, call, arguments in gone:
        with pytest.raises(ClientError, match="NotFound"):
            getattr(boto3.client(service), call)(**arguments)
    assert boto3.client("cloudwatch").describe_alarms(
        AlarmNamePrefix="terraform")["MetricAlarms"] == []
    groups = boto3.client("logs").describe_log_groups(
        logGroupNamePrefix="/conformance/terraform-web")["logGroups"]
    assert groups == []


def _service():
    answer = boto3.client("ecs").describe_services(cluster="terraform", services=["web"])
    return answer["services"][0]


def _served(address):
    """The version that answers behind the rule for this path and host."""
    request = urllib.request.Request(address("terraform") + "/web/version",
                                     headers={"Host": "shop.example.com"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["version"]

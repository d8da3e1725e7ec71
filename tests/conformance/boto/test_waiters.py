"""Every waiter of botocore that has something to wait for on the platform, with its own rules."""

import json

import pytest
from botocore.exceptions import WaiterError

from definitions import CONTAINER, NETWORK, PORT, definition, script

# The rules are botocore's; only the pace is ours.
QUICK = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def balancer(elbv2):
    """A load balancer that is there, as botocore sees it."""
    made = elbv2.create_load_balancer(Name="boto", Subnets=["subnet-1", "subnet-2"])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    elbv2.get_waiter("load_balancer_exists").wait(Names=["boto"], WaiterConfig=QUICK)
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn], WaiterConfig=QUICK)
    yield arn
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn], WaiterConfig=QUICK)


@pytest.fixture(scope="module")
def group(elbv2, balancer):
    made = elbv2.create_target_group(
        Name="boto", Protocol="HTTP", Port=PORT, VpcId="vpc-1", TargetType="ip",
        HealthCheckPath="/health", HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}])["Listeners"][0]
    yield arn
    elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    elbv2.delete_target_group(TargetGroupArn=arn)


def test_a_service_becomes_stable_in_service_out_of_service_and_inactive(
        ecs, elbv2, cluster, web, group):
    stable = ecs.get_waiter("services_stable")
    ecs.create_service(
        cluster=cluster, serviceName="web", taskDefinition=web, desiredCount=1,
        networkConfiguration=NETWORK,
        loadBalancers=[{"targetGroupArn": group, "containerName": CONTAINER,
                        "containerPort": PORT}])
    stable.wait(cluster=cluster, services=["web"], WaiterConfig=QUICK)
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, WaiterConfig=QUICK)
    health = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]
    assert health["TargetHealth"] == {"State": "healthy"}
    ecs.update_service(cluster=cluster, service="web", desiredCount=0)
    stable.wait(cluster=cluster, services=["web"], WaiterConfig=QUICK)
    elbv2.get_waiter("target_deregistered").wait(
        TargetGroupArn=group, Targets=[health["Target"]], WaiterConfig=QUICK)
    ecs.delete_service(cluster=cluster, service="web")
    ecs.get_waiter("services_inactive").wait(
        cluster=cluster, services=["web"], WaiterConfig=QUICK)


def test_a_service_that_never_was_ends_the_waiting(ecs, cluster):
    with pytest.raises(WaiterError, match="MISSING"):
        ecs.get_waiter("services_stable").wait(
            cluster=cluster, services=["nobody"], WaiterConfig=QUICK)


def test_an_alarm_exists(cloudwatch):
    cloudwatch.put_metric_alarm(
        AlarmName="boto", Namespace="Boto", MetricName="x", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=["boto"], WaiterConfig=QUICK)
    cloudwatch.delete_alarms(AlarmNames=["boto"])


def test_the_preview_of_a_lifecycle_policy_is_complete(ecr, push, layout):
    push(layout, "boto/preview:one")
    rule = {"rulePriority": 1, "action": {"type": "expire"}, "selection": {
        "tagStatus": "tagged", "tagPrefixList": ["one"], "countType": "imageCountMoreThan",
        "countNumber": 1}}
    ecr.start_lifecycle_policy_preview(
        repositoryName="boto/preview", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(
        repositoryName="boto/preview", WaiterConfig=QUICK)
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(
        repositoryName="boto/preview")
    assert pages.build_full_result()["previewResults"] == []
    ecr.delete_repository(repositoryName="boto/preview", force=True)


def test_a_task_runs_and_stops(ecs, cluster, image):
    request = script("boto-task", image, "sleep 600")
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(
        cluster=cluster, taskDefinition=arn, networkConfiguration=NETWORK)["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(cluster=cluster, tasks=[task], WaiterConfig=QUICK)
    ecs.stop_task(cluster=cluster, task=task)
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[task], WaiterConfig=QUICK)


def test_a_task_that_cannot_run_ends_the_waiting(ecs, cluster, image):
    request = script("boto-broken", image, "exit 1")
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(
        cluster=cluster, taskDefinition=arn, networkConfiguration=NETWORK)["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[task], WaiterConfig=QUICK)
    with pytest.raises(WaiterError, match="STOPPED"):
        ecs.get_waiter("tasks_running").wait(cluster=cluster, tasks=[task], WaiterConfig=QUICK)

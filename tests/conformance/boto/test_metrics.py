"""What the platform measures by itself, and deployments that heed alarms."""

import urllib.request
from datetime import datetime, timedelta, timezone

import pytest

from definitions import CONTAINER, NETWORK, PORT, definition
from waiting import until

PACE = {"Delay": 1, "MaxAttempts": 60}
REQUESTS = 7
# Values come once a minute.
MINUTES = 150


@pytest.fixture(scope="module")
def behind(elbv2):
    """A load balancer with a target group: their ARNs."""
    balancer = elbv2.create_load_balancer(
        Name="measured", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]["LoadBalancerArn"]
    group = elbv2.create_target_group(
        Name="measured", Protocol="HTTP", Port=PORT, VpcId="vpc-1", TargetType="ip",
        HealthCheckPath="/health")["TargetGroups"][0]["TargetGroupArn"]
    elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
                          DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    yield balancer, group
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    elbv2.delete_target_group(TargetGroupArn=group)


@pytest.fixture(scope="module")
def measured(ecs, elbv2, cluster, web, behind):
    """A service of one task behind the load balancer, which answers."""
    ecs.create_service(
        cluster=cluster, serviceName="measured", taskDefinition=web, desiredCount=1,
        networkConfiguration=NETWORK,
        loadBalancers=[{"targetGroupArn": behind[1], "containerName": CONTAINER,
                        "containerPort": PORT}])
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=behind[1], WaiterConfig=PACE)
    yield "measured"
    ecs.delete_service(cluster=cluster, service="measured", force=True)
    ecs.get_waiter("services_inactive").wait(
        cluster=cluster, services=["measured"], WaiterConfig=PACE)


def test_a_service_and_its_load_balancer_are_measured(
        cloudwatch, cluster, behind, measured, address):
    url = address("measured")
    for _ in range(REQUESTS):
        urllib.request.urlopen(url + "/counted", timeout=10).read()
    balancer, group = (arn.rsplit(":", 1)[1] for arn in behind)
    service = {"ClusterName": cluster, "ServiceName": measured}
    traffic = {"LoadBalancer": balancer.removeprefix("loadbalancer/"), "TargetGroup": group}

    def seen(namespace, metric, statistic, dimensions):
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName=metric, Statistics=[statistic], Period=60,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=datetime.now(timezone.utc) - timedelta(hours=1),
            EndTime=datetime.now(timezone.utc) + timedelta(minutes=1))["Datapoints"]
        return [point[statistic] for point in points]

    def counted():
        return sum(seen("AWS/ApplicationELB", "RequestCount", "Sum", traffic)) == REQUESTS
    until(counted, patience=MINUTES)
    assert sum(seen("AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", "Sum", traffic)) == REQUESTS
    assert max(seen("AWS/ApplicationELB", "HealthyHostCount", "Maximum", traffic)) == 1
    assert max(seen("AWS/ApplicationELB", "TargetResponseTime", "Maximum", traffic)) > 0

    def measured_memory():
        return max(seen("AWS/ECS", "MemoryUtilization", "Average", service), default=0) > 0
    until(measured_memory, patience=MINUTES)
    assert max(seen("AWS/ECS", "CPUUtilization", "Average", service)) >= 0


def test_a_deployment_goes_back_when_an_alarm_is_raised(cloudwatch, ecs, cluster, web, image):
    cloudwatch.put_metric_alarm(
        AlarmName="heeded", Namespace="Boto", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching")
    heeding = {"alarms": {"alarmNames": ["heeded"], "enable": True, "rollback": True},
               "bakeTimeInMinutes": 5}
    ecs.create_service(cluster=cluster, serviceName="heeding", taskDefinition=web, desiredCount=1,
                       networkConfiguration=NETWORK)

    def described():
        return ecs.describe_services(cluster=cluster, services=["heeding"])["services"][0]

    def completed():
        return described()["deployments"][0]["rolloutState"] == "COMPLETED"
    # The waiter for stable services is content with counts, and only what was completed is gone
    # back to.
    until(completed)
    next_one = ecs.register_task_definition(
        **definition("boto-web", image, VERSION="two"))["taskDefinition"]["taskDefinitionArn"]
    changed = ecs.update_service(
        cluster=cluster, service="heeding", taskDefinition=next_one,
        deploymentConfiguration=heeding)["service"]

    def replaced():
        deployments = described()["deployments"]
        return deployments[0]["runningCount"] == 1 and len(deployments) == 1
    until(replaced)
    # It bakes: done, but not yet over.
    assert described()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    cloudwatch.set_alarm_state(AlarmName="heeded", StateValue="ALARM", StateReason="a test")
    until(completed)
    assert described()["taskDefinition"] == web
    deployment = ecs.describe_service_deployments(
        serviceDeploymentArns=[changed["currentServiceDeployment"]])["serviceDeployments"][0]
    assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
    assert deployment["alarms"]["triggeredAlarmNames"] == ["heeded"]
    ecs.delete_service(cluster=cluster, service="heeding", force=True)
    ecs.get_waiter("services_inactive").wait(cluster=cluster, services=["heeding"],
                                             WaiterConfig=PACE)
    cloudwatch.delete_alarms(AlarmNames=["heeded"])

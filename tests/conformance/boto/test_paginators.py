"""Every paginator of botocore over what the platform lists, page by page and all at once."""

import time
from datetime import datetime, timedelta, timezone

import boto3
import pytest

import image as oci
from definitions import NETWORK, PORT, definition

COUNT = 5
NAMES = [f"pages-{number}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def stock(ecs, elbv2, ecr, logs, cloudwatch, secrets, parameters, cluster, web, image, push,
          tmp_path_factory):
    """Five of everything that is listed."""
    made = {"cluster": cluster, "web": web}
    made["tasks"] = ecs.run_task(
        cluster=cluster, taskDefinition=web, count=COUNT, networkConfiguration=NETWORK)["tasks"]
    for name in NAMES:
        ecs.create_cluster(clusterName=name)
        ecs.create_service(cluster=cluster, serviceName=name, taskDefinition=web, desiredCount=0,
                           networkConfiguration=NETWORK)
        ecs.register_task_definition(**definition(name, image))
        ecr.create_repository(repositoryName=name)
        logs.create_log_group(logGroupName=name)
        secrets.create_secret(Name=name, SecretString=name)
        parameters.put_parameter(Name=f"/pages/{name}", Type="String", Value=name)
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="Pages", MetricName=name, Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
        cloudwatch.put_metric_data(
            Namespace="Pages", MetricData=[{"MetricName": name, "Value": 1}])
    for number in range(COUNT):
        ecs.update_service(cluster=cluster, service=NAMES[0], forceNewDeployment=True)
        secrets.put_secret_value(SecretId=NAMES[0], SecretString=str(number))
        parameters.put_parameter(Name=f"/pages/{NAMES[0]}", Value=str(number), Overwrite=True)
        stream = {"logGroupName": NAMES[0], "logStreamName": str(number)}
        logs.create_log_stream(**stream)
        now = int(time.time() * 1000)
        logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "hello"}])
        layout = tmp_path_factory.mktemp("image") / "layout"
        oci.write_layout(layout, {}, marker=str(number))
        push(layout, f"{NAMES[0]}:{number}")
    _stock_balancing(elbv2, made)
    yield made
    for arn in made["balancers"]:
        elbv2.delete_load_balancer(LoadBalancerArn=arn)
    for arn in made["groups"]:
        elbv2.delete_target_group(TargetGroupArn=arn)
    for task in made["tasks"]:
        ecs.stop_task(cluster=cluster, task=task["taskArn"])
    for name in NAMES:
        ecs.delete_service(cluster=cluster, service=name, force=True)
        ecs.delete_cluster(cluster=name)
        ecs.deregister_task_definition(taskDefinition=f"{name}:1")
        ecr.delete_repository(repositoryName=name, force=True)
        logs.delete_log_group(logGroupName=name)
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        parameters.delete_parameter(Name=f"/pages/{name}")
    cloudwatch.delete_alarms(AlarmNames=NAMES)
    ecs.get_waiter("services_inactive").wait(
        cluster=cluster, services=NAMES, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    tasks = [task["taskArn"] for task in made["tasks"]]
    ecs.get_waiter("tasks_stopped").wait(
        cluster=cluster, tasks=tasks, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def _stock_balancing(elbv2, made):
    """Five load balancers and target groups; the first has five listeners, of five rules each."""
    made["balancers"] = [
        elbv2.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
        ["LoadBalancerArn"] for name in NAMES]
    made["groups"] = [
        elbv2.create_target_group(Name=name, Protocol="HTTP", Port=PORT, VpcId="vpc-1",
                                  TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        for name in NAMES]
    nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    made["listeners"] = [
        elbv2.create_listener(LoadBalancerArn=made["balancers"][0], Protocol="HTTP",
                              Port=8000 + number, DefaultActions=[nothing])["Listeners"][0]
        ["ListenerArn"] for number in range(COUNT)]
    for number in range(COUNT):
        elbv2.create_rule(
            ListenerArn=made["listeners"][0], Priority=number + 1, Actions=[nothing],
            Conditions=[{"Field": "path-pattern", "Values": [f"/{number}/*"]}])


# Service, paginator, arguments, what is listed, and how many there are at least.
LISTS = [
    ("ecs", "list_clusters", {}, "clusterArns", COUNT),
    ("ecs", "list_services", {"cluster": "boto"}, "serviceArns", COUNT),
    ("ecs", "list_tasks", {"cluster": "boto"}, "taskArns", COUNT),
    ("ecs", "list_task_definitions", {}, "taskDefinitionArns", COUNT),
    ("ecs", "list_task_definition_families", {"status": "ACTIVE"}, "families", COUNT),
    ("elbv2", "describe_load_balancers", {}, "LoadBalancers", COUNT),
    ("elbv2", "describe_target_groups", {}, "TargetGroups", COUNT),
    ("elbv2", "describe_listeners", {"LoadBalancerArn": "balancers"}, "Listeners", COUNT),
    ("elbv2", "describe_rules", {"ListenerArn": "listeners"}, "Rules", COUNT + 1),
    ("ecr", "describe_repositories", {}, "repositories", COUNT),
    ("ecr", "describe_images", {"repositoryName": NAMES[0]}, "imageDetails", COUNT),
    ("ecr", "list_images", {"repositoryName": NAMES[0]}, "imageIds", COUNT),
    ("logs", "describe_log_groups", {}, "logGroups", COUNT),
    ("logs", "describe_log_streams", {"logGroupName": NAMES[0]}, "logStreams", COUNT),
    ("logs", "filter_log_events", {"logGroupName": NAMES[0]}, "events", COUNT),
    ("cloudwatch", "describe_alarms", {"AlarmNamePrefix": "pages-"}, "MetricAlarms", COUNT),
    ("secretsmanager", "list_secrets", {}, "SecretList", COUNT),
    ("ssm", "describe_parameters", {}, "Parameters", COUNT),
    ("ssm", "get_parameters_by_path", {"Path": "/pages"}, "Parameters", COUNT),
    ("ssm", "get_parameter_history", {"Name": f"/pages/{NAMES[0]}"}, "Parameters", COUNT + 1),
]


@pytest.mark.parametrize("service, name, arguments, result, least", LISTS,
                         ids=[f"{one[0]}-{one[1]}" for one in LISTS])
def test_pages_are_the_whole_without_gaps_or_repetitions(
        stock, service, name, arguments, result, least):
    paginator = boto3.client(service).get_paginator(name)
    # A name in capitals stands for the first of the stock.
    given = {key: stock[value][0] if value in ("balancers", "listeners") else value
             for key, value in arguments.items()}
    pages = list(paginator.paginate(**given, PaginationConfig={"PageSize": 2}))
    whole = paginator.paginate(**given).build_full_result()[result]
    assert len(whole) >= least
    assert all(len(page[result]) <= 2 for page in pages)
    assert [one for page in pages for one in page[result]] == whole
    part = paginator.paginate(**given, PaginationConfig={"PageSize": 2, "MaxItems": 3})
    first = part.build_full_result()
    rest = paginator.paginate(**given, PaginationConfig={"StartingToken": first["NextToken"]})
    assert first[result] + rest.build_full_result()[result] == whole


def test_metrics_and_the_history_of_alarms_have_pages(cloudwatch, stock):
    """Their page size cannot be chosen."""
    metrics = cloudwatch.get_paginator("list_metrics").paginate(Namespace="Pages")
    found = [one["MetricName"] for one in metrics.build_full_result()["Metrics"]]
    assert sorted(found) == NAMES
    history = cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName=NAMES[0], PaginationConfig={"PageSize": 1})
    kinds = [one["HistoryItemType"] for page in history for one in page["AlarmHistoryItems"]]
    assert "ConfigurationUpdate" in kinds


def test_values_of_metrics_have_pages(cloudwatch, stock):
    now = datetime.now(timezone.utc)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1),
        MetricDataQueries=[{"Id": "one", "MetricStat": {
            "Metric": {"Namespace": "Pages", "MetricName": NAMES[0]},
            "Period": 60, "Stat": "Sum"}}])
    result = pages.build_full_result()["MetricDataResults"][0]
    assert (result["Id"], result["StatusCode"]) == ("one", "Complete")
    assert sum(result["Values"]) >= 1


def test_service_deployments_are_listed_in_pages(ecs, stock):
    """botocore has no paginator for them."""
    listed, token = [], {}
    while True:
        answer = ecs.list_service_deployments(
            cluster=stock["cluster"], service=NAMES[0], maxResults=2, **token)
        assert len(answer["serviceDeployments"]) <= 2
        listed += [one["serviceDeploymentArn"] for one in answer["serviceDeployments"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert len(listed) == len(set(listed)) > COUNT

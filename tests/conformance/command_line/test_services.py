"""A service behind a load balancer: made, looked at, rolled, broken, deleted."""

import json
import urllib.request

import pytest

from definitions import CONTAINER, PORT, definition
from waiting import until

HEALTH = ["--health-check-path", "/health", "--health-check-interval-seconds", "5",
          "--health-check-timeout-seconds", "2", "--healthy-threshold-count", "2",
          "--unhealthy-threshold-count", "2"]


@pytest.fixture(scope="module")
def group(aws, prefix):
    """A target group behind port 80 of a load balancer."""
    balancer = aws.text("elbv2", "create-load-balancer", "--name", prefix, "--subnets",
                        "subnet-1", "subnet-2", "--query", "LoadBalancers[0].LoadBalancerArn")
    aws.run("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", balancer)
    group = aws.text("elbv2", "create-target-group", "--name", prefix, "--protocol", "HTTP",
                     "--port", str(PORT), "--vpc-id", "vpc-1", "--target-type", "ip", *HEALTH,
                     "--query", "TargetGroups[0].TargetGroupArn")
    aws("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP",
        "--port", "80", "--default-actions", f"Type=forward,TargetGroupArn={group}")
    yield group
    aws("elbv2", "delete-load-balancer", "--load-balancer-arn", balancer)
    aws.run("elbv2", "wait", "load-balancers-deleted", "--load-balancer-arns", balancer)
    aws("elbv2", "delete-target-group", "--target-group-arn", group)


@pytest.fixture(scope="module")
def service(aws, cluster, group, image, tmp_path_factory):
    """A service of two tasks that is stable."""
    request = tmp_path_factory.mktemp("service") / "task.json"
    request.write_text(json.dumps(definition(f"{cluster}-web", image)))
    aws("ecs", "register-task-definition", "--cli-input-json", f"file://{request}")
    breaker = "deploymentCircuitBreaker={enable=true,rollback=true}"
    aws("ecs", "create-service", "--cluster", cluster, "--service-name", "web",
        "--task-definition", f"{cluster}-web", "--desired-count", "2", "--launch-type", "FARGATE",
        "--deployment-configuration",
        f"maximumPercent=200,minimumHealthyPercent=100,{breaker}",
        "--network-configuration",
        "awsvpcConfiguration={subnets=[subnet-1],securityGroups=[sg-1],assignPublicIp=DISABLED}",
        "--load-balancers",
        f"targetGroupArn={group},containerName={CONTAINER},containerPort={PORT}")
    _stable(aws, cluster)
    # The waiter is content with counts.
    until(lambda: _rollout(aws, cluster) == "COMPLETED")
    yield "web"
    aws("ecs", "delete-service", "--cluster", cluster, "--service", "web", "--force")
    aws.run("ecs", "wait", "services-inactive", "--cluster", cluster, "--services", "web")


def test_a_query_shows_counts_and_the_rollout(aws, cluster, service):
    query = ("services[0].[status,desiredCount,runningCount,pendingCount,"
             "deployments[0].rolloutState]")
    shown = aws.text("ecs", "describe-services", "--cluster", cluster, "--services", service,
                     "--query", query)
    assert shown.split() == ["ACTIVE", "2", "2", "0", "COMPLETED"]
    events = _events(aws, cluster)
    assert events[0] == "(service web) has reached a steady state."
    arns = aws("ecs", "list-services", "--cluster", cluster)["serviceArns"]
    assert [arn.rsplit("/", 1)[1] for arn in arns] == [service]


def test_a_missing_service_is_a_failure_in_the_answer(aws, cluster):
    answer = aws("ecs", "describe-services", "--cluster", cluster, "--services", "nobody")
    assert answer["services"] == []
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_targets_are_healthy_and_answer(aws, group, service, prefix, address):
    aws.run("elbv2", "wait", "target-in-service", "--target-group-arn", group)
    states = aws.text("elbv2", "describe-target-health", "--target-group-arn", group, "--query",
                      "TargetHealthDescriptions[].TargetHealth.State")
    assert states.split() == ["healthy", "healthy"]
    with urllib.request.urlopen(address(prefix) + "/hello", timeout=10) as answer:
        assert json.load(answer) == {"version": "one", "path": "/hello"}


def test_tasks_are_listed_and_described(aws, cluster, service):
    arns = aws.text("ecs", "list-tasks", "--cluster", cluster, "--service-name", service,
                    "--query", "taskArns[]").split()
    assert len(arns) == 2
    answer = aws("ecs", "describe-tasks", "--cluster", cluster, "--tasks", *arns)
    for task in answer["tasks"]:
        assert (task["lastStatus"], task["desiredStatus"]) == ("RUNNING", "RUNNING")
        assert task["launchType"] == "FARGATE"
        assert task["containers"][0]["imageDigest"].startswith("sha256:")
        assert task["containers"][0]["networkBindings"][0]["containerPort"] == PORT
    pages = aws("ecs", "list-tasks", "--cluster", cluster, "--page-size", "1")
    assert sorted(pages["taskArns"]) == sorted(arns)
    first = aws("ecs", "list-tasks", "--cluster", cluster, "--max-items", "1", "--page-size", "1")
    rest = aws("ecs", "list-tasks", "--cluster", cluster, "--starting-token", first["NextToken"])
    assert sorted(first["taskArns"] + rest["taskArns"]) == sorted(arns)


def test_a_stopped_task_is_replaced_and_says_why_it_stopped(aws, cluster, service):
    task = aws.text("ecs", "list-tasks", "--cluster", cluster, "--query", "taskArns[0]")
    aws("ecs", "stop-task", "--cluster", cluster, "--task", task, "--reason", "a test")
    aws.run("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", task)
    stopped = aws.text("ecs", "list-tasks", "--cluster", cluster, "--desired-status", "STOPPED",
                       "--query", "taskArns[]")
    assert task in stopped.split()
    query = "tasks[0].[lastStatus,stopCode,stoppedReason,containers[0].exitCode]"
    shown = aws("ecs", "describe-tasks", "--cluster", cluster, "--tasks", task, "--query", query)
    assert shown == ["STOPPED", "UserInitiated", "a test", 0]
    until(lambda: _counts(aws, cluster) == (2, 2, 0))


def test_a_new_deployment_replaces_every_task(aws, cluster, service):
    before = _tasks(aws, cluster)
    answer = aws("ecs", "update-service", "--cluster", cluster, "--service", service,
                 "--force-new-deployment")
    new, old = answer["service"]["deployments"]
    assert (new["status"], new["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert (old["status"], old["rolloutState"]) == ("ACTIVE", "COMPLETED")
    _stable(aws, cluster)
    after = _tasks(aws, cluster)
    assert len(after) == 2 and not after & before
    completed = f"(service web) (deployment {new['id']}) deployment completed."
    until(lambda: completed in _events(aws, cluster))


def test_a_revision_that_crashes_is_rolled_back(aws, cluster, service, register, image):
    good = _definition(aws, cluster)
    bad = register(definition(f"{cluster}-web", image, FAULT="crash"))
    aws("ecs", "update-service", "--cluster", cluster, "--service", service,
        "--task-definition", bad)
    until(lambda: _definition(aws, cluster) == good and _rollout(aws, cluster) == "COMPLETED")
    events = "\n".join(_events(aws, cluster))
    assert "deployment failed: tasks failed to start." in events
    assert "rolling back to deployment ecs-svc/" in events
    stopped = aws.text("ecs", "list-tasks", "--cluster", cluster, "--desired-status", "STOPPED",
                       "--family", f"{cluster}-web", "--query", "taskArns[]").split()
    tasks = aws("ecs", "describe-tasks", "--cluster", cluster, "--tasks", *stopped)["tasks"]
    crashed = [task for task in tasks if task["taskDefinitionArn"] == bad]
    ends = {(task["stopCode"], task["stoppedReason"], task["containers"][0].get("exitCode"))
            for task in crashed}
    assert ("EssentialContainerExited", "Essential container in task exited", 3) in ends
    _stable(aws, cluster)


@pytest.mark.since(v1=(1, 36, 0), v2=(2, 22, 0))
def test_a_rolled_back_deployment_is_on_record(aws, cluster, service):
    bad = aws("ecs", "list-task-definitions", "--family-prefix", f"{cluster}-web", "--sort",
              "DESC", "--query", "taskDefinitionArns[0]")
    listed = aws("ecs", "list-service-deployments", "--cluster", cluster, "--service", service,
                 "--status", "ROLLBACK_SUCCESSFUL")
    arn = listed["serviceDeployments"][0]["serviceDeploymentArn"]
    described = aws("ecs", "describe-service-deployments", "--service-deployment-arns", arn)
    deployment = described["serviceDeployments"][0]
    assert deployment["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert "circuit breaker threshold was exceeded" in deployment["statusReason"]
    revision = deployment["targetServiceRevision"]["arn"]
    described = aws("ecs", "describe-service-revisions", "--service-revision-arns", revision)
    assert described["serviceRevisions"][0]["taskDefinition"] == bad


@pytest.mark.since(v1=(1, 40, 0), v2=(2, 27, 0))
def test_a_deployment_that_takes_long_is_stopped_with_a_rollback(aws, cluster, service, register,
                                                                 image):
    good = _definition(aws, cluster)
    sick = register(definition(f"{cluster}-web", image, FAULT="sick"))
    answer = aws("ecs", "update-service", "--cluster", cluster, "--service", service,
                 "--task-definition", sick, "--health-check-grace-period-seconds", "600")
    arn = answer["service"]["currentServiceDeployment"]
    stopped = aws("ecs", "stop-service-deployment", "--service-deployment-arn", arn,
                  "--stop-type", "ROLLBACK")
    assert stopped["serviceDeploymentArn"] == arn
    until(lambda: _definition(aws, cluster) == good and _rollout(aws, cluster) == "COMPLETED")
    refused = aws.fails("ecs", "stop-service-deployment", "--service-deployment-arn", arn,
                        "--stop-type", "ABORT")
    assert "when calling the StopServiceDeployment operation" in refused


def test_the_count_changes_without_a_deployment(aws, cluster, service):
    query = "service.[desiredCount,length(deployments)]"
    shown = aws("ecs", "update-service", "--cluster", cluster, "--service", service,
                "--desired-count", "1", "--query", query)
    assert shown[0] == 1
    until(lambda: _counts(aws, cluster) == (1, 1, 0))


def test_what_cannot_be_is_refused_with_the_code_of_ecs(aws, cluster, service):
    refused = aws.fails("ecs", "update-service", "--cluster", cluster, "--service", "nobody",
                        "--desired-count", "1")
    assert refused.endswith("An error occurred (ServiceNotFoundException) when calling the "
                            "UpdateService operation: Service not found.")
    refused = aws.fails("ecs", "list-tasks", "--cluster", "nobody")
    assert refused.endswith("An error occurred (ClusterNotFoundException) when calling the "
                            "ListTasks operation: Cluster not found.")
    refused = aws.fails("ecs", "delete-service", "--cluster", cluster, "--service", service)
    assert "(InvalidParameterException)" in refused and "scaled above 0" in refused


def _stable(aws, cluster):
    aws.run("ecs", "wait", "services-stable", "--cluster", cluster, "--services", "web")


def _service(aws, cluster, query):
    return aws("ecs", "describe-services", "--cluster", cluster, "--services", "web",
               "--query", f"services[0].{query}")


def _counts(aws, cluster):
    return tuple(_service(aws, cluster, "[desiredCount,runningCount,pendingCount]"))


def _definition(aws, cluster):
    return _service(aws, cluster, "taskDefinition")


def _rollout(aws, cluster):
    return _service(aws, cluster, "deployments[0].rolloutState")


def _events(aws, cluster):
    return _service(aws, cluster, "events[].message")


def _tasks(aws, cluster):
    arns = aws("ecs", "list-tasks", "--cluster", cluster, "--service-name", "web")["taskArns"]
    return set(arns)

"""Deployments as ecs-deploy makes, scales and takes them back."""

from definitions import CONTAINER


def test_a_deployment_replaces_the_task_and_retires_the_old_definition(
        ecs, client, cluster, service):
    before = _service(client, cluster)["taskDefinition"]
    code, words = ecs("deploy", cluster, service, "-e", CONTAINER, "VERSION", "two",
                      "--timeout", "60")
    assert code == 0, words
    assert "Deployment successful" in words
    after = _service(client, cluster)["taskDefinition"]
    assert after != before
    assert _environment(client, after)["VERSION"] == "two"
    running = _tasks(client, cluster)
    assert [task["taskDefinitionArn"] for task in running] == [after]
    retired = client.describe_task_definition(taskDefinition=before)["taskDefinition"]
    assert retired["status"] == "INACTIVE"


def test_another_image_is_deployed_by_its_tag(ecs, client, cluster, service, layout, push):
    push(layout, "conformance/web:two")
    code, words = ecs("deploy", cluster, service, "--tag", "two", "--timeout", "60")
    assert code == 0, words
    after = _definition(client, _service(client, cluster)["taskDefinition"])
    assert after["containerDefinitions"][0]["image"].endswith("conformance/web:two")


def test_a_service_is_scaled_up_and_down(ecs, client, cluster, service):
    for count in (3, 1):
        code, words = ecs("scale", cluster, service, str(count), "--timeout", "60")
        assert code == 0, words
        assert f"Successfully changed desired count to: {count}" in words
        assert _service(client, cluster)["runningCount"] == count


def test_a_job_runs_with_another_command(ecs, client, cluster, service):
    code, words = ecs("run", cluster, "ecs-deploy-web", "1", "--launchtype", "FARGATE",
                      "--subnet", "subnet-1", "--securitygroup", "sg-1",
                      "-c", CONTAINER, "/bin/false")
    assert code == 0, words
    assert "Successfully started 1 instances of task" in words
    arn = next(line[2:] for line in words.splitlines() if line.startswith("- arn:aws:ecs"))
    client.get_waiter("tasks_stopped").wait(
        cluster=cluster, tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    task = client.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
    assert task["containers"][0]["exitCode"] == 1
    assert task["startedBy"] == "ECS Deploy"


def test_a_revision_that_crashes_is_taken_back(ecs, client, cluster, service):
    good = _service(client, cluster)["taskDefinition"]
    code, words = ecs("deploy", cluster, service, "-e", CONTAINER, "FAULT", "crash",
                      "--rollback", "--timeout", "8")
    assert code == 1, words
    assert "Rolling back to task definition" in words
    assert "service has been rolled back to previous task definition" in words
    now = _service(client, cluster)
    assert (now["taskDefinition"], now["runningCount"]) == (good, 1)
    assert [task["taskDefinitionArn"] for task in _tasks(client, cluster)] == [good]
    assert "FAULT" not in _environment(client, good)


def test_an_image_that_is_missing_is_an_error_of_the_deployment(ecs, client, cluster, service):
    good = _service(client, cluster)["taskDefinition"]
    code, words = ecs("deploy", cluster, service, "--tag", "nobody", "--rollback",
                      "--timeout", "30")
    assert code == 1, words
    # ecs-deploy looks for this word in the events of the service.
    assert "was unable to place a task" in words
    assert "CannotPullContainerError" in words
    assert _service(client, cluster)["taskDefinition"] == good


def test_what_is_not_there_is_told(ecs, cluster, service):
    code, words = ecs("deploy", cluster, "nobody")
    assert (code, "Service not found" in words) == (1, True), words
    code, words = ecs("deploy", "nobody", service)
    assert (code, "Cluster not found" in words) == (1, True), words


def _service(client, cluster):
    return client.describe_services(cluster=cluster, services=["web"])["services"][0]


def _tasks(client, cluster):
    arns = client.list_tasks(cluster=cluster, serviceName="web")["taskArns"]
    return client.describe_tasks(cluster=cluster, tasks=arns)["tasks"]


def _definition(client, arn):
    return client.describe_task_definition(taskDefinition=arn)["taskDefinition"]


def _environment(client, arn):
    container = _definition(client, arn)["containerDefinitions"][0]
    return {one["name"]: one["value"] for one in container["environment"]}

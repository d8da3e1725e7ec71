"""Tasks of their own: run, waited for, overridden, stopped; and what they wrote."""

import json

import pytest

from definitions import CONTAINER, NETWORK_WORDS, script


@pytest.fixture
def run(aws, cluster, image, register):
    """Runs a shell script as a task and returns the task's ARN: `run(name, text, *arguments)`."""
    def run(name, text, *arguments):
        definition = register(script(f"{cluster}-{name}", image, text))
        return aws.text("ecs", "run-task", "--cluster", cluster, "--task-definition", definition,
                        "--network-configuration", NETWORK_WORDS, *arguments,
                        "--query", "tasks[0].taskArn")
    return run


@pytest.fixture
def ended(aws, cluster):
    """Waits for the end of a task and describes it."""
    def ended(task):
        aws.run("ecs", "wait", "tasks-stopped", "--cluster", cluster, "--tasks", task)
        answer = aws("ecs", "describe-tasks", "--cluster", cluster, "--tasks", task,
                     "--include", "TAGS")
        return answer["tasks"][0]
    return ended


def test_the_exit_code_of_a_job_is_told(run, ended):
    task = ended(run("job", "echo done; exit 7", "--launch-type", "FARGATE"))
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]


def test_a_job_runs_with_overrides_tags_and_its_starters_name(aws, cluster, run, ended):
    overrides = {"containerOverrides": [{
        "name": CONTAINER,
        "command": ["/bin/sh", "-c", 'test "$WORD" = hello && exit 5'],
        "environment": [{"name": "WORD", "value": "hello"}],
    }]}
    task = ended(run("override", "exit 1", "--overrides", json.dumps(overrides), "--started-by",
                     "a-person", "--tags", "key=why,value=test", "--group", "jobs"))
    assert task["containers"][0]["exitCode"] == 5
    assert (task["startedBy"], task["group"]) == ("a-person", "jobs")
    assert task["tags"] == [{"key": "why", "value": "test"}]
    assert task["overrides"]["containerOverrides"][0]["name"] == CONTAINER
    listed = aws("ecs", "list-tasks", "--cluster", cluster, "--desired-status", "STOPPED",
                 "--started-by", "a-person")
    assert task["taskArn"] in listed["taskArns"]


def test_a_task_that_runs_is_stopped(aws, cluster, run, ended):
    task = run("long", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    aws.run("ecs", "wait", "tasks-running", "--cluster", cluster, "--tasks", task)
    stopping = aws("ecs", "stop-task", "--cluster", cluster, "--task", task, "--reason", "enough")
    assert stopping["task"]["desiredStatus"] == "STOPPED"
    task = ended(task)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 0


def test_a_task_whose_image_is_missing_says_so(aws, cluster, register, ended):
    request = script(f"{cluster}-nothing", "registry.seaway.internal/nobody/nothing:v1", "true")
    definition = register(request)
    task = ended(aws.text("ecs", "run-task", "--cluster", cluster, "--task-definition", definition,
                          "--network-configuration", NETWORK_WORDS, "--query", "tasks[0].taskArn"))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError")


def test_a_task_whose_secret_is_missing_says_so(aws, cluster, image, register, ended):
    request = script(f"{cluster}-secret", image, "true")
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:nobody-AbCdEf"
    request["containerDefinitions"][0]["secrets"] = [{"name": "WORD", "valueFrom": arn}]
    definition = register(request)
    task = ended(aws.text("ecs", "run-task", "--cluster", cluster, "--task-definition", definition,
                          "--network-configuration", NETWORK_WORDS, "--query", "tasks[0].taskArn"))
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: unable to pull secrets or registry auth")


def test_a_job_reads_a_secret_that_is_there(aws, cluster, image, register, ended):
    secret = aws.text("secretsmanager", "create-secret", "--name", f"{cluster}/job",
                      "--secret-string", '{"word":"hello"}', "--query", "ARN")
    request = script(f"{cluster}-reader", image, 'test "$WORD" = hello && exit 6')
    request["containerDefinitions"][0]["secrets"] = [
        {"name": "WORD", "valueFrom": f"{secret}:word::"}]
    definition = register(request)
    task = ended(aws.text("ecs", "run-task", "--cluster", cluster, "--task-definition", definition,
                          "--network-configuration", NETWORK_WORDS, "--query", "tasks[0].taskArn"))
    assert task["containers"][0]["exitCode"] == 6
    aws("secretsmanager", "delete-secret", "--secret-id", secret, "--force-delete-without-recovery")


def test_a_task_that_is_not_there_is_a_failure_in_the_answer(aws, cluster):
    missing = f"arn:aws:ecs:us-east-1:000000000000:task/{cluster}/{'0' * 32}"
    answer = aws("ecs", "describe-tasks", "--cluster", cluster, "--tasks", missing)
    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": missing, "reason": "MISSING"}]

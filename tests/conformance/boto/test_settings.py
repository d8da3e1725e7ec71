"""Capacity, account settings and protection from scale-in."""

from definitions import NETWORK, script
from waiting import until

PACE = {"Delay": 1, "MaxAttempts": 60}


def test_capacity_providers_are_described_and_recorded(ecs, cluster, image):
    found = ecs.describe_capacity_providers(capacityProviders=["FARGATE", "FARGATE_SPOT"])
    assert {one["status"] for one in found["capacityProviders"]} == {"ACTIVE"}
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    ecs.put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[])
    request = script("boto-spot", image, "exit 0")
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(cluster=cluster, taskDefinition=arn, capacityProviderStrategy=spot,
                        networkConfiguration=NETWORK)["tasks"]
    assert task[0]["capacityProviderName"] == "FARGATE_SPOT"
    ecs.get_waiter("tasks_stopped").wait(
        cluster=cluster, tasks=[task[0]["taskArn"]], WaiterConfig=PACE)


def test_account_settings_are_kept(ecs):
    ecs.put_account_setting(name="containerInsights", value="enabled")
    pages = ecs.get_paginator("list_account_settings").paginate(
        name="containerInsights", effectiveSettings=True)
    assert [one["value"] for one in pages.build_full_result()["settings"]] == ["enabled"]
    ecs.delete_account_setting(name="containerInsights")


def test_a_protected_task_outlives_a_scale_in(ecs, cluster, image):
    request = script("boto-protected", image, "trap 'exit 0' TERM; while :; do sleep 0.1; done")
    arn = ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster=cluster, serviceName="protected", taskDefinition=arn, desiredCount=2,
                       networkConfiguration=NETWORK)
    ecs.get_waiter("services_stable").wait(
        cluster=cluster, services=["protected"], WaiterConfig=PACE)

    def tasks():
        return ecs.list_tasks(cluster=cluster, serviceName="protected")["taskArns"]
    kept = sorted(tasks())[0]
    protected = ecs.update_task_protection(
        cluster=cluster, tasks=[kept], protectionEnabled=True, expiresInMinutes=5)
    assert protected["protectedTasks"][0]["protectionEnabled"] is True
    ecs.update_service(cluster=cluster, service="protected", desiredCount=1)
    until(lambda: tasks() == [kept])
    found = ecs.get_task_protection(cluster=cluster, tasks=[kept])["protectedTasks"][0]
    assert found["expirationDate"] is not None
    ecs.update_task_protection(cluster=cluster, tasks=[kept], protectionEnabled=False)
    ecs.delete_service(cluster=cluster, service="protected", force=True)
    ecs.get_waiter("services_inactive").wait(
        cluster=cluster, services=["protected"], WaiterConfig=PACE)

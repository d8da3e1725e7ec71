"""Task definitions: registered from a file, listed, described, retired."""

import pytest

from definitions import CONTAINER, definition, script


@pytest.fixture(scope="module")
def family(prefix):
    return f"{prefix}-definitions"


@pytest.fixture
def revisions(aws, family, image, register):
    """Three revisions, oldest first; retired at the end."""
    arns = [register({**definition(family, image, VERSION=version),
                      "tags": [{"key": "version", "value": version}]})
            for version in ("one", "two", "three")]
    yield arns
    for arn in arns:
        aws("ecs", "deregister-task-definition", "--task-definition", arn)


def test_the_newest_comes_first_when_asked_for(aws, family, revisions):
    def listed(*more):
        query = ("--query", "taskDefinitionArns[]")
        return aws("ecs", "list-task-definitions", "--family-prefix", family, *more, *query)
    assert listed("--sort", "DESC") == revisions[::-1]
    assert listed("--sort", "ASC", "--page-size", "1") == revisions
    assert listed("--sort", "DESC", "--max-items", "1")[0] == revisions[-1]


def test_a_definition_is_described_by_family_by_revision_and_with_tags(aws, family, revisions):
    newest = aws("ecs", "describe-task-definition", "--task-definition", family)
    assert newest["taskDefinition"]["taskDefinitionArn"] == revisions[-1]
    assert "tags" not in newest or newest["tags"] == []
    name = revisions[0].rsplit("/", 1)[1]
    first = aws("ecs", "describe-task-definition", "--task-definition", name, "--include", "TAGS")
    assert first["tags"] == [{"key": "version", "value": "one"}]
    container = first["taskDefinition"]["containerDefinitions"][0]
    assert container["name"] == CONTAINER
    assert container["environment"] == [{"name": "VERSION", "value": "one"}]
    assert first["taskDefinition"]["status"] == "ACTIVE"
    assert first["taskDefinition"]["compatibilities"] == ["EC2", "FARGATE"]


def test_what_is_described_can_be_registered_again(aws, family, revisions, register):
    described = aws("ecs", "describe-task-definition", "--task-definition", revisions[0])
    answered = {"taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities",
                "registeredAt", "registeredBy", "deregisteredAt"}
    old = described["taskDefinition"]
    arn = register({key: value for key, value in old.items() if key not in answered})
    again = aws("ecs", "describe-task-definition", "--task-definition", arn)["taskDefinition"]
    for key in old.keys() - answered:
        assert again[key] == old[key], key
    aws("ecs", "deregister-task-definition", "--task-definition", arn)


def test_families_are_listed_by_status(aws, family, revisions):
    def families(status):
        return aws("ecs", "list-task-definition-families", "--family-prefix", family, "--status",
                   status)["families"]
    assert families("ACTIVE") == [family]
    for arn in revisions:
        retired = aws("ecs", "deregister-task-definition", "--task-definition", arn)
        assert retired["taskDefinition"]["status"] == "INACTIVE"
        assert "deregisteredAt" in retired["taskDefinition"]
    assert families("ACTIVE") == []
    assert families("INACTIVE") == [family]
    inactive = aws("ecs", "list-task-definitions", "--family-prefix", family, "--status",
                   "INACTIVE")["taskDefinitionArns"]
    assert set(revisions) <= set(inactive)


@pytest.mark.since(v1=(1, 27, 0), v2=(2, 11, 0))
def test_a_retired_definition_is_deleted_and_an_active_one_is_not(aws, family, image, register):
    retired = register(script(f"{family}-gone", image, "true"))
    active = register(script(f"{family}-gone", image, "true"))
    aws("ecs", "deregister-task-definition", "--task-definition", retired)
    answer = aws("ecs", "delete-task-definitions", "--task-definitions", retired, active)
    assert [one["taskDefinitionArn"] for one in answer["taskDefinitions"]] == [retired]
    assert [one["arn"] for one in answer["failures"]] == [active]
    aws("ecs", "deregister-task-definition", "--task-definition", active)


def test_a_definition_that_is_not_there_is_refused(aws, family):
    refused = aws.fails("ecs", "describe-task-definition", "--task-definition", f"{family}:99")
    assert refused.endswith("An error occurred (ClientException) when calling the "
                            "DescribeTaskDefinition operation: Unable to describe task definition.")

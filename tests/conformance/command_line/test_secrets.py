"""Secrets and parameters."""

import json

import pytest


@pytest.fixture
def secret(aws, prefix):
    name = f"{prefix}/database"
    aws("secretsmanager", "create-secret", "--name", name, "--secret-string",
        json.dumps({"url": "postgres://one"}), "--description", "the shop's",
        "--tags", "Key=team,Value=shop")
    yield name
    aws("secretsmanager", "delete-secret", "--secret-id", name, "--force-delete-without-recovery")


def _value(aws, secret, *more):
    return aws.text("secretsmanager", "get-secret-value", "--secret-id", secret, *more, "--query",
                    "SecretString")


def test_a_secret_has_versions_and_stages(aws, secret):
    aws("secretsmanager", "put-secret-value", "--secret-id", secret, "--secret-string", "two")
    assert _value(aws, secret) == "two"
    previous = _value(aws, secret, "--version-stage", "AWSPREVIOUS")
    assert json.loads(previous) == {"url": "postgres://one"}
    versions = aws("secretsmanager", "list-secret-version-ids", "--secret-id", secret)["Versions"]
    stages = {version["VersionStages"][0]: version["VersionId"] for version in versions}
    assert set(stages) == {"AWSCURRENT", "AWSPREVIOUS"}
    aws("secretsmanager", "update-secret-version-stage", "--secret-id", secret, "--version-stage",
        "AWSCURRENT", "--move-to-version-id", stages["AWSPREVIOUS"],
        "--remove-from-version-id", stages["AWSCURRENT"])
    assert json.loads(_value(aws, secret)) == {"url": "postgres://one"}


def test_a_secret_is_described_and_found(aws, secret):
    described = aws("secretsmanager", "describe-secret", "--secret-id", secret)
    assert described["Description"] == "the shop's"
    assert described["Tags"] == [{"Key": "team", "Value": "shop"}]
    assert described["ARN"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:")
    query = ("--filters", f"Key=name,Values={secret}", "--query", "SecretList[].Name")
    assert aws("secretsmanager", "list-secrets", *query) == [secret]


def test_a_deleted_secret_comes_back(aws, secret):
    gone = aws("secretsmanager", "delete-secret", "--secret-id", secret,
               "--recovery-window-in-days", "7")
    assert "DeletionDate" in gone
    refused = aws.fails("secretsmanager", "get-secret-value", "--secret-id", secret)
    assert "(InvalidRequestException)" in refused and "marked for deletion" in refused
    aws("secretsmanager", "restore-secret", "--secret-id", secret)
    assert "postgres" in _value(aws, secret)


def test_a_secret_that_is_missing_or_there_already_is_refused(aws, secret):
    refused = aws.fails("secretsmanager", "get-secret-value", "--secret-id", "nobody")
    assert refused.endswith(
        "An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: "
        "Secrets Manager can't find the specified secret.")
    refused = aws.fails("secretsmanager", "create-secret", "--name", secret)
    assert "(ResourceExistsException)" in refused


def test_parameters_have_types_versions_and_paths(aws, prefix):
    path = f"/{prefix}/shop"
    aws("ssm", "put-parameter", "--name", f"{path}/level", "--type", "String", "--value", "info")
    aws("ssm", "put-parameter", "--name", f"{path}/hosts", "--type", "StringList", "--value", "a,b")
    aws("ssm", "put-parameter", "--name", f"{path}/db/password", "--type", "SecureString",
        "--value", "hidden", "--tags", "Key=team,Value=shop")
    again = aws("ssm", "put-parameter", "--name", f"{path}/level", "--value", "debug",
                "--overwrite")
    assert again["Version"] == 2
    get = ("ssm", "get-parameter", "--name", f"{path}/db/password", "--query", "Parameter.Value")
    assert aws.text(*get, "--with-decryption") == "hidden"
    assert aws.text(*get) != "hidden"
    recursive = aws("ssm", "get-parameters-by-path", "--path", path, "--recursive", "--page-size",
                    "1", "--query", "Parameters[].Name")
    assert recursive == [f"{path}/db/password", f"{path}/hosts", f"{path}/level"]
    level = aws("ssm", "get-parameters-by-path", "--path", path, "--query", "Parameters[].Name")
    assert level == [f"{path}/hosts", f"{path}/level"]
    history = aws("ssm", "get-parameter-history", "--name", f"{path}/level", "--query",
                  "Parameters[].Value")
    assert history == ["info", "debug"]
    some = aws("ssm", "get-parameters", "--names", f"{path}/level", "/nobody")
    assert some["InvalidParameters"] == ["/nobody"]
    refused = aws.fails("ssm", "put-parameter", "--name", f"{path}/level", "--type", "String",
                        "--value", "x")
    assert "(ParameterAlreadyExists)" in refused
    gone = aws("ssm", "delete-parameters", "--names", *recursive)
    assert sorted(gone["DeletedParameters"]) == recursive
    refused = aws.fails("ssm", "get-parameter", "--name", f"{path}/level")
    assert "(ParameterNotFound)" in refused

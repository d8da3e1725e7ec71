"""Who asks, and what the platform is not."""

import os
import subprocess


def test_the_account_is_told(aws):
    told = aws("sts", "get-caller-identity")
    assert told["Account"] == "000000000000"
    assert told["Arn"].startswith("arn:aws:")


def test_a_wrong_secret_key_gets_nothing(aws):
    refused = _as_somebody_else(aws, AWS_SECRET_ACCESS_KEY="wrong")
    assert "SignatureDoesNotMatch" in refused or "InvalidSignatureException" in refused


def test_an_unknown_key_gets_nothing(aws):
    refused = _as_somebody_else(aws, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")
    assert "UnrecognizedClientException" in refused or "InvalidClientTokenId" in refused


def test_a_service_that_is_not_there_is_named(aws):
    for service, call in [("s3api", "list-buckets"), ("ec2", "describe-vpcs"),
                          ("dynamodb", "list-tables"), ("lambda", "list-functions")]:
        name = service.removesuffix("api")
        refused = aws.fails(service, call)
        assert f"The embedded platform does not have the service {name}." in refused


def _as_somebody_else(aws, **environment):
    command = [aws.command, "--endpoint-url", os.environ["AWS_ENDPOINT_URL"], "ecs",
               "list-clusters"]
    ended = subprocess.run(command, capture_output=True, text=True,
                           env={**os.environ, **environment})
    assert ended.returncode != 0
    return ended.stderr

"""Repositories and images as ECR shows them."""

import json
import subprocess

import pytest


@pytest.fixture(scope="module")
def repository(aws, prefix, layout, registry):
    """A repository with one image under two tags, pushed with the password of the command line."""
    name = f"{prefix}/api"
    created = aws("ecr", "create-repository", "--repository-name", name, "--tags",
                  "Key=team,Value=shop")["repository"]
    assert created["repositoryUri"].endswith(f"/{name}")
    password = aws.run("ecr", "get-login-password").strip()
    for tag in ("v1", "v2"):
        subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds",
                        f"AWS:{password}", f"oci:{layout}:latest",
                        f"docker://{registry}/{name}:{tag}"], check=True)
    yield name
    aws("ecr", "delete-repository", "--repository-name", name, "--force")


def test_images_are_listed_and_described(aws, repository):
    described = aws("ecr", "describe-images", "--repository-name", repository)["imageDetails"]
    assert len(described) == 1
    assert sorted(described[0]["imageTags"]) == ["v1", "v2"]
    assert described[0]["imageSizeInBytes"] > 0
    digest = aws.text("ecr", "describe-images", "--repository-name", repository, "--image-ids",
                      "imageTag=v1", "--query", "imageDetails[0].imageDigest")
    assert digest == described[0]["imageDigest"]
    newest = aws.text("ecr", "describe-images", "--repository-name", repository, "--query",
                      "sort_by(imageDetails,&imagePushedAt)[-1].imageDigest")
    assert newest == digest
    tags = aws("ecr", "list-images", "--repository-name", repository, "--filter",
               "tagStatus=TAGGED", "--page-size", "1", "--query", "imageIds[].imageTag")
    assert sorted(tags) == ["v1", "v2"]


def test_an_image_is_promoted_by_its_manifest(aws, repository, tmp_path):
    manifest = aws.text("ecr", "batch-get-image", "--repository-name", repository, "--image-ids",
                        "imageTag=v1", "--query", "images[0].imageManifest")
    assert json.loads(manifest)["schemaVersion"] == 2
    file = tmp_path / "manifest.json"
    file.write_text(manifest)
    put = aws("ecr", "put-image", "--repository-name", repository, "--image-tag", "release",
              "--image-manifest", f"file://{file}")
    assert put["image"]["imageId"]["imageTag"] == "release"
    gone = aws("ecr", "batch-delete-image", "--repository-name", repository, "--image-ids",
               "imageTag=release", "imageTag=nobody")
    assert [one["imageTag"] for one in gone["imageIds"]] == ["release"]
    assert [one["failureCode"] for one in gone["failures"]] == ["ImageNotFound"]


def test_a_repository_has_policies(aws, repository):
    rule = {"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection": {
        "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}}]}
    aws("ecr", "put-lifecycle-policy", "--repository-name", repository, "--lifecycle-policy-text",
        json.dumps(rule))
    text = aws.text("ecr", "get-lifecycle-policy", "--repository-name", repository, "--query",
                    "lifecyclePolicyText")
    assert json.loads(text)["rules"][0]["selection"]["countNumber"] == 5
    aws("ecr", "put-image-tag-mutability", "--repository-name", repository,
        "--image-tag-mutability", "IMMUTABLE")
    shown = aws("ecr", "describe-repositories", "--repository-names", repository)["repositories"][0]
    assert shown["imageTagMutability"] == "IMMUTABLE"
    tags = aws("ecr", "list-tags-for-resource", "--resource-arn", shown["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "shop"}]


def test_what_is_missing_is_refused(aws, repository):
    refused = aws.fails("ecr", "describe-repositories", "--repository-names", "nobody")
    assert "(RepositoryNotFoundException)" in refused
    refused = aws.fails("ecr", "describe-images", "--repository-name", repository, "--image-ids",
                        "imageTag=nobody")
    assert "(ImageNotFoundException)" in refused
    refused = aws.fails("ecr", "delete-repository", "--repository-name", repository)
    assert "(RepositoryNotEmptyException)" in refused
    refused = aws.fails("ecr", "create-repository", "--repository-name", repository)
    assert "(RepositoryAlreadyExistsException)" in refused

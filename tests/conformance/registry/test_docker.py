"""The docker command line and its daemon: build, push, pull."""

import json

import boto3
import pytest

REPOSITORY = "conformance/docker"


@pytest.fixture(scope="module")
def built(docker, registry, tmp_path_factory):
    """An image of two layers, built here; its name in the registry."""
    directory = tmp_path_factory.mktemp("build")
    (directory / "one").write_text("one")
    (directory / "two").write_bytes(bytes(range(256)) * 4096)
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY one /one\nCOPY two /two\n")
    name = f"{registry}/{REPOSITORY}:v1"
    docker("build", "--quiet", "--tag", name, str(directory))
    docker("push", "--quiet", name)
    return name


def test_what_docker_pushes_ecr_describes(docker, built):
    digest = json.loads(docker("inspect", "--format", "{{json .RepoDigests}}", built))
    details = boto3.client("ecr").describe_images(repositoryName=REPOSITORY)["imageDetails"]
    tagged = [one for one in details if one.get("imageTags") == ["v1"]]
    assert digest == [f"{built.removesuffix(':v1')}@{tagged[0]['imageDigest']}"]


def test_what_docker_pushed_it_pulls_by_tag_and_by_digest(docker, built):
    before = docker("inspect", "--format", "{{.Id}} {{json .RootFS.Layers}}", built)
    digest = docker("inspect", "--format", "{{index .RepoDigests 0}}", built)
    for name in (built, digest):
        docker("rmi", "--force", docker("inspect", "--format", "{{.Id}}", built))
        docker("pull", "--quiet", name)
        docker("tag", name, built)
        assert docker("inspect", "--format", "{{.Id}} {{json .RootFS.Layers}}", built) == before


def test_a_second_push_sends_no_layer_again(docker, built):
    docker("tag", built, f"{built}-again")
    pushed = docker("push", f"{built}-again")
    assert pushed.count("Layer already exists") == 2, pushed


def test_what_skopeo_pushed_docker_pulls(docker, registry, image):
    name = f"{registry}/conformance/web:one"
    docker("pull", "--quiet", name)
    assert docker("inspect", "--format", "{{.Config.Labels.marker}}", name) == "one"


def test_what_is_missing_is_told(docker, registry):
    told = docker.fails("pull", f"{registry}/conformance/nobody:v1")
    assert "not found" in told or "unknown" in told, told

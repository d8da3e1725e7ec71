"""containerd: what the runtime of most clusters pulls, and what it pushes."""

import boto3


def test_what_containerd_pulled_it_pushes_unchanged(ctr, registry, image, password):
    access = ("--plain-http", "--user", f"AWS:{password}")
    pulled, pushed = f"{registry}/conformance/web:one", f"{registry}/conformance/containerd:one"
    ctr("images", "pull", *access, "--snapshotter", "native", pulled)
    ctr("images", "tag", pulled, pushed)
    ctr("images", "push", *access, pushed)
    assert _digest("conformance/containerd") == _digest("conformance/web")


def test_containerd_is_told_what_is_missing(ctr, registry, password):
    told = ctr.fails("images", "pull", "--plain-http", "--user", f"AWS:{password}",
                     f"{registry}/conformance/nobody:v1")
    assert "not found" in told


def _digest(repository):
    images = boto3.client("ecr").describe_images(
        repositoryName=repository, imageIds=[{"imageTag": "one"}])["imageDetails"]
    return images[0]["imageDigest"]

"""crane: append, validate, copy, indexes of several platforms, delete."""

import json
import os
import tarfile

import pytest

REPOSITORY = "conformance/crane"


@pytest.fixture(scope="module")
def pushed(crane, registry, tmp_path_factory):
    """An image of one layer, by its tag and platform; the layer is no text."""
    directory = tmp_path_factory.mktemp("layer")
    (directory / "file").write_bytes(os.urandom(3_000_000))
    with tarfile.open(directory / "layer.tar", "w") as layer:
        layer.add(directory / "file", "file")
    name = f"{registry}/{REPOSITORY}"
    crane("append", "--new_layer", str(directory / "layer.tar"), "--new_tag", f"{name}:base")
    for platform in ("amd64", "arm64"):
        crane("mutate", f"{name}:base", "--set-platform", f"linux/{platform}",
              "--tag", f"{name}:{platform}")
    return name


def test_what_was_pushed_is_whole(crane, pushed):
    crane("validate", "--remote", f"{pushed}:base")
    assert {"amd64", "arm64", "base"} <= set(crane("ls", pushed).split())
    assert REPOSITORY in crane("catalog", pushed.split("/")[0]).split()


def test_all_tags_are_copied_to_another_repository(crane, pushed):
    crane("copy", "--all-tags", pushed, f"{pushed}-copy")
    assert crane("ls", f"{pushed}-copy") == crane("ls", pushed)
    for tag in ("amd64", "arm64"):
        assert crane("digest", f"{pushed}-copy:{tag}") == crane("digest", f"{pushed}:{tag}")


def test_an_index_has_an_image_for_each_platform(crane, pushed, tmp_path):
    index = f"{pushed}-index:v1"
    crane("index", "append", "--manifest", f"{pushed}:amd64", "--manifest", f"{pushed}:arm64",
          "--tag", index)
    crane("validate", "--remote", index)
    of_one = crane("digest", "--platform", "linux/arm64", index)
    assert of_one == crane("digest", f"{pushed}:arm64")
    crane("pull", "--format", "oci", index, str(tmp_path / "pulled"))
    crane("push", "--index", str(tmp_path / "pulled"), f"{pushed}-again:v1")
    [kept] = json.loads(crane("manifest", f"{pushed}-again:v1"))["manifests"]
    assert kept["digest"] == crane("digest", index)


def test_what_was_deleted_is_gone(crane, pushed):
    name = f"{pushed}-deleted"
    crane("copy", f"{pushed}:base", f"{name}:v1")
    digest = crane("digest", f"{name}:v1")
    crane("delete", f"{name}:v1")
    assert crane("digest", f"{name}@{digest}") == digest, "a tag goes without its image"
    crane("delete", f"{name}@{digest}")
    assert "MANIFEST_UNKNOWN" in crane.fails("manifest", f"{name}@{digest}")

"""skopeo: push, pull, copy, inspect, list, delete."""

import json
import subprocess

import pytest

REPOSITORY = "conformance/skopeo"


@pytest.fixture(scope="module")
def pushed(skopeo, registry, layout):
    name = f"docker://{registry}/{REPOSITORY}"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:latest", f"{name}:one")
    return name


def test_what_was_pushed_is_inspected(skopeo, pushed):
    shown = json.loads(skopeo("inspect", "--tls-verify=false", f"{pushed}:one"))
    assert shown["Labels"] == {"marker": "one"}
    assert "one" in shown["RepoTags"]
    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"{pushed}:one"))
    assert raw["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    by_digest = json.loads(
        skopeo("inspect", "--tls-verify=false", f"{pushed}@{shown['Digest']}"))
    assert by_digest["Digest"] == shown["Digest"]


def test_what_is_pulled_is_what_was_pushed(skopeo, pushed, layout, tmp_path):
    skopeo("copy", "--src-tls-verify=false", f"{pushed}:one", f"oci:{tmp_path}/pulled:latest")
    blobs = sorted(path.name for path in (tmp_path / "pulled/blobs/sha256").iterdir())
    assert blobs == sorted(path.name for path in (layout / "blobs/sha256").iterdir())


def test_an_image_is_copied_to_another_repository_and_format(skopeo, registry, pushed):
    both = ("--src-tls-verify=false", "--dest-tls-verify=false")
    target = f"docker://{registry}/{REPOSITORY}-copy"
    skopeo("copy", *both, "--preserve-digests", f"{pushed}:one", f"{target}:one")
    assert _digest(skopeo, f"{target}:one") == _digest(skopeo, f"{pushed}:one")
    skopeo("copy", *both, "--format", "v2s2", f"{pushed}:one", f"{target}:docker")
    raw = json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"{target}:docker"))
    assert raw["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    skopeo("copy", *both, "--all", "--preserve-digests", f"{target}:docker", f"{target}:again")
    assert _digest(skopeo, f"{target}:again") == _digest(skopeo, f"{target}:docker")


def test_tags_are_listed_and_an_image_is_deleted(skopeo, pushed):
    both = ("--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo("copy", *both, "--format", "v2s2", f"{pushed}:one", f"{pushed}:short-lived")
    assert "short-lived" in _tags(skopeo, pushed)
    skopeo("delete", "--tls-verify=false", f"{pushed}:short-lived")
    assert _tags(skopeo, pushed) == ["one"]


def test_somebody_without_the_password_gets_nothing(registry, tmp_path):
    for credentials in ("AWS:wrong", "somebody:else"):
        ended = subprocess.run(
            ["skopeo", "inspect", "--tls-verify=false", f"--creds={credentials}",
             f"docker://{registry}/{REPOSITORY}:one"], capture_output=True, text=True)
        assert ended.returncode != 0
        assert "authentication required" in ended.stderr or "unauthorized" in ended.stderr


def _digest(skopeo, name):
    return skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", name).strip()


def _tags(skopeo, name):
    return json.loads(skopeo("list-tags", "--tls-verify=false", name))["Tags"]

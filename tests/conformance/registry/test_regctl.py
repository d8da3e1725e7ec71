"""regctl: chunks, artifacts and what refers to them, copies, indexes, delete."""

import json
import os

import pytest

REPOSITORY = "conformance/regctl"
SBOM = "application/vnd.example.sbom"


@pytest.fixture(scope="module")
def pushed(regctl, registry, layout):
    name = f"{registry}/{REPOSITORY}"
    regctl("image", "copy", f"ocidir://{layout}:latest", f"{name}:one")
    return name


def test_a_blob_comes_in_chunks_and_goes_to_another_repository(regctl, pushed):
    sent = os.urandom(9_000_001)
    digest = regctl.bytes("blob", "put", pushed, stdin=sent).decode().strip()
    regctl("blob", "copy", pushed, f"{pushed}-mounted", digest)
    assert regctl.bytes("blob", "get", f"{pushed}-mounted", digest) == sent
    regctl("blob", "delete", f"{pushed}-mounted", digest)
    assert "not found" in regctl.fails("blob", "head", f"{pushed}-mounted", digest)
    regctl("blob", "head", pushed, digest)


def test_an_image_comes_back_as_it_went(regctl, pushed, tmp_path):
    digest = regctl("image", "digest", f"{pushed}:one")
    regctl("image", "copy", f"{pushed}:one", f"ocidir://{tmp_path}/layout:one")
    regctl("image", "copy", f"ocidir://{tmp_path}/layout:one", f"{pushed}-back:one")
    assert regctl("image", "digest", f"{pushed}-back:one") == digest


def test_referrers_are_listed_filtered_and_copied(regctl, pushed, tmp_path):
    (tmp_path / "sbom").write_text("parts")
    subject = f"{pushed}:one"
    for kind in (SBOM, "application/vnd.example.signature"):
        regctl("artifact", "put", "--artifact-type", kind, "--subject", subject,
               "--annotation", "by=regctl", "--file", str(tmp_path / "sbom"))
    assert len(_referrers(regctl, subject)) == 2
    [found] = _referrers(regctl, subject, "--filter-artifact-type", SBOM)
    assert (found["artifactType"], found["annotations"]) == (SBOM, {"by": "regctl"})
    assert regctl("artifact", "get", "--subject", subject, "--filter-artifact-type", SBOM) == "parts"
    assert regctl("tag", "ls", pushed) == "one", "no list of referrers is kept as a tag"
    regctl("image", "copy", "--referrers", subject, f"{pushed}-signed:one")
    assert len(_referrers(regctl, f"{pushed}-signed:one")) == 2


def test_an_index_is_made_changed_and_deleted(regctl, pushed):
    index = f"{pushed}-index:v1"
    regctl("index", "create", index, "--ref", f"{pushed}:one", "--annotation", "a=b")
    shown = json.loads(regctl("manifest", "get", "--format", "raw-body", index))
    assert (len(shown["manifests"]), shown["annotations"]) == (1, {"a": "b"})
    digest = regctl("image", "digest", index)
    regctl("tag", "delete", index)
    by_digest = index.replace(":v1", f"@{digest}")
    regctl("manifest", "head", by_digest)
    regctl("manifest", "delete", by_digest)
    assert "not found" in regctl.fails("manifest", "head", by_digest)


def _referrers(regctl, subject, *more):
    listed = regctl("artifact", "list", subject, "--format", "{{json .Descriptors}}", *more)
    return json.loads(listed)

"""The conformance suite of the OCI distribution specification, where somebody has built it."""

import os
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

# Fewer tests than any version has: a run that stopped half-way proves nothing.
ENOUGH = 800


@pytest.fixture(scope="module")
def suite():
    program = os.environ.get("SEAWAY_OCI_CONFORMANCE") or shutil.which("oci-conformance")
    if not program:
        pytest.skip("the OCI's conformance suite: SEAWAY_OCI_CONFORMANCE names no program, and "
                    "there is no oci-conformance")
    return program


@pytest.mark.parametrize("version", ["1.0", "1.1", "dev"])
def test_the_suite_has_nothing_to_complain_of(suite, registry, password, tmp_path, version):
    environment = {
        **os.environ, "OCI_VERSION": version, "OCI_REGISTRY": registry, "OCI_TLS": "disabled",
        "OCI_USERNAME": "AWS", "OCI_PASSWORD": password, "OCI_RESULTS_DIR": str(tmp_path),
        "OCI_REPO1": f"oci/{version}/one", "OCI_REPO2": f"oci/{version}/two"}
    ended = subprocess.run([suite], capture_output=True, text=True, env=environment, cwd=tmp_path)
    # It also ends with 0 where it could not begin.
    assert (tmp_path / "junit.xml").exists(), ended.stdout + ended.stderr
    tests = ElementTree.parse(tmp_path / "junit.xml").getroot()
    complaints = [_complaint(case) for case in tests.iter("testcase")
                  if case.get("status") in ("failure", "error")]
    assert complaints == []
    assert ended.returncode == 0, ended.stderr
    number = {name: int(tests.get(name, "0")) for name in ("tests", "skipped", "disabled")}
    assert number["skipped"] == 0
    assert number["tests"] - number["disabled"] > ENOUGH


def _complaint(case):
    return f"{case.get('name')}: {case.findtext('system-out')}"

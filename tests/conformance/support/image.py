"""An OCI image on disk, as build tools leave it behind: a layer with the service in it."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_layout(directory, files, marker="one"):
    """Writes an OCI layout with one image, tagged `latest`, and returns the digest of its manifest.

    `files` are the image's files by name; images with another `marker` have another digest.
    """
    directory = Path(directory)
    (directory / "blobs" / "sha256").mkdir(parents=True)
    tar = _tar(files)
    layer = _blob(directory, gzip.compress(tar, mtime=0))
    config = _blob(directory, _json({
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"WorkingDir": "/", "Labels": {"marker": marker}},
        "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
    }))
    manifest = _blob(directory, _json({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **layer}],
    }))
    index = {
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            **manifest,
            "annotations": {"org.opencontainers.image.ref.name": "latest"},
        }],
    }
    (directory / "index.json").write_bytes(_json(index))
    (directory / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return manifest["digest"]


def _tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _blob(directory, content):
    digest = _digest(content)
    (directory / "blobs" / digest.replace(":", "/")).write_bytes(content)
    return {"digest": digest, "size": len(content)}


def _digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(value):
    return json.dumps(value).encode()

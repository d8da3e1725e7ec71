-- The registry as a full distribution endpoint: what a repository holds, its tags, and what its
-- manifests refer to.

-- A repository's settings are a document. Until now, a push was all it took to have one.
INSERT OR IGNORE INTO documents (kind, key, body)
SELECT 'image-repository', repository, json_object('created_at', min(created_at))
FROM manifests GROUP BY repository;

-- Blobs were shared by all repositories; what is there stays reachable from each.
CREATE TABLE repository_blobs (
    repository TEXT NOT NULL,
    digest     TEXT NOT NULL REFERENCES blobs (digest),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);
INSERT INTO repository_blobs (repository, digest, created_at)
SELECT DISTINCT manifests.repository, blobs.digest, blobs.created_at FROM manifests, blobs
WHERE blobs.digest NOT IN (SELECT digest FROM manifests);

ALTER TABLE manifests ADD COLUMN subject TEXT;
ALTER TABLE manifests ADD COLUMN artifact_type TEXT;
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifests_by_subject ON manifests (repository, subject) WHERE subject IS NOT NULL;

CREATE TABLE image_tags (
    repository TEXT NOT NULL,
    tag        TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX image_tags_by_digest ON image_tags (repository, digest);

-- The config, layers and manifests that a manifest names.
CREATE TABLE manifest_references (
    repository TEXT NOT NULL,
    manifest   TEXT NOT NULL,
    digest     TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, digest),
    FOREIGN KEY (repository, manifest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX manifest_references_by_digest ON manifest_references (repository, digest);

-- Clusters, task definitions, services, tasks, load balancers...: JSON by kind and key.
CREATE TABLE documents (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Numbers that are never given twice: task definition revisions and the like.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- What ECS says about a service: the newest hundred.
CREATE TABLE service_events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    id      TEXT NOT NULL,
    at      INTEGER NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX service_events_by_service ON service_events (service, seq);

CREATE TABLE log_groups (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    retention_days INTEGER,
    tags           TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE log_streams (
    id               INTEGER PRIMARY KEY,
    log_group        INTEGER NOT NULL REFERENCES log_groups (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    first_event_at   INTEGER,
    last_event_at    INTEGER,
    last_ingested_at INTEGER,
    stored_bytes     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (log_group, name)
);

CREATE TABLE log_events (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    log_group   INTEGER NOT NULL,
    log_stream  INTEGER NOT NULL REFERENCES log_streams (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    message     TEXT NOT NULL
);
CREATE INDEX log_events_by_group ON log_events (log_group, at, seq);
CREATE INDEX log_events_by_stream ON log_events (log_stream, at, seq);

-- Secrets: everything but the values is readable.
CREATE TABLE secrets (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE secret_versions (
    secret     TEXT NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
    version    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    nonce      BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (secret, version)
) WITHOUT ROWID;

CREATE TABLE secret_stages (
    secret  TEXT NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
    stage   TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (secret, stage)
) WITHOUT ROWID;

-- The image registry's index; the bytes are files.
CREATE TABLE blobs (
    digest     TEXT PRIMARY KEY,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE manifests (
    repository TEXT NOT NULL,
    digest     TEXT NOT NULL REFERENCES blobs (digest),
    media_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;

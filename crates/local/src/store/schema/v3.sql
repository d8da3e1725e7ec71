-- Metrics, what was put of them, and what became of alarms.

CREATE TABLE metrics (
    id         INTEGER PRIMARY KEY,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    -- A JSON object, by name.
    dimensions TEXT NOT NULL,
    last_at    INTEGER NOT NULL,
    UNIQUE (namespace, name, dimensions)
);

CREATE TABLE metric_samples (
    metric       INTEGER NOT NULL REFERENCES metrics (id) ON DELETE CASCADE,
    -- Seconds that a row stands for: 60, and 1 for the newest of high resolution.
    resolution   INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    unit         TEXT NOT NULL,
    count        REAL NOT NULL,
    sum          REAL NOT NULL,
    minimum      REAL NOT NULL,
    maximum      REAL NOT NULL,
    distribution BLOB,
    PRIMARY KEY (metric, resolution, at, unit)
) WITHOUT ROWID;
CREATE INDEX metric_samples_by_age ON metric_samples (resolution, at);

CREATE TABLE alarm_history (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    alarm   TEXT NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    summary TEXT NOT NULL,
    data    TEXT NOT NULL
);
CREATE INDEX alarm_history_by_alarm ON alarm_history (alarm, seq);

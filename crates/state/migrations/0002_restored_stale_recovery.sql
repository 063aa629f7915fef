-- A handover that was open when the database was put back from a copy: the target may have moved on since.
PRAGMA user_version = 2;

ALTER TABLE handover ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;

-- How long after the activation an endpoint was still seen to serve something else.
ALTER TABLE proof ADD COLUMN stale_milliseconds INTEGER NOT NULL DEFAULT 0;

-- Targets whose TLS settings were reset because their certificate had expired: what the next renewal puts back.
CREATE TABLE recovery (
    target TEXT PRIMARY KEY,
    kept   TEXT NOT NULL,             -- JSON: the files as they were
    ports  TEXT NOT NULL,             -- JSON: ports that were closed to the outside
    at     INTEGER NOT NULL
) STRICT;

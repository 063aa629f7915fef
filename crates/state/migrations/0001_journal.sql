-- Times are milliseconds since 1970 UTC. Fingerprints are SHA-256 in lower-case hexadecimal digits,
-- thumbprints SHA-1 in upper-case ones. No private key is ever in this database.

-- The version of this form, so that a start need not ask for every migration. Each migration sets its own.
PRAGMA user_version = 1;

-- Every certificate that Baton has issued, imported or seen in a target.
CREATE TABLE certificate (
    fingerprint   TEXT PRIMARY KEY,
    thumbprint    TEXT NOT NULL,
    name          TEXT,               -- of the [[certificate]] it was issued for
    subject       TEXT NOT NULL,
    issuer        TEXT NOT NULL,
    names         TEXT NOT NULL,      -- JSON array
    key_algorithm TEXT NOT NULL,
    not_before    INTEGER NOT NULL,
    not_after     INTEGER NOT NULL,
    origin        TEXT NOT NULL,      -- issued | imported | found
    added_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_by_thumbprint ON certificate (thumbprint);

-- The handovers, finished and open. `plan` holds what undoes and repeats each step.
CREATE TABLE handover (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    certificate     TEXT,             -- of the [[certificate]], where there is one
    target          TEXT NOT NULL,
    old_thumbprint  TEXT,
    old_fingerprint TEXT,
    new_thumbprint  TEXT NOT NULL,
    new_fingerprint TEXT NOT NULL,
    plan            TEXT NOT NULL,    -- JSON
    findings        TEXT NOT NULL,    -- JSON array
    outcome         TEXT,             -- NULL while it is open
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT;
CREATE INDEX handover_open ON handover (target) WHERE outcome IS NULL;

CREATE TABLE step (
    handover    INTEGER NOT NULL REFERENCES handover (id),
    position    INTEGER NOT NULL,
    step        TEXT NOT NULL,        -- check | stage | switch | activate | prove | roll-back | retire
    outcome     TEXT NOT NULL,        -- begun | done | failed
    detail      TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (handover, position)
) STRICT;

CREATE TABLE proof (
    handover    INTEGER NOT NULL REFERENCES handover (id),
    endpoint    TEXT NOT NULL,
    address     TEXT NOT NULL,
    thumbprint  TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    chain       TEXT NOT NULL,        -- JSON array of fingerprints, the leaf's first
    tls_version TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX proof_of_handover ON proof (handover);

-- The last look at each endpoint.
CREATE TABLE observation (
    target      TEXT NOT NULL,
    endpoint    TEXT NOT NULL,
    address     TEXT NOT NULL,
    fingerprint TEXT,                 -- NULL when no certificate was seen
    thumbprint  TEXT,
    subject     TEXT,
    issuer      TEXT,
    not_before  INTEGER,
    not_after   INTEGER,
    code        TEXT,                 -- of the finding, when something was wrong
    message     TEXT,
    at          INTEGER NOT NULL,
    PRIMARY KEY (target, endpoint, address)
) STRICT;

-- Where each [[certificate]] of the settings stands.
CREATE TABLE renewal (
    name             TEXT PRIMARY KEY,
    current          TEXT,            -- fingerprint that was last handed over to all targets
    pending          TEXT,            -- fingerprint that is issued and not handed over
    attempts         INTEGER NOT NULL DEFAULT 0,
    retry_at         INTEGER,
    failure          TEXT
) STRICT;

-- Certificates that wait to be removed.
CREATE TABLE retirement (
    fingerprint TEXT PRIMARY KEY,
    thumbprint  TEXT NOT NULL,
    target      TEXT NOT NULL,
    discard_at  INTEGER NOT NULL,
    discarded   INTEGER NOT NULL DEFAULT 0,
    shred_at    INTEGER NOT NULL
) STRICT;

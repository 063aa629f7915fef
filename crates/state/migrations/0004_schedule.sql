-- When each certificate is renewed, and how much each issuer was asked.
PRAGMA user_version = 4;

-- The handover of a successor has tries of its own: what was counted while one was pending was counted for it.
ALTER TABLE renewal ADD COLUMN handover_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE renewal ADD COLUMN handover_retry_at INTEGER;
ALTER TABLE renewal ADD COLUMN handover_failure TEXT;
-- The issuer itself says that this certificate is not to be ordered before.
ALTER TABLE renewal ADD COLUMN rest_until INTEGER;
UPDATE renewal
SET handover_attempts = attempts, handover_retry_at = retry_at, handover_failure = failure,
    attempts = 0, retry_at = NULL, failure = NULL
WHERE pending IS NOT NULL;

-- What issuers suggest about the renewal of certificates (RFC 9773).
CREATE TABLE suggestion (
    name        TEXT PRIMARY KEY,     -- of the [[certificate]]
    fingerprint TEXT NOT NULL,        -- the certificate that was asked about
    starts_at   INTEGER,              -- the window, and the moment chosen in it; NULL when nothing is suggested
    ends_at     INTEGER,
    chosen_at   INTEGER,
    explanation TEXT,                 -- a URL
    ask_at      INTEGER NOT NULL,     -- when to ask again
    attempts    INTEGER NOT NULL      -- questions in a row without an answer
) STRICT;

-- How much each issuer was asked for, all certificates together.
CREATE TABLE issuer (
    name       TEXT PRIMARY KEY,
    full_at    INTEGER,               -- when all orders that were counted have come back
    rest_until INTEGER                -- not to be asked before, as it said itself
) STRICT;

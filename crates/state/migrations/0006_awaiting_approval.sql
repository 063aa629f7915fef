-- Requests that a person must approve at the CA.
PRAGMA user_version = 6;

-- What the CA calls the request for the successor, and since when it waits; NULL when none waits.
ALTER TABLE renewal ADD COLUMN awaiting TEXT;
ALTER TABLE renewal ADD COLUMN awaiting_since INTEGER;

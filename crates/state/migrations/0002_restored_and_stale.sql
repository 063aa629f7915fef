-- A handover that was open when the database was put back from a copy: the target may have moved on since.
PRAGMA user_version = 2;

ALTER TABLE handover ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;

-- How long after the activation an endpoint was still seen to serve something else.
ALTER TABLE proof ADD COLUMN stale_milliseconds INTEGER NOT NULL DEFAULT 0;

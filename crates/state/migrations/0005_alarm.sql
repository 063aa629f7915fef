-- Alerts: what was told to whom, and what waits to be told. A channel is an [[alert]] of the settings.
PRAGMA user_version = 5;

-- What a channel was told of, and not yet of its end.
CREATE TABLE alert (
    channel TEXT NOT NULL,
    cause   TEXT NOT NULL,
    notice  TEXT NOT NULL,            -- JSON: what was told last
    told_at INTEGER NOT NULL,
    PRIMARY KEY (channel, cause)
) STRICT;

-- Notices that wait to be delivered. No number is used twice: receivers tell notices apart by it.
CREATE TABLE alert_notice (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    notice  TEXT NOT NULL             -- JSON
) STRICT;
CREATE INDEX alert_notice_of_channel ON alert_notice (channel, id);

-- How the delivery of each channel goes; a row once something was to be delivered.
CREATE TABLE alert_channel (
    name         TEXT PRIMARY KEY,
    attempts     INTEGER NOT NULL,    -- failures in a row
    retry_at     INTEGER,
    failure      TEXT,
    delivered_at INTEGER
) STRICT;

-- Who may use the Designer, and what they did. Times are milliseconds since 1970, hashes SHA-256.
PRAGMA user_version = 8;

CREATE TABLE user (
    name        TEXT PRIMARY KEY,
    level       TEXT NOT NULL,
    password    TEXT NOT NULL,        -- argon2id, as a PHC string
    created_at  INTEGER NOT NULL,
    password_at INTEGER NOT NULL      -- since when this password
) STRICT;

-- Who is signed in. The browser has the token, and only its hash is here.
CREATE TABLE session (
    token_hash    BLOB PRIMARY KEY,
    previous_hash BLOB UNIQUE,        -- of the token before, which answers under way may still carry
    user          TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    started_at    INTEGER NOT NULL,
    rotated_at    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX session_of_user ON session (user);

-- The one-time link by which the first user comes in: one row at the most.
CREATE TABLE first_link (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    token_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Programs that may use the interface for programs.
CREATE TABLE api_token (
    name       TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    level      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

-- Tries to sign in that did not succeed, in a row, by user name and by address.
CREATE TABLE sign_in_attempt (
    subject  TEXT PRIMARY KEY,        -- "user:NAME", "address:NETWORK"
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT;

-- What was changed or tried, by whom. An entry is written before its action, its outcome after it.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    via     TEXT NOT NULL,            -- "session", "token", "anonymous", "command-line", "nobody"
    address TEXT,
    action  TEXT NOT NULL,
    object  TEXT NOT NULL,
    outcome TEXT                      -- NULL: not known to have ended
) STRICT;

-- Tries to sign in are counted by name and network together, so that no stranger keeps a user out.
PRAGMA user_version = 9;

-- What was counted before is forgotten: it was kept for a day.
DROP TABLE sign_in_attempt;

-- Tries to sign in that did not succeed, in a row.
CREATE TABLE sign_in_attempt (
    user     TEXT NOT NULL,           -- the name that was given; '' for a network with whatever names
    network  TEXT NOT NULL,           -- an IPv4 address, a /64 of IPv6, "loopback"
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;

-- Where users have signed in from.
CREATE TABLE familiar_network (
    user         TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    network      TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,    -- the last time
    PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;

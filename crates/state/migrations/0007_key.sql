-- Which certificates share a key, and which keys others may have.
PRAGMA user_version = 7;

-- SHA-256 of the public key (SubjectPublicKeyInfo); NULL until a certificate from before is met again.
ALTER TABLE certificate ADD COLUMN public_key TEXT;
CREATE INDEX certificate_by_public_key ON certificate (public_key);

-- Keys that were given up because someone else may have them.
CREATE TABLE compromised_key (
    public_key TEXT PRIMARY KEY,
    thumbprint TEXT NOT NULL,         -- of the certificate that was revoked for it
    at         INTEGER NOT NULL
) STRICT;

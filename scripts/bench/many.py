"""Many issued certificates in a state database, without issuing them."""
import json
import sqlite3
import time


def remember(data, count):
    """Certificates `c0`, `c1` … of 90 days, each the current one of the `[[certificate]]` of its name."""
    base = int(time.time() * 1000)
    with sqlite3.connect(data / "state.db") as database:
        for i in range(count):
            fingerprint = f"{i:064x}"
            database.execute(
                "INSERT INTO certificate (fingerprint, thumbprint, name, subject, issuer, names, key_algorithm,"
                " not_before, not_after, origin, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (fingerprint, f"{i:040X}", f"c{i}", f"CN=c{i}.example", "CN=CA", json.dumps([f"c{i}.example"]),
                 "ecdsa-p256", base, base + 90 * 86400 * 1000, "issued", base))
            database.execute("INSERT INTO renewal (name, current) VALUES (?, ?)", (f"c{i}", fingerprint))

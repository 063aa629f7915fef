//! The configuration of Knot DNS.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::{Options, Zone};

/// In the foreground.
pub(super) const ARGUMENTS: &[&str] = &["-c", "server.conf"];

pub(super) fn configuration(options: &Options, directory: &Path) -> String {
    let (ip, port) = (options.place.address().ip(), options.place.address().port());
    let directory = directory.display();
    let mut keys = String::from("key:\n");
    let mut access = String::from("acl:\n  - id: transfer\n    action: [transfer, notify]\n");
    for key in options.keys() {
        let (name, algorithm, secret) = (&key.name, &key.algorithm, &key.secret);
        let _ = writeln!(keys, "  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}");
        let _ = writeln!(access, "  - id: {name}\n    key: {name}\n    action: update");
    }
    let mut remotes = String::from("remote:\n");
    let mut zones = String::from("zone:\n");
    for zone in &options.zones {
        let _ = writeln!(zones, "  - domain: {0}\n    storage: {directory}\n    file: {0}.zone", zone.name());
        let (others, relation, key) = match zone {
            Zone::Primary { secondaries, key, .. } => (secondaries.as_slice(), "notify", key.as_ref()),
            Zone::Secondary { primary, .. } => (std::slice::from_ref(primary), "master", None),
        };
        let acl: Vec<&str> = ["transfer"].into_iter().chain(key.map(|key| key.name.as_str())).collect();
        let _ = writeln!(zones, "    acl: [{}]", acl.join(", "));
        if !others.is_empty() {
            let names: Vec<String> = others.iter().map(name_of).collect();
            let _ = writeln!(zones, "    {relation}: [{}]", names.join(", "));
        }
        for other in others {
            let _ = writeln!(
                remotes,
                "  - id: {}\n    address: {}@{}\n    via: {ip}",
                name_of(other),
                other.ip(),
                other.port()
            );
        }
    }
    format!(
        "server:\n  listen: {ip}@{port}\n  rundir: {directory}\n  udp-workers: 1\n  tcp-workers: 1\n\
         log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}\n\
         {keys}{remotes}{access}{zones}"
    )
}

/// What the configuration calls another server.
fn name_of(server: &SocketAddr) -> String {
    format!("server-{}-{}", server.ip(), server.port())
}

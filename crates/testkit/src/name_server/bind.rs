//! The configuration of BIND 9.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::{Options, TransferKey, Zone};

/// In the foreground, its words on standard error, one thread.
pub(super) const ARGUMENTS: &[&str] = &["-g", "-n", "1", "-c", "server.conf"];

pub(super) fn configuration(options: &Options) -> String {
    let (ip, port) = (options.place.address().ip(), options.place.address().port());
    let delay = options.notify_delay.as_secs();
    let mut text = format!(
        "options {{\n\
         listen-on port {port} {{ {ip}; }};\nlisten-on-v6 {{ none; }};\n\
         query-source address {ip};\ntransfer-source {ip};\nnotify-source {ip};\n\
         directory \".\";\npid-file none;\nsession-keyfile none;\n\
         recursion no;\nempty-zones-enable no;\ndnssec-validation no;\n\
         notify explicit;\nnotify-delay {delay};\nstartup-notify-rate 1000;\n\
         min-refresh-time 1;\nmax-refresh-time 3600;\nallow-transfer {{ any; }};\n\
         }};\ncontrols {{}};\n"
    );
    text.extend(options.keys().iter().map(|key| key.file()));
    for zone in &options.zones {
        let _ = match zone {
            Zone::Primary { name, key, secondaries, .. } => {
                let grant =
                    |key: &TransferKey| format!("update-policy {{ grant \"{}\" zonesub TXT; }};", key.name);
                let policy = key.as_ref().map(grant).unwrap_or_default();
                writeln!(
                    text,
                    "zone \"{name}\" {{ type primary; file \"{name}.zone\"; {policy} also-notify {{ {} }}; }};",
                    list(secondaries)
                )
            }
            Zone::Secondary { name, primary } => writeln!(
                text,
                "zone \"{name}\" {{ type secondary; file \"{name}.copy\"; primaries {{ {} }}; }};",
                list(std::slice::from_ref(primary))
            ),
        };
    }
    text
}

fn list(servers: &[SocketAddr]) -> String {
    servers.iter().map(|server| format!("{} port {};", server.ip(), server.port())).collect()
}

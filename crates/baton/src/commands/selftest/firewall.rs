//! The closed door of a guarded handover.

use std::net::{Ipv4Addr, TcpListener};

use baton_finding::Explain as _;
use baton_platform::door::Door;

use super::bench::Bench;
use super::line::{Line, NotPassed, Proven, ensure};

pub(super) fn lines() -> Vec<Line> {
    let line = Line::new("firewall", closed_and_opened)
        .not_under_wine("netsh of Wine says that it has done everything, and has done nothing");
    // Elsewhere the firewall can be asked beforehand whether it would.
    vec![if cfg!(windows) { line.for_administrators() } else { line }]
}

/// A port that nobody uses is closed to the outside and opened, as the firewall itself says.
fn closed_and_opened(bench: &Bench) -> Proven {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let keeper = bench.doorkeeper();
    let door = Door { keeper: &keeper, name: bench.name(), ports: &[port] };
    if let Err(error) = bench.wait(door.rehearse())? {
        return Err(NotPassed::Ignored(format!("no ports can be closed here: {}", error.chain())));
    }
    bench.wait(door.close())??;
    for (wanted, what) in [(true, "closed"), (false, "open")] {
        let found = bench.wait(door.is_in_force())?;
        ensure(found == Some(wanted), || format!("the firewall does not say that the port is {what}"))?;
        if wanted {
            bench.wait(door.open())??;
        }
    }
    Ok("a rule was made, read back and removed".to_owned())
}

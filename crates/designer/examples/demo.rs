//! temporary
#![allow(
    clippy::all,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::print_stdout,
    clippy::disallowed_methods
)]
#[path = "../tests/designer/sample.rs"]
mod sample;
use baton_designer::*;
use baton_finding::Finding;
use baton_handover::*;
use baton_state::*;
use baton_x509::*;
use jiff::*;
use sample::*;
use std::sync::Arc;
struct O {
    kind: String,
}
impl Overview for O {
    fn status(&self) -> BoxFuture<'_, Result<Status, String>> {
        Box::pin(async {
            if self.kind == "error" {
                return Err(
                    "the state database `/var/lib/baton/state.sqlite` cannot be opened: the disk is full"
                        .into(),
                );
            }
            if self.kind == "empty" {
                return Ok(status(vec![]));
            }
            let mut rows = vec![];
            let mut a = row("sap");
            rows.push(a.clone());
            a.endpoint = Some("sap.example.com:8177".into());
            a.address = Some("[::1]:8177".into());
            rows.push(a.clone());
            let mut w = row("website");
            w.target = Some("nginx".into());
            w.endpoint = Some("www.example.com:443".into());
            w.address = Some("10.0.0.7:443".into());
            let mut s = served(20 * DAY, 179 * DAY);
            s.subject = "".into();
            s.issuer = "CN=YE2, O=Let's Encrypt, C=US".into();
            w.served = Some(s);
            w.due = Some(noon() + 120 * DAY);
            rows.push(w.clone());
            let mut i = row("designer");
            i.target = Some("designer".into());
            i.endpoint = Some("127.0.0.1:8443".into());
            i.address = Some("127.0.0.1:8443".into());
            let mut s = served(9 * HOUR, 15 * HOUR + 20 * MINUTE);
            s.subject = "CN=gateway.internal.example.com, OU=Operations, O=Example".into();
            s.issuer = "CN=Baton Internal CA gateway 2026".into();
            i.served = Some(s);
            i.due = Some(noon() + 2 * HOUR + 50 * MINUTE);
            i.probed_at = Some(noon() - 3 * MINUTE - 4 * SignedDuration::from_secs(1));
            rows.push(i.clone());
            if self.kind == "short" {
                rows.truncate(1);
                let r = &mut rows[0];
                r.certificate = Some("localhost".into());
                r.served = Some(served(4 * MINUTE, 6 * MINUTE));
                r.due = Some(noon() + 45 * SignedDuration::from_secs(1));
                return Ok(status(rows));
            }
            if self.kind == "fine" {
                return Ok(status(rows));
            }
            let mut e = troubled(
                "reports",
                "now",
                Finding::error(
                    "served-expired",
                    "reports.example.com:8165 serves a certificate that has expired",
                    "run `baton renew`, or `baton swap` with a certificate that is valid",
                ),
            );
            e.target = Some("xtract-universal".into());
            e.endpoint = Some("reports.example.com:8165".into());
            e.served = Some(served(93 * DAY, SignedDuration::from_hours(-75)));
            e.due = Some(noon() - 33 * DAY);
            e.probed_at = Some(noon() - 40 * MINUTE);
            rows.push(e);
            let mut p = troubled(
                "board",
                "soon",
                Finding::warning(
                    "not-handed-over",
                    "C5BD3FEA9BB9B7CA9BB1F36A0F2B8D6F1F7E0A12 is issued and not handed over: the service `Board Connector` did not come up again within 60 s",
                    "mend the cause; `baton renew` then hands it over without a new order",
                ),
            );
            p.findings.insert(0, Finding::notice("tls-off", "TLS is switched off in the target's settings"));
            p.target = Some("board-connector".into());
            p.endpoint = Some("board.example.com:8197".into());
            p.served = Some(served(70 * DAY, 20 * DAY));
            p.due = Some(noon() - 10 * DAY);
            rows.push(p);
            let mut n = troubled(
                "intranet-with-a-rather-long-name",
                "now",
                Finding::error(
                    "endpoint-refused",
                    "intranet.example.com:443 refuses the connection",
                    "see the service's own log",
                ),
            );
            n.served = None;
            n.days_left = Some(44);
            n.endpoint = Some("intranet.verylong.department.example.com:443".into());
            rows.push(n);
            let mut u = troubled(
                "new",
                "soon",
                Finding::warning(
                    "not-issued",
                    "\"new\" has not been handed over yet",
                    "run `baton up`, or `baton renew`",
                ),
            );
            u.served = None;
            u.days_left = None;
            u.endpoint = None;
            u.address = None;
            u.probed_at = None;
            u.due = None;
            u.target = None;
            rows.push(u);
            Ok(status(rows))
        })
    }
    fn handovers(&self) -> BoxFuture<'_, Result<Vec<Report>, String>> {
        Box::pin(async {
            if self.kind == "error" {
                return Err(
                    "the state database `/var/lib/baton/state.sqlite` cannot be opened: the disk is full"
                        .into(),
                );
            }
            if self.kind == "empty" {
                return Ok(vec![]);
            }
            let mut a = report();
            a.outcome = None;
            a.id = Some(HandoverId(21));
            a.proof.clear();
            a.started_at = noon() - SignedDuration::from_secs(4);
            a.certificate = Some("designer".into());
            a.target = "designer".into();
            let mut b = report();
            b.id = Some(HandoverId(20));
            b.outcome = Some(Outcome::RolledBack);
            b.proof.clear();
            b.certificate = Some("board".into());
            b.target = "board-connector".into();
            b.started_at = noon() - 3 * HOUR;
            b.steps[1].seconds = 64.0;
            b.findings = vec![Finding::error(
                "activation-failed",
                "`systemctl restart board-connector` ended with 1",
                "see `journalctl -u board-connector`; the previous certificate is served",
            )];
            let mut c = report();
            c.id = Some(HandoverId(19));
            c.outcome = Some(Outcome::Stuck);
            c.certificate = None;
            c.old = None;
            c.started_at = noon() - 5 * DAY;
            let mut d = report();
            d.id = None;
            d.outcome = Some(Outcome::Refused);
            d.new = None;
            d.started_at = noon() - 6 * DAY;
            if self.kind == "fine" || self.kind == "short" {
                return Ok(vec![report(), report()]);
            }
            Ok(vec![a, b, c, report(), d])
        })
    }
}
#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let files = CertificateFiles { certificate: dir.path().join("c.pem"), key: dir.path().join("k.pem") };
    baton_testkit::Authority::new("Demo")
        .issue(&["localhost"])
        .sign()
        .write_files(&files.certificate, &files.key);
    let mut tasks = vec![];
    for (n, kind) in ["mixed", "fine", "short", "empty", "error"].into_iter().enumerate() {
        let l = Listener::bind(format!("127.0.0.1:{}", 18440 + n).parse().unwrap()).await.unwrap();
        println!("{kind} {}", l.local_address());
        tasks.push(tokio::spawn(l.serve(
            HotCertificate::load(files.clone()).unwrap(),
            Arc::new(O { kind: kind.into() }),
            vec![],
            std::future::pending(),
        )));
    }
    for t in tasks {
        t.await.unwrap();
    }
}

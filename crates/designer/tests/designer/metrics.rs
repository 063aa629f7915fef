//! The numbers for monitoring systems.

use crate::fixed::Fixed;
use crate::sample::{DAY, row, served, status, troubled};
use crate::site::Site;
use baton_finding::Finding;
use baton_handover::StatusRow;

#[tokio::test]
async fn the_numbers_are_those_of_the_status_and_the_journal() {
    let silent =
        StatusRow { served: None, ..troubled("old", "now", Finding::error("endpoint-refused", "", "")) };
    let mut odd = StatusRow { served: Some(served(30 * DAY, 15 * DAY)), ..row("odd") };
    odd.endpoint = Some("a \"quoted\\\"\nname".to_owned());
    let status = Ok(status(vec![odd, silent]));
    let answer = Site::start_showing(Fixed { status, handovers: Ok(Vec::new()), ..Fixed::default() })
        .await
        .get("/metrics")
        .await;
    assert_eq!(answer.code, 200);
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(answer.body.ends_with("# EOF\n"));
    for line in [
        "baton_attention 2.0",
        "baton_build_info{version=\"1.2.3\"} 1",
        "baton_handover_failures_total{target=\"sap-gateway\",code=\"endpoint-serves-old\"} 3",
        "baton_renewal_failures_total{code=\"issuer-refused\"} 7",
        "baton_handover_seconds_sum{target=\"sap-gateway\"} 512.5",
        "baton_handover_seconds_count{target=\"sap-gateway\"} 4",
        "baton_handover_seconds_bucket{le=\"2.0\",target=\"sap-gateway\"} 2",
        "baton_handover_seconds_bucket{le=\"300.0\",target=\"sap-gateway\"} 3",
        "baton_handover_seconds_bucket{le=\"+Inf\",target=\"sap-gateway\"} 4",
        "baton_alert_waiting_notices{alert=\"ops\"} 5.0",
        "baton_alert_failed_attempts{alert=\"ops\"} 2.0",
        "# TYPE baton_handover_failures counter",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} is not in\n{}", answer.body);
    }
    let value = |start: &str, part: &str| -> f64 {
        let line = answer.body.lines().find(|line| line.starts_with(start) && line.contains(part));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let odd = "endpoint=\"a \\\"quoted\\\\\\\"\\nname\"";
    assert!((value("baton_served_days_left{", odd) - 15.0).abs() < 1e-9);
    assert!((value("baton_served_lifetime_left_ratio{", odd) - 1.0 / 3.0).abs() < 1e-9);
    assert!((value("baton_endpoint_serves{", odd) - 1.0).abs() < 1e-9);
    assert!(value("baton_endpoint_serves{", "certificate=\"old\"").abs() < 1e-9);
    assert!(!answer.body.lines().any(|line| line.starts_with("baton_served_") && line.contains("\"old\"")));
}

#[tokio::test]
async fn what_cannot_be_read_is_no_number() {
    let broken =
        Fixed { status: Err("the disk is full".to_owned()), handovers: Ok(Vec::new()), ..Fixed::default() };
    let answer = Site::start_showing(broken).await.get("/metrics").await;
    assert_eq!((answer.code, answer.body.as_str()), (500, "the disk is full\n"));
}

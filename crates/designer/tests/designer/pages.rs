//! The pages of one thing: a target, a certificate, the store, a handover.

use baton_designer::{
    CertificateLook, Choice, EndpointLook, KnownCertificate, ManagedLook, PendingRequest, ProductLook,
    ServerLook, StoreLook, StoredCertificate, TargetLook,
};
use baton_finding::Finding;
use baton_handover::{Report, SCHEMA, Search};
use baton_state::{HandoverId, Outcome};
use baton_target::{Endpoint, Handshake, ProductServer, Reference, Seen, Tls};
use baton_x509::{KeyAlgorithm, PemContents, X509};

use crate::fixed::Fixed;
use crate::sample::{noon, report};
use crate::site::Site;
use crate::{authority, issue};

const EVIL: &str = "<script>alert(1)</script>\"'>";

fn certificate() -> X509 {
    PemContents::read(issue().chain_pem.as_bytes()).unwrap().certificates.remove(0)
}

fn stored() -> StoredCertificate {
    StoredCertificate { leaf: certificate(), chain: 1, has_key: true }
}

fn target() -> TargetLook {
    let leaf = certificate();
    let seen =
        Seen::Served(Box::new(Handshake { leaf: leaf.clone(), chain: vec![], tls_version: "TLSv1.3" }));
    let endpoint = |seen| EndpointLook {
        endpoint: Endpoint::of("127.0.0.1:8165".parse().unwrap()),
        server: Some(ProductServer::Web),
        named: Some(leaf.thumbprint()),
        address: Some("127.0.0.1:8165".to_owned()),
        seen,
    };
    TargetLook {
        name: "sap".to_owned(),
        at: leaf.not_before(),
        product: Some(ProductLook {
            name: "Xtract Universal",
            directory: "/srv/xu".to_owned(),
            service: "Xtract Universal".to_owned(),
            account: "NT Service\\XtractUniversal Service".to_owned(),
            servers: ProductServer::ALL
                .map(|server| ServerLook { server, named: Some(leaf.thumbprint()), is_shared: false })
                .to_vec(),
            protocol: Some("HTTPS - Unrestricted".to_owned()),
        }),
        named: Some(leaf.thumbprint()),
        tls: Some(Tls::On),
        references: ["web", "config"]
            .map(|name| Reference {
                place: format!("/srv/xu/config/server/{name}/general.json#/certificate"),
                names: Some(leaf.thumbprint()),
            })
            .to_vec(),
        activation: Some("run `restart`".to_owned()),
        key_permissions: None,
        findings: vec![Finding::warning("a-code", EVIL, "")],
        endpoints: vec![endpoint(Ok(seen)), endpoint(Ok(Seen::PlainHttp)), endpoint(Err(EVIL.to_owned()))],
        choices: vec![
            Choice {
                certificate: StoredCertificate { leaf: leaf.clone(), chain: 1, has_key: true },
                service_may_read: Some(false),
                findings: Vec::new(),
            },
            Choice {
                certificate: StoredCertificate { has_key: false, ..stored() },
                service_may_read: None,
                findings: vec![Finding::error("key-missing", "its private key is not there", "import it")],
            },
        ],
        recovery: None,
        under_way: Some(HandoverId(23)),
        certificates: vec!["site".to_owned()],
        rows: Vec::new(),
    }
}

async fn page_of(path: &str, shown: Fixed) -> String {
    let answer = Site::start_showing(shown).await.get(path).await;
    assert_eq!(answer.code, 200, "{}", answer.body);
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    answer.body
}

#[track_caller]
fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
}

#[tokio::test]
async fn a_target_shows_what_it_names_what_it_serves_and_what_fits() {
    let target = target();
    let (fit, unfit) = (&target.choices[0], &target.choices[1]);
    let [fit, unfit] = [fit, unfit].map(|choice| choice.certificate.leaf.thumbprint().to_string());
    let page = page_of("/targets/sap", Fixed { target: Some(target), ..Fixed::default() }).await;
    assert_has(
        &page,
        &[
            "Web Server <code>/srv/xu/config/server/web/general.json",
            "Configuration Server <code>/srv/xu/config/server/config/general.json",
            "answers plain HTTP instead of TLS",
            "TLSv1.3",
            "run <code>restart</code>",
            &format!("value=\"{fit}\" required checked"),
            &format!("value=\"{unfit}\" required disabled"),
            "its private key is not there",
            "name=\"was-on\" value=\"yes\"",
            "Does not fit",
            "the service may not use it",
            "<a href=\"/history/23\">Watch it</a>",
        ],
    );
    assert!(!page.contains("id=\"expired\""), "{page}");
}

#[tokio::test]
async fn a_protocol_is_chosen_by_the_products_own_words_and_an_unknown_one_only_shown() {
    let chosen = "<option value=\"https\" selected>HTTPS - Unrestricted</option>";
    let page = page_of("/targets/sap", Fixed { target: Some(target()), ..Fixed::default() }).await;
    assert_has(&page, &[chosen, "HTTPS - Restricted to AD users with Designer read access"]);
    let mut unknown = target();
    if let Some(product) = &mut unknown.product {
        product.protocol = Some(EVIL.to_owned());
        product.servers[1].named = None;
    }
    let page = page_of("/targets/sap", Fixed { target: Some(unknown), ..Fixed::default() }).await;
    assert_has(&page, &["&#60;script&#62;", "name=\"tls\" value=\"on\"", "id=\"servers-differ\""]);
    assert!(!page.contains("<select"), "{page}");
}

#[tokio::test]
async fn an_expired_target_offers_its_ways_out_first() {
    let mut target = target();
    target.at = certificate().not_after() + crate::sample::DAY;
    let page = page_of("/targets/sap", Fixed { target: Some(target), ..Fixed::default() }).await;
    assert_has(
        &page,
        &[
            "id=\"expired\"",
            "The certificate of this server has expired.",
            "<input type=\"hidden\" name=\"change\" value=\"renew\"><input type=\"hidden\" name=\"certificate\" value=\"site\">",
            "<input type=\"hidden\" name=\"change\" value=\"recover\">",
        ],
    );
}

#[tokio::test]
async fn a_certificate_of_the_settings_shows_its_requests_and_gives_them_out() {
    let leaf = certificate();
    let known = KnownCertificate {
        fingerprint: leaf.fingerprint(),
        thumbprint: leaf.thumbprint(),
        names: leaf.names(),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
    };
    let request = PendingRequest {
        id: "abc".to_owned(),
        certificate: "site".to_owned(),
        made_at: noon(),
        is_same_key: false,
        pem: "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned(),
    };
    let look = ManagedLook {
        name: "site".to_owned(),
        at: noon(),
        names: vec![EVIL.to_owned()],
        issuer: "person".to_owned(),
        is_by_hand: true,
        key: KeyAlgorithm::EcdsaP256,
        allows_same_key: false,
        targets: vec!["web".to_owned()],
        current: Some(known),
        pending: None,
        failures: vec![EVIL.to_owned()],
        requests: vec![request],
        handovers: vec![report()],
    };
    let site = Site::start_showing(Fixed { managed: Some(look), ..Fixed::default() }).await;
    let page = site.get("/certificates/site").await.body;
    assert_has(
        &page,
        &[
            "href=\"/certificates/site/requests/abc\"",
            "action=\"/certificates/site/requests/abc/cancel\"",
            "action=\"/answers\" enctype=\"multipart/form-data\"",
            "href=\"/history/17\"",
        ],
    );
    assert!(!page.contains("<script>alert") && !page.contains("value=\"renew\""), "{page}");
    let answer = site.get("/certificates/site/requests/abc").await;
    assert_eq!(answer.header("content-type"), Some("application/pkcs10"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"site.csr\""));
    assert!(answer.body.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    assert_eq!(site.get("/certificates/site/requests/other").await.code, 404);
}

#[tokio::test]
async fn the_store_and_its_certificates_are_shown_without_a_key() {
    let stored = stored();
    let thumbprint = stored.leaf.thumbprint();
    let store = StoreLook {
        location: "/srv/store".to_owned(),
        at: noon(),
        certificates: vec![stored.clone()],
        unreadable: vec![EVIL.to_owned()],
    };
    let search = Search { schema: SCHEMA.to_owned(), thumbprint, places: Vec::new(), findings: Vec::new() };
    let look = CertificateLook {
        at: noon(),
        certificate: stored,
        chain: PemContents::read(authority().intermediate_pem().as_bytes()).unwrap().certificates,
        search,
        handovers: vec![report()],
    };
    let shown = Fixed { store: Some(store), certificate: Some(look), ..Fixed::default() };
    let site = Site::start_showing(shown).await;
    let page = site.get("/store").await.body;
    assert_has(&page, &[&format!("href=\"/store/{thumbprint}\""), "has key", "type=\"password\""]);
    assert!(!page.contains("<script>alert"), "{page}");
    let page = site.get(&format!("/store/{thumbprint}")).await.body;
    assert_has(&page, &["No target names it", "Designer Test Intermediate", "href=\"/history/17\""]);
    assert!(!page.contains("PRIVATE KEY"), "{page}");
    for path in ["/store/none", "/targets/none", "/certificates/none", "/history/none", "/history/4"] {
        assert_eq!(site.get(path).await.code, 404, "{path}");
    }
}

#[tokio::test]
async fn a_handover_shows_its_steps_and_offers_the_way_back() {
    let mut served = report();
    served.steps[1].detail = EVIL.to_owned();
    let handovers = Ok(vec![served]);
    let page = page_of("/history/17", Fixed { handovers, ..Fixed::default() }).await;
    assert_has(
        &page,
        &["activate", "1.1 s", "TLSv1.3", "name=\"handover\" value=\"17\"", "&#60;script&#62;"],
    );
    assert!(!page.contains("every 2s"), "it has ended: {page}");

    let rolled_back = Report { outcome: Some(Outcome::RolledBack), ..report() };
    let page = page_of("/history/17", Fixed { handovers: Ok(vec![rolled_back]), ..Fixed::default() }).await;
    assert!(!page.contains("value=\"roll-back\""), "there is nothing to go back from: {page}");
    let first = Report { old: None, ..report() };
    let page = page_of("/history/17", Fixed { handovers: Ok(vec![first]), ..Fixed::default() }).await;
    assert!(!page.contains("value=\"roll-back\""), "there is nothing to go back to: {page}");

    let open = Report { outcome: None, ..report() };
    let page = page_of("/history/17", Fixed { handovers: Ok(vec![open]), ..Fixed::default() }).await;
    assert_has(&page, &["hx-trigger=\"every 2s\"", "under way"]);
}

#[tokio::test]
async fn the_history_goes_on_where_a_page_is_full() {
    let reports = (0..60).map(|_| report()).collect();
    let shown = Fixed { handovers: Ok(reports), ..Fixed::default() };
    let page = page_of("/history?target=a%26b&before=9", shown).await;
    assert_has(&page, &["href=\"/history?before=17&#38;target=a%26b\""]);
    let page = page_of("/history", Fixed { handovers: Ok(vec![report()]), ..Fixed::default() }).await;
    assert!(!page.contains("rel=\"next\""), "{page}");
}

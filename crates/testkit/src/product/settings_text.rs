//! The settings files of the products, byte for byte as they are published where they are.

use serde_json::{Value, json};

use crate::authority::IssuedCertificate;

/// `tls.json` in the style of the published sample: tabs, the certificate's fields no deeper than the certificate,
/// line feeds, no line end at the end of the file. After the certificate comes a field that is in no document.
pub fn tls_json(enabled: bool, certificate: &IssuedCertificate) -> String {
    format!(
        "{{\n\t\"tlsEnabled\": {enabled},\n\t\"certificate\": {{\n{}\n\t}},\n\t\"revision\": 7.0\n}}",
        four_fields(certificate, "\t")
    )
}

/// `general.json` of the web server in the older shape, with the line ends of Windows.
///
/// With a certificate the protocol is `HTTPS - Unrestricted`, without `HTTP - Unrestricted`.
pub fn web_general_json(http_port: u16, https_port: u16, certificate: Option<&IssuedCertificate>) -> String {
    let protocol = if certificate.is_some() { "HTTPS - Unrestricted" } else { "HTTP - Unrestricted" };
    let text = format!(
        "{{\n  \"httpPort\": {http_port},\n  \"httpsPort\": {https_port},\n  \"protocol\": \"{protocol}\",\n\
         {}  \"lastWorkerReuse\": 1e2\n}}\n",
        certificate_field(certificate)
    );
    text.replace('\n', "\r\n")
}

/// `general.json` of the configuration server in the older shape, with the line ends of Windows.
pub fn configuration_general_json(port: u16, certificate: Option<&IssuedCertificate>) -> String {
    let text = format!(
        "{{\n  \"port\": {port},\n{}  \"comment\": \"M\u{fc}nchen \\u00fc\"\n}}\n",
        certificate_field(certificate)
    );
    text.replace('\n', "\r\n")
}

/// `listener.json` of Xtract Core as published, with other ports and a mode (`Localhost` or `Any`).
pub fn listener_json(insecure_port: u16, secure_port: u16, mode: &str) -> String {
    format!(
        "{{\"insecurePort\": {insecure_port}, \"securePort\": {secure_port}, \"workerName\": \"worker.exe\", \
         \"mode\": \"{mode}\"}}"
    )
}

/// `theobald.service.definition.json` of Xtract Core as published, with the fields that must not be touched.
pub const SERVICE_DEFINITION: &str = r#"{"description": "A web API for extracting data from SAP systems", "displayName": "SAPConnector",
 "serviceName": "SAP Connector Service", "servers": [{"displayName": "listener", "path": "listener.exe"}],
 "convertConfig": true, "minCfgVersion": 1, "currentVersion": 3}"#;

/// The settings of a source that logs on with an enrolment agent's certificate.
pub const ENROLMENT_AGENT: &str = r#"{
	"system": "sap.example.com",
	"enrolmentAgent": {
		"subjectAltName": "agent.example.com",
		"thumbprint": "5A0B7F0CEDE1F3B5A3A8D6F0A1B2C3D4E5F60718"
	}
}
"#;

/// A service of yunIO.
pub const SERVICE: &str = "{\"name\": \"customers\", \"functionName\": \"RFC_READ_TABLE\"}\n";

/// An extraction of Xtract Universal or Board Connector.
pub const EXTRACTION: &str = "{\"name\": \"customers\", \"type\": \"Table\", \"table\": \"KNA1\"}\n";

fn certificate_field(certificate: Option<&IssuedCertificate>) -> String {
    certificate.map_or_else(String::new, |certificate| {
        format!("  \"certificate\": {{\n{}\n  }},\n", four_fields(certificate, "    "))
    })
}

/// The four strings of a certificate object, in the order of the published sample.
fn four_fields(certificate: &IssuedCertificate, indent: &str) -> String {
    let not_after = certificate.not_after_text();
    let fields: [(&str, Value); 4] = [
        ("subjectAltName", json!(certificate.subject_alternative_name)),
        ("issuer", json!(certificate.issuer)),
        ("notAfter", json!(not_after)),
        ("thumbprint", json!(certificate.thumbprint)),
    ];
    fields.map(|(name, value)| format!("{indent}\"{name}\": {value}")).join(",\n")
}

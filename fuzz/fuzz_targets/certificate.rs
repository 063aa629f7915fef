#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = baton_x509::X509::from_der(bytes) {
        let _ = certificate.names();
        let _ = certificate.not_after_compact();
        let _ = certificate.covers("www.example.com");
    }
});

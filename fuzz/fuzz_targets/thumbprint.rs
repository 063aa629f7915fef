#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(thumbprint) = text.parse::<baton_x509::Thumbprint>() {
        assert_eq!(thumbprint.to_string().parse(), Ok(thumbprint));
    }
    let _ = text.parse::<baton_x509::Name>();
});

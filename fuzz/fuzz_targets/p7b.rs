#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = baton_x509::read_p7b(bytes);
    let _ = baton_x509::X509::is_request(bytes);
});

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = baton_x509::PfxContents::read(bytes, "password");
});

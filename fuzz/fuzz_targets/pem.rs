#![no_main]

use baton_x509::{Certificate, PemContents};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(contents) = PemContents::read(bytes) {
        let _ = Certificate::assemble(contents.certificates, contents.keys);
    }
});

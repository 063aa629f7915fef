#![no_main]

use baton_textedit::{Change, JsonDocument};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = JsonDocument::parse(bytes) else { return };
    let changes: Vec<Change> = document
        .objects_with("thumbprint")
        .map(|object| Change::string(object.member("thumbprint"), "0C32EEE1053DA57E88E6AE22832DFB13775250F9"))
        .collect();
    if let Ok(patch) = document.edit(&changes) {
        let edited = patch.apply(bytes).expect("a patch fits the file that it was made for");
        assert_eq!(patch.inverse().apply(&edited).expect("an inverse fits"), bytes);
    }
});

//! The texts of policy files, beside their numbers: the fuzzer writes a text into a file whose numbers are valid.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use ludus_policy::{Policy, PolicyFile, TensorFile};

static WHOLE: OnceLock<TensorFile> = OnceLock::new();

fuzz_target!(|text: &str| {
    let mut file = WHOLE.get_or_init(ludus_fuzz::whole_policy).clone();
    file.texts.insert("policy".to_owned(), text.to_owned());
    if let Ok(file) = PolicyFile::from_tensor_file(&file) {
        let _ = Policy::new(&file);
    }
});

//! What a policy file says besides numbers: the fuzzer writes that text into a file whose numbers are whole.
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

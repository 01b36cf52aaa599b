//! The texts of checkpoints, beside their numbers, with the right hash.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::{Checkpoint, sealed_checkpoint, whole_checkpoint};
use ludus_policy::TensorFile;

static WHOLE: OnceLock<TensorFile> = OnceLock::new();

fuzz_target!(|text: &str| {
    let mut file = WHOLE.get_or_init(whole_checkpoint).clone();
    file.texts.insert("checkpoint".to_owned(), text.to_owned());
    let _ = Checkpoint::from_bytes(&sealed_checkpoint(file));
});

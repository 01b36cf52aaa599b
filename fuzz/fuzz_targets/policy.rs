//! Policy files: reading any bytes and acting by them never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_policy::{ActionChoice, Policy, PolicyFile, TensorFile};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = TensorFile::from_bytes(bytes) else { return };
    let Ok(file) = PolicyFile::from_tensor_file(&file) else { return };
    let Ok(policy) = Policy::new(&file) else { return };
    let spec = policy.spec();
    let mut actions = vec![0.0; 3 * spec.action_width()];
    let observations = vec![0.5; 3 * spec.observation_width()];
    policy.act(&observations, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
});

//! Sections inside sections inside sections.

use super::{READERS, sealed_episode, tensors};

/// Less than any thread has that reads files [bytes].
const SMALL_STACK: usize = 1 << 18;

/// Reads on a small stack. What overflowed it would end the whole test.
#[test]
fn deep_nesting_is_refused() {
    let read = || {
        for opening in ["[", "{\"a\":", "(", "(a:", "Some(", "{\"a\":[", "/*"] {
            let deep = opening.repeat(200_000);
            let header = serde_json::json!({ "__metadata__": { "policy": deep, "checkpoint": deep } }).to_string();
            for bytes in [deep.as_bytes(), &tensors(&deep, &[]), &tensors(&header, &[]), &sealed_episode(&deep, &[])] {
                for (name, reader) in READERS {
                    assert!(!reader(bytes), "{name}: {opening}");
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(read).unwrap().join().unwrap();
}

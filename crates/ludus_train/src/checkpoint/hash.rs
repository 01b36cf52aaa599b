//! The hash of a checkpoint's bytes, which stands among its texts.

use std::hash::Hasher;
use std::ops::Range;

use ludus_policy::TensorFile;
use twox_hash::XxHash3_64;
use twox_hash::xxhash3_64::{DEFAULT_SECRET_LENGTH, RawHasher, SecretBuffer};

/// The name of the text that holds the hash of everything else.
pub(super) const HASH: &str = "hash";
/// The placeholder of the hash while it is computed.
const UNHASHED: &str = "0000000000000000";
/// Returns the file's bytes, with their hash among the texts.
pub(super) fn hashed(mut file: TensorFile) -> Vec<u8> {
    file.texts.insert(HASH.to_owned(), UNHASHED.to_owned());
    let mut bytes = file.to_bytes();
    let place = hash_place(&bytes).expect("it was just written");
    let hash = format!("{:016x}", XxHash3_64::oneshot(&bytes));
    bytes[place].copy_from_slice(hash.as_bytes());
    bytes
}

/// Checks that the file's bytes match the hash in it.
pub(super) fn check_hash(bytes: &[u8]) -> Result<(), String> {
    let altered = || "its content is not what its hash says, it was altered".to_owned();
    let place = hash_place(bytes).ok_or_else(altered)?;
    let secret = SecretBuffer::with_seed(0, [0; DEFAULT_SECRET_LENGTH]).map_err(|_| altered())?;
    let mut hasher = RawHasher::new(secret);
    hasher.write(&bytes[..place.start]);
    hasher.write(UNHASHED.as_bytes());
    hasher.write(&bytes[place.end..]);
    if bytes[place] == *format!("{:016x}", hasher.finish()).as_bytes() { Ok(()) } else { Err(altered()) }
}

/// The range of the hash in the file's header. Quotes inside a text are escaped, so nothing else is taken for it.
fn hash_place(bytes: &[u8]) -> Option<Range<usize>> {
    let key = format!("\"{HASH}\":\"");
    let start = bytes.windows(key.len()).position(|window| window == key.as_bytes())? + key.len();
    let place = start..start + UNHASHED.len();
    (bytes.get(place.end) == Some(&b'"')).then_some(place)
}

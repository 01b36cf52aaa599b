//! A hash that is the same everywhere.

use crate::seed::{GOLDEN_GAMMA, mix};

/// Hashes numbers and text: the same on every machine, in every build, in every version of the standard library.
///
/// It serves to compare data and to detect damaged files. It is not cryptographic: data with a given hash can be made
/// on purpose.
///
/// ```
/// # use ludus_spec::StableHasher;
/// let hash = |numbers: &[f32]| StableHasher::default().floats(numbers).finish();
/// assert_eq!(hash(&[1.0, f32::NAN]), hash(&[1.0, -f32::NAN]));
/// assert_ne!(hash(&[0.0]), hash(&[-0.0]));
/// assert_ne!(hash(&[]), hash(&[0.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StableHasher(u64);

impl StableHasher {
    /// Adds 64 bits.
    #[inline]
    pub const fn word(&mut self, word: u64) -> &mut Self {
        self.0 = mix(self.0.wrapping_add(GOLDEN_GAMMA) ^ word);
        self
    }

    /// Adds the count of the numbers and their bits. All NaNs have the same bits here, because the compiler decides
    /// which NaN a computation gives.
    pub fn floats(&mut self, numbers: &[f32]) -> &mut Self {
        self.word(numbers.len() as u64);
        let (pairs, rest) = numbers.as_chunks::<2>();
        for &[one, other] in pairs {
            self.word(u64::from(bits(one)) | u64::from(bits(other)) << 32);
        }
        for &number in rest {
            self.word(u64::from(bits(number)));
        }
        self
    }

    /// Adds the count of the bytes, and the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last))
    }

    /// Returns the hash of everything that was added.
    pub const fn finish(&self) -> u64 {
        self.0
    }
}

const fn bits(number: f32) -> u32 {
    if number.is_nan() { f32::NAN.to_bits() } else { number.to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_same_in_every_build() {
        let hash = StableHasher::default().word(7).floats(&[1.0, -2.5, 0.0]).bytes(b"ludus, a game").finish();
        assert_eq!(hash, 0x545f_f3b3_4b95_6122, "{hash:#018x}");
    }

    #[test]
    fn order_and_length_count() {
        let of = |bytes: &[u8]| StableHasher::default().bytes(bytes).finish();
        let all = [of(b""), of(b"\0"), of(b"\0\0"), of(b"ab"), of(b"ba"), of(b"12345678"), of(b"12345678\0")];
        for (index, hash) in all.iter().enumerate() {
            assert!(!all[..index].contains(hash), "{index}");
        }
    }
}

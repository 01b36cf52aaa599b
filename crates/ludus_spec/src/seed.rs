//! Seeds derived from one run seed, so that no generator's state has to be shared or saved.

use std::f32::consts::TAU;

use rand::SeedableRng;
use serde::{Deserialize, Serialize};

/// The generator behind every random number of a run: xoshiro256++ (Blackman and Vigna 2019, arXiv:1805.01407).
pub type Generator = rand_xoshiro::Xoshiro256PlusPlus;

/// A point in the tree of a run's random numbers.
///
/// A seed is derived from its parent and an index: run → world → arena → episode, or run → iteration → row → step.
/// So a draw depends on where it belongs, never on the thread or the order in which it is made.
///
/// ```
/// # use ludus_spec::Seed;
/// let arena = Seed::new(7).derive(3).derive(12);
/// assert_eq!(arena, Seed::new(7).derive(3).derive(12));
/// assert_ne!(arena, Seed::new(7).derive(12).derive(3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(u64);

impl Seed {
    /// Returns the root of a run's seeds.
    pub const fn new(run_seed: u64) -> Self {
        Self(mix(run_seed ^ 0x6c75_6475_735f_7275))
    }

    /// Returns the seed with these [bits](Self::bits).
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the child with this index.
    #[inline]
    pub const fn derive(self, index: u64) -> Self {
        Self(mix(self.0.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA))))
    }

    /// Returns 64 uniformly distributed bits, always the same for the same seed.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns a number in `0.0..1.0` with 24 random bits, always the same for the same seed.
    #[inline]
    pub const fn uniform(self) -> f32 {
        (self.0 >> 40) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// Returns a normally distributed number, by the Box–Muller transform; always the same for the same seed.
    pub fn normal(self) -> f32 {
        let (radius, angle) = (self.derive(0).uniform(), self.derive(1).uniform());
        (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
    }

    /// Returns a generator that is seeded with this seed.
    pub fn generator(self) -> Generator {
        Generator::seed_from_u64(self.0)
    }
}

pub(crate) const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of `SplitMix64`, Stafford's variant 13 (Steele et al. 2014, doi:10.1145/2714064.2660195).
#[inline]
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn siblings_are_uniform() {
        let parent = Seed::new(1);
        let mean = (0..10_000).map(|index| f64::from(parent.derive(index).uniform())).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    /// The expected bits were computed by another implementation, in Python. If they change, no run can be repeated.
    #[test]
    fn a_seed_is_the_same_on_every_machine_and_in_every_version() {
        let of = |run_seed: u64, index: u64| Seed::new(run_seed).derive(index).bits();
        assert_eq!(Seed::new(1).bits(), 0xa733_b397_16f0_ebd8);
        assert_eq!([of(1, 2), of(0, 0)], [0x795b_17af_c45c_f2d9, 0xfe1a_6c83_8519_9291]);
        assert_eq!(of(u64::MAX, u64::MAX), 0xfea9_23cd_62f2_83d5);
        let mut generator = Seed::new(1).derive(2).generator();
        assert_eq!([generator.next_u64(), generator.next_u64()], [0x90cb_7818_218c_96cd, 0x8613_81d6_efe5_088a]);
    }

    #[test]
    fn a_uniform_number_has_the_upper_24_bits_and_is_below_1() {
        assert_eq!(Seed(0).uniform(), 0.0);
        assert_eq!(Seed(1 << 63 | u64::MAX >> 24).uniform(), 0.5);
        assert_eq!(Seed(u64::MAX).uniform(), 1.0 - 2.0_f32.powi(-24));
    }
}

//! Which vector instructions there are, and running a kernel with the best of them.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// A set of vector instructions that this machine has.
///
/// One binary holds the kernels for all of them; [`SimdLevel::best`] is used unless a test asks for another.
#[derive(Clone, Copy, Debug)]
pub struct SimdLevel(Arch);

impl SimdLevel {
    /// The fastest.
    pub fn best() -> Self {
        Self(Arch::new())
    }

    /// All that this machine has, the plain one first.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self(Arch::Scalar)];
        #[cfg(target_arch = "x86_64")]
        levels.extend(pulp::x86::V3::try_new().map(|simd| Self(Arch::V3(simd))));
        #[cfg(target_arch = "x86_64")]
        levels.extend(pulp::x86::V4::try_new().map(|simd| Self(Arch::V4(simd))));
        #[cfg(not(target_arch = "x86_64"))]
        levels.push(Self::best());
        levels
    }

    /// Its name, such as `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Arch::Scalar => "plain",
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => "avx512",
            _ => "native",
        }
    }

    /// Runs a kernel, compiled for these instructions.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) {
        self.0.dispatch(Dispatched(kernel));
    }
}

/// The vector instructions that networks use on this machine: `avx512`, `avx2+fma`, `plain`, or `native` elsewhere.
pub fn simd_level() -> &'static str {
    SimdLevel::best().name()
}

/// A loop over numbers that is compiled once per set of vector instructions.
pub(crate) trait Kernel {
    fn run<S: Simd, const FUSED: bool>(self, lanes: Lanes<S, FUSED>);
}

/// Arithmetic on `Lanes::COUNT` numbers at once.
///
/// `FUSED` says whether the machine multiplies and adds in one instruction; where it does not, asking for the fused
/// result would call a slow library function.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S, const FUSED: bool>(S);

struct Dispatched<K>(K);

impl<K: Kernel> WithSimd for Dispatched<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::IS_SCALAR {
            self.0.run(Lanes::<_, false>(Scalar128b));
        } else {
            self.0.run(Lanes::<_, true>(simd));
        }
    }
}

impl<S: Simd, const FUSED: bool> Lanes<S, FUSED> {
    /// Numbers in a vector: 4, 8 or 16.
    pub const COUNT: usize = S::F32_LANES;

    /// Vectors side by side in a register tile: with six rows they fill the register file.
    pub const TILE: usize = if S::REGISTER_COUNT >= 32 { 4 } else { 2 };

    /// The slice as vectors; its length must be a multiple of [`Lanes::COUNT`].
    #[inline(always)]
    pub fn vectors(slice: &[f32]) -> &[S::f32s] {
        S::as_simd_f32s(slice).0
    }

    #[inline(always)]
    pub fn vectors_mut(slice: &mut [f32]) -> &mut [S::f32s] {
        S::as_mut_simd_f32s(slice).0
    }

    #[inline(always)]
    pub fn splat(self, value: f32) -> S::f32s {
        self.0.splat_f32s(value)
    }

    /// `a·b + c`
    #[inline(always)]
    pub fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        if FUSED { self.0.mul_add_e_f32s(a, b, c) } else { self.0.add_f32s(self.0.mul_f32s(a, b), c) }
    }

    /// `c − a·b`
    #[inline(always)]
    pub fn negative_mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        if FUSED { self.0.negate_mul_add_e_f32s(a, b, c) } else { self.0.sub_f32s(c, self.0.mul_f32s(a, b)) }
    }

    #[inline(always)]
    pub fn mul(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.mul_f32s(a, b)
    }

    #[inline(always)]
    pub fn div(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.div_f32s(a, b)
    }

    /// `max(value, 0)`; NaN stays NaN, since x86 returns the second operand then.
    #[inline(always)]
    pub fn positive_part(self, value: S::f32s) -> S::f32s {
        self.0.max_f32s(self.splat(0.0), value)
    }

    /// `value` limited to `-limit..=limit`; NaN stays NaN as above.
    #[inline(always)]
    pub fn clamp(self, value: S::f32s, limit: f32) -> S::f32s {
        self.0.min_f32s(self.splat(limit), self.0.max_f32s(self.splat(-limit), value))
    }

    /// `value` where `sign` is greater than zero, else zero.
    #[inline(always)]
    pub fn keep_where_positive(self, sign: S::f32s, value: S::f32s) -> S::f32s {
        let zero = self.splat(0.0);
        self.0.select_f32s(self.0.greater_than_f32s(sign, zero), value, zero)
    }

    #[inline(always)]
    pub fn sum(self, value: S::f32s) -> f32 {
        self.0.reduce_sum_f32s(value)
    }
}

//! The sets of vector instructions, and the dispatch of a kernel to the best of them.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// A set of vector instructions that this machine has.
///
/// One binary holds the kernels for all sets. Networks use [`SimdLevel::best`] by default.
#[derive(Clone, Copy, Debug)]
pub struct SimdLevel(Arch);

impl SimdLevel {
    /// Returns the fastest set of this machine.
    pub fn best() -> Self {
        Self(Arch::new())
    }

    /// Returns all sets that this machine has, the plain one first.
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

    /// Returns the name: `avx512`, `avx2+fma`, `plain`, or `native` on other machines than x86-64.
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

/// Returns the name of the vector instructions that networks use on this machine, see [`SimdLevel::name`].
pub fn simd_level() -> &'static str {
    SimdLevel::best().name()
}

/// A loop over numbers that is compiled once per set of vector instructions.
///
/// All functions that `run` calls must be `#[inline(always)]`: a function that is not inlined is compiled without
/// vector instructions. Closures and the standard library's array functions may not be inlined; loops are.
pub(crate) trait Kernel {
    fn run<L: Lanes>(self, lanes: L);
}

struct Dispatched<K>(K);

impl<K: Kernel> WithSimd for Dispatched<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::IS_SCALAR { self.0.run(Plain) } else { self.0.run(Fused(simd)) }
    }
}

/// `L::COUNT` numbers in a register.
pub(crate) type Vector<L> = <<L as Lanes>::Simd as Simd>::f32s;

/// Arithmetic on some numbers at once.
pub(crate) trait Lanes: Copy {
    type Simd: Simd;

    /// Numbers in a vector: 4, 8 or 16.
    const COUNT: usize = <Self::Simd as Simd>::F32_LANES;

    /// Vectors per row of a register tile: with six rows they fill the register file.
    const TILE: usize = if <Self::Simd as Simd>::REGISTER_COUNT >= 32 { 4 } else { 2 };

    fn simd(self) -> Self::Simd;

    /// Returns `a·b + c`.
    fn mul_add(self, a: Vector<Self>, b: Vector<Self>, c: Vector<Self>) -> Vector<Self>;

    /// Returns `c − a·b`.
    fn negative_mul_add(self, a: Vector<Self>, b: Vector<Self>, c: Vector<Self>) -> Vector<Self>;

    /// Returns the slice as vectors; its length must be a multiple of `COUNT`.
    #[inline(always)]
    fn vectors(self, slice: &[f32]) -> &[Vector<Self>] {
        Self::Simd::as_simd_f32s(slice).0
    }

    #[inline(always)]
    fn vectors_mut(self, slice: &mut [f32]) -> &mut [Vector<Self>] {
        Self::Simd::as_mut_simd_f32s(slice).0
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Vector<Self> {
        self.simd().splat_f32s(value)
    }

    #[inline(always)]
    fn add(self, a: Vector<Self>, b: Vector<Self>) -> Vector<Self> {
        self.simd().add_f32s(a, b)
    }

    #[inline(always)]
    fn sub(self, a: Vector<Self>, b: Vector<Self>) -> Vector<Self> {
        self.simd().sub_f32s(a, b)
    }

    #[inline(always)]
    fn max(self, a: Vector<Self>, b: Vector<Self>) -> Vector<Self> {
        self.simd().max_f32s(a, b)
    }

    /// Returns `then` where `a` and `b` are equal, else `otherwise`.
    #[inline(always)]
    fn select_equal(
        self,
        a: Vector<Self>,
        b: Vector<Self>,
        then: Vector<Self>,
        otherwise: Vector<Self>,
    ) -> Vector<Self> {
        self.simd().select_f32s(self.simd().equal_f32s(a, b), then, otherwise)
    }

    #[inline(always)]
    fn mul(self, a: Vector<Self>, b: Vector<Self>) -> Vector<Self> {
        self.simd().mul_f32s(a, b)
    }

    #[inline(always)]
    fn div(self, a: Vector<Self>, b: Vector<Self>) -> Vector<Self> {
        self.simd().div_f32s(a, b)
    }

    /// Returns `max(value, 0)`; NaN stays NaN, since x86 returns the second operand then.
    #[inline(always)]
    fn positive_part(self, value: Vector<Self>) -> Vector<Self> {
        self.simd().max_f32s(self.splat(0.0), value)
    }

    /// Returns `value` limited to `-limit..=limit`; NaN stays NaN as above.
    #[inline(always)]
    fn clamp(self, value: Vector<Self>, limit: f32) -> Vector<Self> {
        let raised = self.simd().max_f32s(self.splat(-limit), value);
        self.simd().min_f32s(self.splat(limit), raised)
    }

    /// Returns `value` where `sign` is greater than 0, else 0.
    #[inline(always)]
    fn keep_where_positive(self, sign: Vector<Self>, value: Vector<Self>) -> Vector<Self> {
        let zero = self.splat(0.0);
        self.simd().select_f32s(self.simd().greater_than_f32s(sign, zero), value, zero)
    }

    /// Returns `value` where `sign` is greater than 0, else `other`.
    #[inline(always)]
    fn choose_where_positive(self, sign: Vector<Self>, value: Vector<Self>, other: Vector<Self>) -> Vector<Self> {
        self.simd().select_f32s(self.simd().greater_than_f32s(sign, self.splat(0.0)), value, other)
    }

    #[inline(always)]
    fn sum(self, value: Vector<Self>) -> f32 {
        self.simd().reduce_sum_f32s(value)
    }
}

/// A machine that multiplies and adds in one instruction.
#[derive(Clone, Copy)]
struct Fused<S>(S);

impl<S: Simd> Lanes for Fused<S> {
    type Simd = S;

    #[inline(always)]
    fn simd(self) -> S {
        self.0
    }

    #[inline(always)]
    fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.0.mul_add_e_f32s(a, b, c)
    }

    #[inline(always)]
    fn negative_mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.0.negate_mul_add_e_f32s(a, b, c)
    }
}

/// A machine without such an instruction, on which the fused result would take a slow library function.
#[derive(Clone, Copy)]
struct Plain;

impl Lanes for Plain {
    type Simd = Scalar128b;

    #[inline(always)]
    fn simd(self) -> Scalar128b {
        Scalar128b
    }

    #[inline(always)]
    fn mul_add(self, a: Vector<Self>, b: Vector<Self>, c: Vector<Self>) -> Vector<Self> {
        Scalar128b.add_f32s(Scalar128b.mul_f32s(a, b), c)
    }

    #[inline(always)]
    fn negative_mul_add(self, a: Vector<Self>, b: Vector<Self>, c: Vector<Self>) -> Vector<Self> {
        Scalar128b.sub_f32s(c, Scalar128b.mul_f32s(a, b))
    }
}

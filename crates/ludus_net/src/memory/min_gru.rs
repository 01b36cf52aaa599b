//! The minimal gated recurrent unit.
//!
//! ```text
//! z = σ(Wz·x + bz)    g = c(Wg·x + bg)    h' = h + z·(g − h)
//! c(a) = a + ½ if a ≥ 0, else σ(a): continuous, positive, and not bounded above
//! y = f(Wy·h' + by)
//! ```
//!
//! The layer behind the state has the network's activation. Without it, heads would be linear in the state, and nothing
//! could be decided from what is remembered and seen together. The authors, too, put a perceptron behind each unit.
//!
//! # Source
//!
//! Feng et al. 2024, arXiv:2410.01201, §3.1 and appendix B.2.

use super::{CANDIDATE, MemoryScratch, Recurrence, UPDATE, of_step};
use crate::kernel::{positive_candidate, positive_candidate_slope, sigmoid, sigmoid_slope};
use crate::pass::Pass;
use crate::simd::{Kernel, Lanes};

impl Pass<'_> {
    /// Computes one step.
    pub(super) fn min_gru_step(self, layer: &Recurrence, rows: usize, step: usize, scratch: &mut MemoryScratch) {
        let [update, candidate] = &mut scratch.gates[..] else { unreachable!("a MinGRU has two gates") };
        self.level.run(Forward {
            update: of_step(update, rows, step),
            candidate: of_step(candidate, rows, step),
            before: of_step(&mut scratch.before, rows, step),
            out: of_step(&mut scratch.out, rows, step),
        });
        // A candidate of the padding is c(0) = ½. Its state has to be 0, or the next layer's padding has a gradient.
        let (width, stride) = (layer.memory.width(), scratch.out.stride);
        if width < stride {
            let states = of_step(&mut scratch.out, rows, step).chunks_exact_mut(stride);
            states.for_each(|state| state[width..].fill(0.0));
        }
    }

    /// Computes the gradient of one step: replaces the activations of the gates by the gradients with respect to their
    /// sums, and adds the gradient with respect to the state before to `carry`.
    pub(super) fn min_gru_back(self, rows: usize, step: usize, scratch: &mut MemoryScratch) {
        let (update, candidate) = scratch.gates.split_at_mut(CANDIDATE);
        self.level.run(Backward {
            update: of_step(&mut update[UPDATE], rows, step),
            candidate: of_step(&mut candidate[0], rows, step),
            before: of_step(&mut scratch.before, rows, step),
            d_out: of_step(&mut scratch.d_out, rows, step),
            carry: &mut scratch.carry.data,
        });
    }
}

struct Forward<'a> {
    update: &'a mut [f32],
    candidate: &'a mut [f32],
    before: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (update, candidate) = (lanes.vectors_mut(self.update), lanes.vectors_mut(self.candidate));
        let (before, out) = (lanes.vectors(self.before), lanes.vectors_mut(self.out));
        for (((update, candidate), &before), out) in update.iter_mut().zip(candidate).zip(before).zip(out) {
            *update = sigmoid(lanes, *update);
            *candidate = positive_candidate(lanes, *candidate);
            *out = lanes.mul_add(*update, lanes.sub(*candidate, before), before);
        }
    }
}

struct Backward<'a> {
    update: &'a mut [f32],
    candidate: &'a mut [f32],
    before: &'a [f32],
    d_out: &'a [f32],
    carry: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (update, candidate) = (lanes.vectors_mut(self.update), lanes.vectors_mut(self.candidate));
        let (before, d_out) = (lanes.vectors(self.before), lanes.vectors(self.d_out));
        let carry = lanes.vectors_mut(self.carry);
        let gates = update.iter_mut().zip(candidate).zip(before);
        for (((update, candidate), &before), (&d_out, carry)) in gates.zip(d_out.iter().zip(carry)) {
            let (z, g) = (*update, *candidate);
            *carry = lanes.add(*carry, lanes.negative_mul_add(z, d_out, d_out));
            *update = lanes.mul(lanes.mul(d_out, lanes.sub(g, before)), sigmoid_slope(lanes, z));
            *candidate = lanes.mul(lanes.mul(d_out, z), positive_candidate_slope(lanes, g));
        }
    }
}

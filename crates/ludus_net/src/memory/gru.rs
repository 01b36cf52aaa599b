//! The gated recurrent unit.
//!
//! ```text
//! r = σ(Wr·x + br + Ur·h + cr)    z = σ(Wz·x + bz + Uz·h + cz)
//! n = tanh(Wn·x + bn + r·(Un·h + cn))    h' = n + z·(h − n)
//! ```
//!
//! # Source
//!
//! Cho et al. 2014, arXiv:1406.1078, in the form of PyTorch, and of ONNX with `linear_before_reset = 1`.

use super::{CANDIDATE, MemoryScratch, RESET, Recurrence, UPDATE, of_step};
use crate::kernel::{Finish, Rows, RowsMut, Start, sigmoid, sigmoid_slope, tanh, tanh_slope};
use crate::padded_block::Padded;
use crate::pass::Pass;
use crate::simd::{Kernel, Lanes};

impl Pass<'_> {
    /// Computes one step.
    pub(super) fn gru_step(self, layer: &Recurrence, rows: usize, step: usize, scratch: &mut MemoryScratch) {
        let pass = Pass { row_count: rows, ..self };
        let MemoryScratch { gates, candidate_of_state, of_state, before, out, .. } = scratch;
        let stride = before.stride;
        let before = of_step(before, rows, step);
        for (index, gate) in layer.of_state.iter().enumerate() {
            let sums = if index == CANDIDATE {
                of_step(candidate_of_state, rows, step)
            } else {
                of_step(&mut of_state[index], rows, 0)
            };
            pass.wide(gate, Rows { data: before, stride }, Finish::Store, RowsMut { data: sums, stride });
        }
        let [update, candidate, reset] = &mut gates[..] else { unreachable!("a GRU has three gates") };
        let (first, last) = of_state.split_at_mut(RESET);
        self.level.run(Forward {
            update: of_step(update, rows, step),
            candidate: of_step(candidate, rows, step),
            reset: of_step(reset, rows, step),
            update_of_state: of_step(&mut first[UPDATE], rows, 0),
            candidate_of_state: of_step(candidate_of_state, rows, step),
            reset_of_state: of_step(&mut last[0], rows, 0),
            before,
            out: of_step(out, rows, step),
        });
    }

    /// Computes the gradient of one step: replaces the activations of the gates, and the candidate's sums from the
    /// state, by the gradients with respect to their sums, and adds the gradient with respect to the state before to
    /// `carry`.
    pub(super) fn gru_back(self, layer: &Recurrence, rows: usize, step: usize, scratch: &mut MemoryScratch) {
        let pass = Pass { row_count: rows, ..self };
        let MemoryScratch { gates, candidate_of_state, before, d_out, carry, .. } = scratch;
        let [update, candidate, reset] = &mut gates[..] else { unreachable!("a GRU has three gates") };
        self.level.run(Backward {
            update: of_step(update, rows, step),
            candidate: of_step(candidate, rows, step),
            reset: of_step(reset, rows, step),
            candidate_of_state: of_step(candidate_of_state, rows, step),
            before: of_step(before, rows, step),
            d_out: of_step(d_out, rows, step),
            carry: &mut carry.data,
        });
        let stride = carry.stride;
        let delta = |block: &mut Padded, index: usize, carry: &mut Padded| {
            let delta = Rows { data: of_step(block, rows, step), stride };
            let out = RowsMut { data: &mut carry.data, stride };
            pass.pass_back(&layer.of_state[index], delta, Start::Out, Finish::Store, out);
        };
        delta(update, UPDATE, carry);
        delta(candidate_of_state, CANDIDATE, carry);
        delta(reset, RESET, carry);
    }
}

struct Forward<'a> {
    update: &'a mut [f32],
    candidate: &'a mut [f32],
    reset: &'a mut [f32],
    update_of_state: &'a [f32],
    candidate_of_state: &'a [f32],
    reset_of_state: &'a [f32],
    before: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let update = lanes.vectors_mut(self.update).iter_mut().zip(lanes.vectors(self.update_of_state));
        let candidate = lanes.vectors_mut(self.candidate).iter_mut().zip(lanes.vectors(self.candidate_of_state));
        let reset = lanes.vectors_mut(self.reset).iter_mut().zip(lanes.vectors(self.reset_of_state));
        let states = lanes.vectors(self.before).iter().zip(lanes.vectors_mut(self.out));
        for (((z, n), r), (&before, out)) in update.zip(candidate).zip(reset).zip(states) {
            *z.0 = sigmoid(lanes, lanes.add(*z.0, *z.1));
            *r.0 = sigmoid(lanes, lanes.add(*r.0, *r.1));
            *n.0 = tanh(lanes, lanes.mul_add(*r.0, *n.1, *n.0));
            *out = lanes.mul_add(*z.0, lanes.sub(before, *n.0), *n.0);
        }
    }
}

struct Backward<'a> {
    update: &'a mut [f32],
    candidate: &'a mut [f32],
    reset: &'a mut [f32],
    candidate_of_state: &'a mut [f32],
    before: &'a [f32],
    d_out: &'a [f32],
    carry: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let gates = lanes.vectors_mut(self.update).iter_mut().zip(lanes.vectors_mut(self.reset));
        let candidate = lanes.vectors_mut(self.candidate).iter_mut().zip(lanes.vectors_mut(self.candidate_of_state));
        let d_states = lanes.vectors(self.d_out).iter().zip(lanes.vectors_mut(self.carry));
        let states = lanes.vectors(self.before).iter().zip(d_states);
        for (((update, reset), (candidate, of_state)), (&before, (&d_out, carry))) in gates.zip(candidate).zip(states) {
            let (z, r, n) = (*update, *reset, *candidate);
            *carry = lanes.mul_add(d_out, z, *carry);
            *update = lanes.mul(lanes.mul(d_out, lanes.sub(before, n)), sigmoid_slope(lanes, z));
            let d_sum = lanes.mul(lanes.negative_mul_add(z, d_out, d_out), tanh_slope(lanes, n));
            *candidate = d_sum;
            *reset = lanes.mul(lanes.mul(d_sum, *of_state), sigmoid_slope(lanes, r));
            *of_state = lanes.mul(d_sum, r);
        }
    }
}

//! Memory between hidden layers and heads, on tensors: as `ludus_net`'s, formula for formula.

use ludus_learn::GroupExchange;
use ludus_net::Memory;
use tch::{Kind, Tensor};

use crate::activation::tanh;
use crate::network::{TensorSequences, settled};

/// The indices of a gate among those of a memory, as in `ludus_net`.
const UPDATE: usize = 0;
const CANDIDATE: usize = 1;
const RESET: usize = 2;

/// Returns the count of a memory's parameter tensors: weight and bias of each layer. The layers from the input to each
/// gate come first, then those from the state, then [the one behind the state](output_layer).
pub(crate) const fn tensor_count(memory: Memory) -> usize {
    2 * match memory {
        Memory::MinGru(_) => 3,
        Memory::Gru(_) => 6,
    }
}

/// Returns weight and bias of the layer behind the state, if a memory has one. `tensors` are all of the memory's.
pub(crate) fn output_layer(memory: Memory, tensors: &[Tensor]) -> Option<[&Tensor; 2]> {
    match memory {
        Memory::MinGru(_) => tensors.last_chunk().map(|[weight, bias]| [weight, bias]),
        Memory::Gru(_) => None,
    }
}

/// The memory in some steps of some rows. Each memory of a network takes its own columns, in their order.
pub(crate) struct MemoryColumns<'a> {
    /// The memory before the first step: `[rows, memory width]`.
    first: &'a Tensor,
    /// The change of the memory after each step: `[steps, rows]`. `None` for a single step.
    after: Option<&'a Tensor>,
    /// The first column of the next memory.
    next_column: i64,
    /// The state of each memory after the last step.
    left: Vec<Tensor>,
}

impl<'a> MemoryColumns<'a> {
    /// Returns the memory at the start of an episode, for these observations.
    pub fn zeros(width: usize, observations: &Tensor) -> Tensor {
        Tensor::zeros([observations.size()[0], width as i64], (Kind::Float, observations.device()))
    }

    /// A single step. The columns before `first_column` belong to encoders.
    pub const fn step(first: &'a Tensor, first_column: usize) -> Self {
        Self { first, after: None, next_column: first_column as i64, left: Vec::new() }
    }

    /// Sequences. The columns before `first_column` belong to encoders.
    pub const fn sequences(sequences: TensorSequences<'a>, first_column: usize) -> Self {
        let TensorSequences { first_memory, after, .. } = sequences;
        Self { first: first_memory, after: Some(after), next_column: first_column as i64, left: Vec::new() }
    }

    /// Returns what is remembered after the last step: `[rows, memory width]`. `history` is what encoders remember.
    pub fn memory(self, history: Option<Tensor>) -> Tensor {
        let mut parts: Vec<Tensor> = history.into_iter().chain(self.left).collect();
        match &parts[..] {
            [] => self.first.shallow_clone(),
            [_] => parts.remove(0),
            several => Tensor::cat(several, 1),
        }
    }

    /// Computes the outputs of the next memory in all steps. `inputs` is `[steps·rows, inputs]`, the outputs are
    /// `[steps·rows, width]`, of the same kind.
    ///
    /// The state has 32 bits even if the layers compute with fewer.
    pub fn remember(&mut self, memory: Memory, tensors: &[Tensor], inputs: &Tensor) -> Tensor {
        let width = memory.width() as i64;
        let first = self.first.narrow(1, self.next_column, width);
        self.next_column += width;
        let [weights, biases] = [0, 1].map(|part| tensors.iter().skip(part).step_by(2).collect::<Vec<_>>());
        let of = |layers: std::ops::Range<usize>| {
            let [weight, bias] = [&weights, &biases].map(|tensors| Tensor::cat(&tensors[layers.clone()], 0));
            Layers { weight, bias }
        };
        let sums = match memory {
            Memory::MinGru(_) => of(0..2),
            Memory::Gru(_) => of(0..3),
        }
        .sums(inputs);
        let sums = sums.view([-1, first.size()[0], sums.size()[1]]);
        let outputs = match memory {
            Memory::MinGru(_) => self.min_gru(&sums, first, width),
            Memory::Gru(_) => self.gru(&sums, first, &of(3..6), inputs.kind()),
        };
        self.left.push(outputs.get(-1));
        outputs.flatten(0, 1).to_kind(inputs.kind())
    }

    /// Computes a minimal gated recurrent unit, `[steps, rows, width]`.
    ///
    /// ```text
    /// z = σ(Wz·x + bz)    g = c(Wg·x + bg)    h' = h + z·(g − h)
    /// c(a) = a + ½ if a ≥ 0, else σ(a)
    /// ```
    ///
    /// The gates don't depend on the state, so a step is one operation: a product and a sum.
    fn min_gru(&self, sums: &Tensor, first: Tensor, width: i64) -> Tensor {
        let update = gate(sums, UPDATE, width).sigmoid();
        let candidate = gate(sums, CANDIDATE, width);
        let candidate = (&candidate + 0.5).where_self(&candidate.ge(0.0), &candidate.sigmoid());
        let before = match self.after {
            None => first.unsqueeze(0),
            Some(after) => {
                let [is_restored, is_reset] =
                    [GroupExchange::RESTORE, GroupExchange::RESET].map(|flag| after.eq(f64::from(flag)).unsqueeze(-1));
                let is_kept = is_restored.logical_or(&is_reset).logical_not();
                let kept: Tensor = 1.0 - &update;
                let kept = kept.masked_fill(&is_restored, 1.0).masked_fill(&is_reset, 0.0);
                let added = (&update * &candidate) * is_kept;
                states(first, &kept.unbind(0), &added.unbind(0))
            }
        };
        let distance = candidate - &before;
        before.addcmul(&update, &distance)
    }

    /// Computes a gated recurrent unit, `[steps, rows, width]`. `of_state` are the layers from the state to the gates,
    /// which compute with numbers of this kind.
    ///
    /// ```text
    /// r = σ(Wr·x + br + Ur·h + cr)    z = σ(Wz·x + bz + Uz·h + cz)
    /// n = tanh(Wn·x + bn + r·(Un·h + cn))    h' = n + z·(h − n)
    /// ```
    fn gru(&self, sums: &Tensor, first: Tensor, of_state: &Layers, kind: Kind) -> Tensor {
        let width = first.size()[1];
        let mut before = first;
        let mut outputs = Vec::new();
        for (step, sums) in sums.unbind(0).iter().enumerate() {
            let of_state = of_state.sums(&before.to_kind(kind));
            let [update, reset] =
                [UPDATE, RESET].map(|index| (gate(sums, index, width) + gate(&of_state, index, width)).sigmoid());
            let candidate = gate(sums, CANDIDATE, width).addcmul(&reset, &gate(&of_state, CANDIDATE, width));
            let candidate = tanh(&candidate);
            let out = candidate.addcmul(&update, &(&before - &candidate));
            if let Some(after) = self.after {
                before = settled(&before, &out, &after.get(step as i64));
            }
            outputs.push(out);
        }
        Tensor::stack(&outputs, 0)
    }
}

/// Returns the states before each step, `[steps, rows, width]`: `kept · h + added` is the one before the next step.
fn states(first: Tensor, kept: &[Tensor], added: &[Tensor]) -> Tensor {
    let mut states = vec![first];
    for (kept, added) in kept.iter().zip(added).take(kept.len() - 1) {
        let next = added.addcmul(kept, &states[states.len() - 1]);
        states.push(next);
    }
    Tensor::stack(&states, 0)
}

/// Layers with the same inputs, side by side.
struct Layers {
    weight: Tensor,
    bias: Tensor,
}

impl Layers {
    /// Returns the sums of all layers as 32-bit numbers.
    fn sums(&self, inputs: &Tensor) -> Tensor {
        inputs.linear(&self.weight, Some(&self.bias)).to_kind(Kind::Float)
    }
}

/// Returns the columns of a gate.
fn gate(sums: &Tensor, index: usize, width: i64) -> Tensor {
    sums.narrow(-1, index as i64 * width, width)
}

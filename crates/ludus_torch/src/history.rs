//! What a network reads of earlier steps, on tensors: the first columns of the memory.

use ludus_net::{BlockColumns, Layout, ValuesBlock};
use ludus_spec::Head;
use tch::{Kind, Tensor};

use crate::network::TensorSequences;

/// The parts of a row's memory that are read as inputs.
pub(crate) struct History<'a> {
    layout: &'a Layout,
}

impl<'a> History<'a> {
    pub const fn new(layout: &'a Layout) -> Self {
        Self { layout }
    }

    /// Returns what is remembered before a step, from rows of memory, `[rows, history width]`.
    pub fn of(&self, memory: &Tensor) -> Tensor {
        memory.narrow(1, 0, self.layout.history_width() as i64)
    }

    /// Returns what is remembered after a step with these observations, and with no action; `None` if nothing is
    /// remembered.
    pub fn after(&self, before: &Tensor, observations: &Tensor) -> Option<Tensor> {
        let parts = self.stacks().map(|(block, columns)| {
            let (first, width) = (columns.start as i64, block.width as i64);
            let kept = before.narrow(1, first, columns.len() as i64 - width);
            Tensor::cat(&[present(observations, block).to_kind(Kind::Float), kept], 1)
        });
        let mut parts = parts.collect::<Vec<_>>();
        let of_action = self.layout.last_action_columns().len() as i64;
        if of_action > 0 {
            parts.push(Tensor::zeros([before.size()[0], of_action], (Kind::Float, before.device())));
        }
        (!parts.is_empty()).then(|| Tensor::cat(&parts, 1))
    }

    /// Returns what is remembered before each step of sequences, `[steps·rows, history width]`. `observations` are
    /// `[steps, rows, inputs]`.
    pub fn of_sequences(&self, observations: &Tensor, sequences: TensorSequences<'_>) -> Tensor {
        let mut before = vec![self.of(sequences.first_memory)];
        for (step, observations) in observations.unbind(0).iter().enumerate().take(observations.size()[0] as usize - 1)
        {
            let now = &before[step];
            let Some(after) = self.after(now, observations) else { break };
            let after = self.remember_actions(after, &sequences.actions.get(step as i64));
            before.push(sequences.next_memory(step, now, &after));
        }
        Tensor::cat(&before, 0)
    }

    /// Returns the last steps of a field, the present one first, `[rows, width · steps]`. `history` is what is
    /// remembered before the step.
    pub fn stacked(&self, observations: &Tensor, history: &Tensor, block: ValuesBlock, columns: &Columns) -> Tensor {
        let earlier = history.narrow(1, columns.start as i64, columns.len() as i64).to_kind(observations.kind());
        Tensor::cat(&[present(observations, block), earlier], 1)
    }

    /// Returns rows of memory with these actions, `[rows, action width]`, as the last ones.
    pub fn remember_actions(&self, memory: Tensor, actions: &Tensor) -> Tensor {
        let columns = self.layout.last_action_columns();
        if columns.is_empty() {
            return memory;
        }
        let (first, behind) = (columns.start as i64, columns.end as i64);
        let mut parts = vec![memory.narrow(1, 0, first)];
        let mut column = 0;
        for head in self.layout.heads() {
            let own = actions.narrow(1, column, head.action_width() as i64);
            column += head.action_width() as i64;
            parts.push(match head {
                Head::Gaussian { .. } | Head::SquashedGaussian { .. } => own.clamp(-1.0, 1.0),
                Head::Categorical { choices } => {
                    own.eq_tensor(&Tensor::arange(*choices as i64, (own.kind(), own.device()))).to_kind(Kind::Float)
                }
            });
        }
        parts.push(memory.narrow(1, behind, memory.size()[1] - behind));
        Tensor::cat(&parts, 1)
    }

    /// Returns the last action as an input, `[rows, output width]`. `history` is what is remembered before the step.
    pub fn last_action(&self, history: &Tensor, kind: Kind) -> Tensor {
        let columns = self.layout.last_action_columns();
        history.narrow(1, columns.start as i64, columns.len() as i64).to_kind(kind)
    }

    fn stacks(&self) -> impl Iterator<Item = (ValuesBlock, Columns)> {
        self.layout.encoded_blocks().filter_map(|block| match block.columns {
            BlockColumns::Values(values) => Some((values, block.memory)),
            BlockColumns::Grid(_) | BlockColumns::Set(_) => None,
        })
    }
}

type Columns = std::ops::Range<usize>;

fn present(observations: &Tensor, block: ValuesBlock) -> Tensor {
    observations.narrow(1, block.first as i64, block.width as i64)
}

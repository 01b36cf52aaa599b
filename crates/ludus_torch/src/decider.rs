//! Decisions for many rows at once: one forward pass, one copy up, one copy down.

use std::any::Any;
use std::ops::Range;

use ludus_learn::{Exchange, GroupExchange, RolloutShape};
use tch::{Kind, Tensor};

use crate::behavior::{BehaviorPolicy, BehaviorRows, Decisions};
use crate::buffer::Buffer;
use crate::graphs::{Recorder, Recording};
use crate::inputs::Inputs;
use crate::link::Link;
use crate::network::{Forward, RecurrentForward, TorchNetwork, settled};
use crate::parameters::Leaves;
use crate::storage::{Kept, Storage};

/// Neighbouring simulations whose actions are computed in one batch, with the buffers to and from the device.
#[derive(Debug)]
pub(crate) struct RowExchange {
    /// The rows of each simulation.
    rows: Vec<usize>,
    first_row: usize,
    row_count: usize,
    widths: Widths,
    /// Observations of all rows, then the draws of all rows, their masks, and what happens to their memory.
    up: Buffer,
    /// Actions, log-probability and values of each row.
    down: Buffer,
    /// For each draw of a row, the index of the child of the row's seed that the draw derives from.
    children: Vec<u64>,
    recording: Recording,
    /// The tensors that a recorded decision reads and writes.
    decision: Option<DecisionTensors>,
    /// The memory of each row, if the network has a memory.
    memory: Option<RowMemory>,
}

/// The memory of rows, on the device, `[rows, memory width]`: before the last decision and after it.
#[derive(Debug)]
struct RowMemory {
    past: Tensor,
    now: Tensor,
}

/// The tensors of a decision: its input from the host, and its results.
#[derive(Debug)]
struct DecisionTensors {
    up: Tensor,
    /// The inputs of the network.
    inputs: Tensor,
    masks: Option<Tensor>,
    /// The change of the memory after the last decision, and what was remembered before this one.
    memory: Option<[Tensor; 2]>,
    /// The results that are copied to the host: actions, log-probability and values of each row.
    played: Tensor,
}

/// The widths of a row's arrays.
#[derive(Clone, Copy, Debug)]
struct Widths {
    observation: usize,
    draws: usize,
    action: usize,
    /// The critic's estimates.
    values: usize,
    /// 0 if every choice is always allowed.
    mask: usize,
    /// 1 if there is a memory: the flag that says what happens to it.
    after: usize,
}

/// The policy during a rollout.
#[derive(Clone, Copy)]
pub(crate) struct RolloutPolicy<'a> {
    pub network: &'a dyn TorchNetwork,
    pub behavior: &'a dyn BehaviorPolicy,
    pub leaves: &'a Leaves,
    pub inputs: &'a Inputs,
    pub kind: Kind,
    pub recorder: &'a Recorder,
}

/// The numbers that a policy draws and remembers per row.
#[derive(Clone, Copy)]
pub(crate) struct PolicyWidths<'a> {
    pub behavior: &'a dyn BehaviorPolicy,
    pub memory: usize,
}

/// Makes the exchanges of a rollout of this shape, one for each part. `bounds` has each part's simulations.
pub(crate) fn parts(
    shape: &RolloutShape,
    bounds: &[Range<usize>],
    PolicyWidths { behavior, memory: memory_width }: PolicyWidths<'_>,
    link: &Link,
) -> Vec<Box<dyn Exchange>> {
    let widths = Widths {
        observation: shape.observation_width,
        draws: behavior.children().len(),
        action: behavior.action_width(),
        values: shape.value_heads,
        mask: shape.mask_width,
        after: usize::from(memory_width > 0),
    };
    let mut first_row = 0;
    let make = |simulations: &Range<usize>| {
        let rows = shape.rows[simulations.clone()].to_vec();
        let row_count = rows.iter().sum();
        let part = RowExchange {
            up: Buffer::new(row_count * widths.up(), link),
            down: Buffer::new(row_count * widths.down(), link),
            children: behavior.children().to_vec(),
            recording: Recording::default(),
            decision: None,
            memory: (memory_width > 0).then(|| RowMemory::new(row_count, memory_width, link)),
            rows,
            first_row,
            row_count,
            widths,
        };
        first_row += row_count;
        Box::new(part) as Box<dyn Exchange>
    };
    bounds.iter().map(make).collect()
}

impl RowExchange {
    /// Returns an exchange as what it is: a learner gets back those that [`parts`] has made.
    pub fn own(exchange: &mut dyn Exchange) -> &mut Self {
        let exchange: &mut dyn Any = exchange;
        exchange.downcast_mut().expect("a learner gets the exchanges that it has lent")
    }

    /// Chooses every row's action for a step by the current policy, and stores the update's data in `storage`, if there
    /// is one.
    pub fn decide(&mut self, policy: RolloutPolicy<'_>, step: usize, storage: Option<&mut Storage>) {
        // A guard, since `tch::no_grad` would leave gradients off if libtorch failed.
        let _guard = tch::no_grad_guard();
        let up = self.send_up(policy);
        let Self { recording, decision, widths, row_count, memory, .. } = self;
        recording.run(policy.recorder, &mut || *decision = Some(policy.decide(&up, *widths, *row_count, memory)));
        let Some(DecisionTensors { inputs, masks, memory, played, .. }) = decision else { return };
        if let Some(storage) = storage {
            storage.keep(step, self.first_row, Kept { inputs, played, masks: masks.as_ref(), memory: memory.as_ref() });
        }
        self.down.download(played);
    }

    /// Estimates the values of the observations after the last step. Detail 5.
    pub fn evaluate(&mut self, policy: RolloutPolicy<'_>) {
        let _guard = tch::no_grad_guard();
        let up = self.up.upload();
        let [observations, _, masks, after] = self.widths.split(&up, self.row_count);
        let masks = (self.widths.mask > 0).then_some(masks);
        let before = self.memory.as_ref().map(|memory| memory.settled(&after));
        let (forward, _) = policy.forward(&policy.inputs.stage(&observations), before.as_ref());
        self.down.download(&policy.behavior.values(&forward, masks.as_ref()));
    }

    /// Writes 0 as the values of the observations after the last step, for a policy without a critic.
    pub fn clear_values(&mut self) {
        let count = self.row_count * self.widths.values;
        self.down.numbers()[..count].fill(0.0);
    }

    /// Forgets what is remembered of rows if it is not finite.
    pub fn forget_what_is_not_finite(&mut self) {
        if let Some(RowMemory { past, now }) = &mut self.memory {
            for memory in [past, now] {
                let is_lost = memory.isfinite().all_dim(1, true).logical_not();
                let _ = memory.masked_fill_(&is_lost, 0.0);
            }
        }
    }

    /// Copies the inputs to the device: into the tensor that the recorded decision reads, if there is a recording.
    fn send_up(&self, policy: RolloutPolicy<'_>) -> Tensor {
        let up = self.up.upload();
        match &self.decision {
            Some(decision) if policy.recorder.records() => {
                let mut place = decision.up.shallow_clone();
                place.copy_(&up);
                place
            }
            _ => up,
        }
    }
}

impl Exchange for RowExchange {
    fn groups(&mut self) -> Vec<GroupExchange<'_>> {
        let Widths { observation, draws, mask, after, .. } = self.widths;
        let (mut observations, rest) = self.up.numbers().split_at_mut(self.row_count * observation);
        let (mut uniforms, rest) = rest.split_at_mut(self.row_count * draws);
        let (mut masks, mut flags) = rest.split_at_mut(self.row_count * mask);
        let mut down = self.down.read();
        let group = |&rows: &usize| {
            let decided;
            (decided, down) = down.split_at(rows * self.widths.down());
            GroupExchange {
                observations: split_off_first(&mut observations, rows * observation),
                draws: split_off_first(&mut uniforms, rows * draws),
                children: &self.children,
                masks: split_off_first(&mut masks, rows * mask),
                after: split_off_first(&mut flags, rows * after),
                decided,
            }
        };
        self.rows.iter().map(group).collect()
    }

    fn values(&self) -> &[f32] {
        &self.down.read()[..self.row_count * self.widths.values]
    }
}

impl Widths {
    /// Returns the numbers of a row that go to the device.
    const fn up(self) -> usize {
        self.observation + self.draws + self.mask + self.after
    }

    /// Returns the numbers of a row that come from the device: actions, log-probability and values.
    const fn down(self) -> usize {
        self.action + 1 + self.values
    }

    /// Splits the uploaded tensor into observations, draws, masks and what happens to the memory, each `[rows, width]`.
    fn split(self, up: &Tensor, rows: usize) -> [Tensor; 4] {
        let block = |columns_before: usize, width: usize| {
            let (first, width) = ((rows * columns_before) as i64, width as i64);
            up.narrow(0, first, rows as i64 * width).view([rows as i64, width])
        };
        let mut columns_before = 0;
        [self.observation, self.draws, self.mask, self.after].map(|width| {
            columns_before += width;
            block(columns_before - width, width)
        })
    }
}

impl RowMemory {
    fn new(rows: usize, width: usize, link: &Link) -> Self {
        let zeros = || Tensor::zeros([rows as i64, width as i64], (Kind::Float, link.device()));
        Self { past: zeros(), now: zeros() }
    }

    /// Returns what is remembered before the next decision. `after` has what happened after the last one: `[rows, 1]`.
    fn settled(&self, after: &Tensor) -> Tensor {
        settled(&self.past, &self.now, &after.squeeze_dim(1))
    }

    /// Takes a step. The tensors stay in their place, since a recorded decision reads and writes them.
    fn go_on(&mut self, before: &Tensor, now: &Tensor) {
        self.past.copy_(before);
        self.now.copy_(now);
    }
}

impl RolloutPolicy<'_> {
    /// Chooses an action for each row, and takes a step of its memory.
    fn decide(&self, up: &Tensor, widths: Widths, rows: usize, memory: &mut Option<RowMemory>) -> DecisionTensors {
        let [observations, draws, masks, after] = widths.split(up, rows);
        let inputs = self.inputs.stage(&observations);
        let masks = (widths.mask > 0).then_some(masks);
        let before = memory.as_ref().map(|memory| memory.settled(&after));
        let (forward, now) = self.forward(&inputs, before.as_ref());
        let rows = BehaviorRows { draws: &draws, log_std: self.leaves.log_std(), masks: masks.as_ref() };
        let Decisions { actions, log_probs, values } = self.behavior.decide(&forward, rows);
        if let (Some(memory), Some(before), Some(now)) = (memory, &before, now) {
            memory.go_on(before, &self.network.remember_actions(now, &actions));
        }
        let played = Tensor::cat(&[actions, log_probs, values], 1);
        let memory = before.map(|before| [after, before]);
        DecisionTensors { up: up.shallow_clone(), inputs, masks, memory, played }
    }

    /// Returns the network's outputs and values as 32-bit numbers, and what it remembers after the step if it has a
    /// memory; values are `[rows, value heads]`.
    fn forward(&self, inputs: &Tensor, before: Option<&Tensor>) -> (Forward, Option<Tensor>) {
        let parameters = self.leaves.of_network(self.kind);
        let inputs = inputs.to_kind(self.kind);
        let (forward, memory) = match before {
            None => (self.network.forward(&parameters, &inputs), None),
            Some(before) => {
                let RecurrentForward { forward, memory } = self.network.step(&parameters, &inputs, before);
                (forward, Some(memory))
            }
        };
        (Forward { outputs: forward.outputs.to_kind(Kind::Float), values: forward.value_columns() }, memory)
    }
}

fn split_off_first<'a>(left: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    left.split_off_mut(..count).expect("a buffer is as long as the parts of its simulations together")
}

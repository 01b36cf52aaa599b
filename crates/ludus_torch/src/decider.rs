//! Decisions for many rows at once: one forward pass, one copy up, one copy down.

use std::ops::Range;

use ludus_learn::{Exchange, GroupExchange, RolloutShape};
use tch::{Kind, Tensor};

use crate::buffer::Buffer;
use crate::graphs::{Recorder, Recording};
use crate::heads::{Heads, Outputs};
use crate::inputs::Inputs;
use crate::link::Link;
use crate::network::{Forward, TorchNetwork};
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
    /// Observations of all rows, then the draws of all rows, then their masks.
    up: Buffer,
    /// Actions, log-probability and value of each row.
    down: Buffer,
    /// For each draw of a row, the index of the child of the row's seed that the draw derives from.
    children: Vec<u64>,
    recording: Recording,
    /// The tensors that a recorded decision reads and writes.
    decision: Option<DecisionTensors>,
}

/// The tensors of a decision: its input from the host, and its results.
#[derive(Debug)]
struct DecisionTensors {
    up: Tensor,
    /// The inputs of the network.
    inputs: Tensor,
    masks: Option<Tensor>,
    /// The results that are copied to the host: actions, log-probability and value of each row.
    played: Tensor,
}

/// The widths of a row's arrays.
#[derive(Clone, Copy, Debug)]
struct Widths {
    observation: usize,
    draws: usize,
    action: usize,
    /// 0 if every choice is always allowed.
    mask: usize,
}

/// The policy during a rollout.
#[derive(Clone, Copy)]
pub(crate) struct RolloutPolicy<'a> {
    pub network: &'a dyn TorchNetwork,
    pub heads: &'a Heads,
    pub leaves: &'a Leaves,
    pub inputs: &'a Inputs,
    pub kind: Kind,
    pub recorder: &'a Recorder,
}

/// Makes the exchanges of a rollout of this shape, one for each part. `bounds` has each part's simulations.
pub(crate) fn parts(shape: &RolloutShape, bounds: &[Range<usize>], heads: &Heads, link: &Link) -> Vec<RowExchange> {
    let widths = Widths {
        observation: shape.observation_width,
        draws: heads.draw_count(),
        action: heads.action_width(),
        mask: shape.mask_width,
    };
    let mut first_row = 0;
    let make = |simulations: &Range<usize>| {
        let rows = shape.rows[simulations.clone()].to_vec();
        let row_count = rows.iter().sum();
        let part = RowExchange {
            up: Buffer::new(row_count * (widths.observation + widths.draws + widths.mask), link),
            down: Buffer::new(row_count * (widths.action + 2), link),
            children: heads.children().to_vec(),
            recording: Recording::default(),
            decision: None,
            rows,
            first_row,
            row_count,
            widths,
        };
        first_row += row_count;
        part
    };
    bounds.iter().map(make).collect()
}

impl RowExchange {
    /// Draws every row's action for a step from the current policy, and stores the update's data in `storage`.
    pub fn decide(&mut self, policy: RolloutPolicy<'_>, step: usize, storage: &mut Storage) {
        // A guard, since `tch::no_grad` would leave gradients off if libtorch failed.
        let _guard = tch::no_grad_guard();
        let up = self.send_up(policy);
        let Self { recording, decision, widths, row_count, .. } = self;
        recording.run(policy.recorder, &mut || *decision = Some(policy.decide(&up, *widths, *row_count)));
        let Some(DecisionTensors { inputs, masks, played, .. }) = decision else { return };
        storage.keep(step, self.first_row, Kept { inputs, played, masks: masks.as_ref() });
        self.down.download(played);
    }

    /// Estimates the values of the observations after the last step. Detail 5.
    pub fn evaluate(&mut self, policy: RolloutPolicy<'_>) {
        let _guard = tch::no_grad_guard();
        let up = self.up.upload();
        let inputs = policy.inputs.stage(&self.widths.split(&up, self.row_count)[0]);
        let values = policy.forward(&inputs).values;
        self.down.download(&values);
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
        let Widths { observation, draws, action, mask } = self.widths;
        let (mut observations, rest) = self.up.numbers().split_at_mut(self.row_count * observation);
        let (mut uniforms, mut masks) = rest.split_at_mut(self.row_count * draws);
        let mut down = self.down.read();
        let group = |&rows: &usize| {
            let decided;
            (decided, down) = down.split_at(rows * (action + 2));
            GroupExchange {
                observations: split_off_first(&mut observations, rows * observation),
                draws: split_off_first(&mut uniforms, rows * draws),
                children: &self.children,
                masks: split_off_first(&mut masks, rows * mask),
                decided,
            }
        };
        self.rows.iter().map(group).collect()
    }

    fn values(&self) -> &[f32] {
        &self.down.read()[..self.row_count]
    }
}

impl Widths {
    /// Splits the uploaded tensor into observations, draws and masks, each `[rows, width]`.
    fn split(self, up: &Tensor, rows: usize) -> [Tensor; 3] {
        let block = |columns_before: usize, width: usize| {
            let (first, width) = ((rows * columns_before) as i64, width as i64);
            up.narrow(0, first, rows as i64 * width).view([rows as i64, width])
        };
        let Self { observation, draws, mask, .. } = self;
        [block(0, observation), block(observation, draws), block(observation + draws, mask)]
    }
}

impl RolloutPolicy<'_> {
    /// Draws an action for each row.
    fn decide(&self, up: &Tensor, widths: Widths, rows: usize) -> DecisionTensors {
        let [observations, draws, masks] = widths.split(up, rows);
        let inputs = self.inputs.stage(&observations);
        let masks = (widths.mask > 0).then_some(masks);
        let Forward { outputs, values } = self.forward(&inputs);
        let outputs = Outputs { numbers: &outputs, log_std: self.leaves.log_std(), masks: masks.as_ref() };
        let (actions, log_probs) = self.heads.sample(outputs, &draws);
        let played = Tensor::cat(&[actions, log_probs, values], 1);
        DecisionTensors { up: up.shallow_clone(), inputs, masks, played }
    }

    /// Returns the network's outputs and values as 32-bit numbers; values are `[rows, 1]`.
    fn forward(&self, inputs: &Tensor) -> Forward {
        let parameters = self.leaves.of_network(self.kind);
        let Forward { outputs, values } = self.network.forward(&parameters, &inputs.to_kind(self.kind));
        Forward { outputs: outputs.to_kind(Kind::Float), values: values.to_kind(Kind::Float).unsqueeze(1) }
    }
}

fn split_off_first<'a>(left: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    left.split_off_mut(..count).expect("a buffer is as long as the parts of its simulations together")
}

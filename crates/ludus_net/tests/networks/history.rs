//! What a network reads of earlier steps, compared with a perceptron that is given the same numbers.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use ludus_net::{
    AfterStep, Encoder, InputBlock, Layout, Memory, Network, NetworkConfig, Scratch, Sequences, ValuesBlock,
};
use ludus_spec::{Head, Seed};

/// A number, a field of two numbers of which three steps are read, a number, and a field of one number of which two are.
const INPUTS: usize = 5;
const FIELDS: [(&str, ValuesBlock, usize); 2] =
    [("tilt", ValuesBlock { first: 1, width: 2 }, 3), ("pull", ValuesBlock { first: 4, width: 1 }, 2)];
/// Numbers of earlier steps, and all numbers that the dense layers read.
const STACKED: usize = 2 * 2 + 1;
/// A number for each choice and dimension of the last action.
const ACTED: usize = 5;
const HISTORY: usize = STACKED + ACTED;
const FEATURES: usize = INPUTS + HISTORY;
const ACTION_WIDTH: usize = 3;
const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Gaussian { width: 2 }];
const ROWS: usize = 7;
const STEPS: usize = 9;

/// A network that stacks, a perceptron with the same parameters, and sequences that end, begin and pause at every step.
struct Case {
    network: Network,
    plain: Network,
    inputs: Vec<f32>,
    first_memory: Vec<f32>,
    after: Vec<AfterStep>,
    actions: Vec<f32>,
}

fn stacking(config: NetworkConfig) -> Layout {
    let blocks = FIELDS.map(|(field, block, _)| InputBlock::values(field, block));
    let encoders = FIELDS.map(|(field, _, steps)| (field.to_owned(), Encoder::Stack(steps)));
    let config = NetworkConfig { encoders: encoders.into(), observe_last_action: true, ..config };
    Layout::with_blocks(INPUTS, &blocks, &HEADS, &config).unwrap()
}

fn configs() -> impl Iterator<Item = NetworkConfig> {
    [false, true].into_iter().flat_map(|shared| {
        [vec![], vec![17, 5]].map(|hidden| NetworkConfig { hidden, shared, ..NetworkConfig::default() })
    })
}

impl Case {
    fn new(config: &NetworkConfig) -> Self {
        let layout = stacking(config.clone());
        let mut plain = Network::new(Layout::new(FEATURES, &HEADS, config).unwrap(), Seed::new(1));
        plain.update(|parameters| {
            parameters.iter_mut().enumerate().for_each(|(index, one)| *one += 0.6 * (uniform(2, index) - 0.5));
        });
        let mut network = Network::new(layout.clone(), Seed::new(1));
        let same = layout.import(&plain.layout().export(plain.parameters())).unwrap();
        network.set_parameters(&same).unwrap();
        let change = |index: usize| match uniform(5, index) {
            0.0..0.2 => AfterStep::Reset,
            0.2..0.4 => AfterStep::Restore,
            _ => AfterStep::Keep,
        };
        Self {
            network,
            plain,
            inputs: (0..STEPS * ROWS * INPUTS).map(|index| 4.0 * uniform(3, index) - 2.0).collect(),
            first_memory: (0..ROWS * layout.memory_width()).map(|index| uniform(4, index) - 0.3).collect(),
            after: (0..STEPS * ROWS).map(change).collect(),
            actions: (0..STEPS * ROWS)
                .flat_map(|index| {
                    let choice = (3.0 * uniform(8, index)).floor();
                    [choice, 4.0 * uniform(9, index) - 2.0, uniform(10, index)]
                })
                .collect(),
        }
    }

    fn sequences(&self) -> Sequences<'_> {
        Sequences { first_memory: &self.first_memory, after: &self.after, actions: &self.actions }
    }

    /// Returns the numbers that the dense layers read, put together in the simplest possible way.
    fn features(&self) -> Vec<f32> {
        let mut features = vec![0.0; STEPS * ROWS * FEATURES];
        for row in 0..ROWS {
            // For each field, its earlier steps, the latest first.
            let mut earlier: Vec<Vec<Vec<f32>>> = Vec::new();
            let mut memory = &self.first_memory[row * HISTORY..(row + 1) * HISTORY];
            let mut last_action = memory[STACKED..].to_vec();
            for (_, block, steps) in FIELDS {
                let own;
                (own, memory) = memory.split_at(block.width * (steps - 1));
                earlier.push(own.chunks(block.width).map(<[f32]>::to_vec).collect());
            }
            for step in 0..STEPS {
                let index = step * ROWS + row;
                let input = &self.inputs[index * INPUTS..(index + 1) * INPUTS];
                let mut own = vec![input[0], input[3]];
                for ((_, block, _), earlier) in FIELDS.iter().zip(&mut earlier) {
                    let present = input[block.first..block.first + block.width].to_vec();
                    own.extend(&present);
                    own.extend(earlier.iter().flatten());
                    match self.after[index] {
                        AfterStep::Keep => {
                            earlier.insert(0, present);
                            earlier.pop();
                        }
                        AfterStep::Reset => earlier.iter_mut().flatten().for_each(|number| *number = 0.0),
                        AfterStep::Restore => {}
                    }
                }
                own.extend(&last_action);
                last_action = match self.after[index] {
                    AfterStep::Keep => encoded(&self.actions[index * ACTION_WIDTH..(index + 1) * ACTION_WIDTH]),
                    AfterStep::Reset => vec![0.0; ACTED],
                    AfterStep::Restore => last_action,
                };
                features[index * FEATURES..(index + 1) * FEATURES].copy_from_slice(&own);
            }
        }
        features
    }

    /// Returns the outputs and values of one step after another, `group` rows at a time.
    fn step_by_step(&self, group: usize) -> (Vec<f32>, Vec<f32>) {
        let layout = self.network.layout();
        let (width, memory_width) = (layout.output_width(), layout.memory_width());
        let mut scratch = Scratch::new(layout);
        let (mut outputs, mut values) = (vec![0.0; STEPS * ROWS * width], vec![0.0; STEPS * ROWS]);
        let mut memory = self.first_memory.clone();
        for step in 0..STEPS {
            let before = memory.clone();
            for first in (0..ROWS).step_by(group) {
                let rows = first..ROWS.min(first + group);
                let of_step = |width: usize| (step * ROWS + rows.start) * width..(step * ROWS + rows.end) * width;
                let memory = &mut memory[rows.start * memory_width..rows.end * memory_width];
                let (outputs, values) = (&mut outputs[of_step(width)], &mut values[of_step(1)]);
                self.network.step(&self.inputs[of_step(INPUTS)], memory, &mut scratch, outputs, values);
                layout.remember_actions(&self.actions[of_step(ACTION_WIDTH)], memory);
            }
            for row in 0..ROWS {
                let own = row * memory_width..(row + 1) * memory_width;
                match self.after[step * ROWS + row] {
                    AfterStep::Keep => {}
                    AfterStep::Reset => memory[own].fill(0.0),
                    AfterStep::Restore => memory[own.clone()].copy_from_slice(&before[own]),
                }
            }
        }
        (outputs, values)
    }
}

/// Returns an action as a network reads it.
fn encoded(action: &[f32]) -> Vec<f32> {
    let choices = (0..3).map(|choice| if action[0] == choice as f32 { 1.0 } else { 0.0 });
    choices.chain(action[1..].iter().map(|number| number.clamp(-1.0, 1.0))).collect()
}

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

/// Writes the derivatives of Σ `weight·outputs² + weight·values²`.
fn differentiate(block: &mut ludus_net::Block<'_>) {
    let weight = |index: usize| 20.0 * (uniform(6, index) - 0.4);
    let first = block.first_row * block.outputs.len() / block.values.len();
    for (index, (d, output)) in block.d_outputs.iter_mut().zip(block.outputs).enumerate() {
        *d += 2.0 * weight(first + index) * output;
    }
    for (index, (d, value)) in block.d_values.iter_mut().zip(block.values).enumerate() {
        *d += 2.0 * weight(block.first_row + index) * value;
    }
}

#[test]
fn stacked_steps_are_read_as_if_they_were_observed() {
    for config in configs() {
        let case = Case::new(&config);
        let (mut outputs, mut values) =
            (vec![0.0; STEPS * ROWS * case.plain.layout().output_width()], vec![0.0; STEPS * ROWS]);
        case.plain.forward(&case.features(), &mut Scratch::new(case.plain.layout()), &mut outputs, &mut values);
        for group in [1, 2, ROWS] {
            assert_eq!(case.step_by_step(group), (outputs.clone(), values.clone()), "{config:?}");
        }
        let mut gradient = vec![0.0; case.plain.layout().parameter_count()];
        let mut scratch = Scratch::new(case.plain.layout());
        case.plain.gradient(&case.features(), &mut scratch, &mut gradient, |mut block| differentiate(&mut block));

        let layout = case.network.layout();
        let mut found = vec![0.0; layout.parameter_count()];
        let mut scratch = Scratch::new(layout);
        case.network.gradient_of_sequences(&case.inputs, case.sequences(), &mut scratch, &mut found, |mut block| {
            assert_eq!((block.outputs, block.values), (&outputs[..], &values[..]), "{config:?}");
            differentiate(&mut block);
        });
        assert_eq!(layout.export(&found), case.plain.layout().export(&gradient), "{config:?}");
        assert_eq!(found, layout.import(&layout.export(&found)).unwrap(), "the padding has no gradient");
    }
}

/// A stack and a recurrent layer share the memory of a row. The bits are those of the steps.
#[test]
fn a_stack_stands_beside_a_recurrent_memory() {
    for memory in [Memory::MinGru(6), Memory::Gru(6)] {
        for config in configs() {
            let config = NetworkConfig { memory: Some(memory), ..config };
            let case = Case::new(&config);
            let layout = case.network.layout();
            let own = if config.shared { 6 } else { 12 };
            assert_eq!((layout.history_width(), layout.memory_width()), (HISTORY, HISTORY + own));
            assert_eq!(layout.policy_memory_width(), HISTORY + 6);
            let (outputs, values) = case.step_by_step(ROWS);
            let mut scratch = Scratch::new(layout);
            let mut gradient = vec![0.0; layout.parameter_count()];
            case.network.gradient_of_sequences(&case.inputs, case.sequences(), &mut scratch, &mut gradient, |block| {
                assert_eq!((block.outputs, block.values), (&outputs[..], &values[..]), "{config:?}");
            });
            assert_eq!(case.step_by_step(2), (outputs, values));
        }
    }
}

#[test]
fn a_policy_and_a_critic_read_the_same_history() {
    for config in configs() {
        let case = Case::new(&config);
        let layout = case.network.layout();
        let (outputs, values) = case.step_by_step(ROWS);
        let mut scratch = Scratch::new(layout);
        let inputs = &case.inputs[..ROWS * INPUTS];
        let mut found = vec![0.0; ROWS];
        case.network.values_from(inputs, &case.first_memory, &mut scratch, &mut found);
        assert_eq!(found, values[..ROWS]);
        let (mut found, mut memory) = (vec![0.0; ROWS * layout.output_width()], case.first_memory.clone());
        case.network.step_policy(inputs, &mut memory, &mut scratch, &mut found);
        assert_eq!(found, outputs[..found.len()]);
        // The present step is now the latest, and the one before it follows.
        assert_eq!(memory[..2], inputs[1..3]);
        assert_eq!(memory[2..4], case.first_memory[..2]);
        assert_eq!(memory[4], inputs[4]);
        layout.remember_actions(&case.actions[..ROWS * ACTION_WIDTH], &mut memory);
        assert_eq!(memory[STACKED..HISTORY], encoded(&case.actions[..ACTION_WIDTH]));
    }
}

#[test]
fn what_can_not_be_stacked_is_refused() {
    let check = |steps: usize, block: ValuesBlock, part: &str| {
        let encoders = [("tilt".to_owned(), Encoder::Stack(steps))].into();
        let config = NetworkConfig { encoders, ..NetworkConfig::default() };
        let blocks = [InputBlock::values("tilt", block)];
        let refused = Layout::with_blocks(INPUTS, &blocks, &HEADS, &config).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    };
    let block = FIELDS[0].1;
    check(0, block, "`Stack(0)` reads the present step alone; give it at least 2, or leave it out");
    check(1, block, "`Stack(1)` reads the present step alone");
    check(usize::MAX, block, "numbers of a row");
    check(2, ValuesBlock { first: 4, width: 2 }, "columns 4 to 5 of 5 can't be `tilt`");
}

#[test]
fn a_last_action_is_an_input_without_any_encoder_too() {
    let config = NetworkConfig { hidden: vec![6], observe_last_action: true, ..NetworkConfig::default() };
    let layout = Layout::new(INPUTS, &HEADS, &config).unwrap();
    assert_eq!(
        (layout.dense_inputs(), layout.memory_width(), layout.policy_memory_width()),
        (INPUTS + ACTED, ACTED, ACTED)
    );
    assert_eq!(layout.last_action_columns(), 0..ACTED);
    let network = Network::new(layout.clone(), Seed::new(1));
    let outputs = |memory: &mut [f32]| {
        let (mut outputs, mut values) = (vec![0.0; layout.output_width()], [0.0]);
        network.step(&[0.1; INPUTS], memory, &mut Scratch::new(&layout), &mut outputs, &mut values);
        outputs
    };
    let (mut none, mut some) = ([0.0; ACTED], [0.0; ACTED]);
    layout.remember_actions(&[2.0, 0.5, -9.0], &mut some);
    assert_eq!(some, [0.0, 0.0, 1.0, 0.5, -1.0]);
    assert_ne!(outputs(&mut none), outputs(&mut some));
}

#[test]
fn a_network_says_by_what_it_remembers() {
    let plain = NetworkConfig::default();
    assert_eq!(plain.remembers(), None);
    let memory = NetworkConfig { memory: Some(Memory::Gru(8)), ..plain.clone() };
    assert_eq!(memory.remembers().unwrap(), "memory: Gru(8)");
    let stacking = NetworkConfig { encoders: [("tilt".to_owned(), Encoder::Stack(4))].into(), ..plain.clone() };
    assert_eq!(stacking.remembers().unwrap(), "encoders: {\"tilt\": Stack(4)}");
    let acting = NetworkConfig { observe_last_action: true, ..plain };
    assert_eq!(acting.remembers().unwrap(), "observe_last_action: true");
}

//! Warm starts: a policy takes over the parameters of another one, matched by name where the layout has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ludus_net::{BlockColumns, EncodedBlock, Encoder, GridBlock, Layout, NamedTensor, NetworkConfig, Normalizer};
use ludus_policy::{PolicyFile, files};
use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationColumn, joined};

use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};

/// Limit on the sample count of observation statistics if there are new columns. The statistics of new columns are a
/// guess, and with this count the first rollouts correct it.
const GUESS_COUNT: f64 = 1000.0;

/// A new policy that starts from the parameters of another one.
#[derive(Clone, Copy)]
pub(crate) struct WarmStart<'a> {
    pub spec: &'a AgentSpec,
    pub layout: &'a Layout,
    /// The new policy's parameters, which stay where nothing can be taken over.
    pub parameters: &'a [f32],
    /// The new policy's statistics of observations, if it normalises them.
    pub normalizer: Option<&'a Normalizer>,
}

/// The parameters and statistics that the new policy starts from.
#[derive(Debug)]
pub(crate) struct WarmStarted {
    pub parameters: Vec<f32>,
    pub normalizer: Option<Normalizer>,
    /// The new and the removed parts of observation and action, as parts of a sentence; empty if there are none.
    pub differences: Vec<String>,
}

/// The policy file of a kind of agents that `named` stands for: a file, a run's folder, the name of one in `runs`, or
/// `latest` for the game's newest.
///
/// # Errors
///
/// [`TrainError::UnknownRun`] or [`TrainError::NoRun`] if there is none, [`TrainError::NotOwn`] if the run's folder has
/// links.
pub(crate) fn locate(named: &Path, runs: &Path, game: &str, kind: &str) -> Result<PathBuf, TrainError> {
    if named == Path::new(LATEST) {
        let none = || TrainError::NoRun { game: game.to_owned(), runs: runs.to_owned() };
        let run = RunFolder::newest(runs, game).ok_or_else(none)?;
        run.check()?;
        return Ok(run.policy_of(kind));
    }
    if files::is_no_folder(named) {
        return Ok(named.to_owned());
    }
    let unknown = || TrainError::UnknownRun { run: named.to_owned(), runs: runs.to_owned() };
    let run = RunFolder::named(runs, named).ok_or_else(unknown)?;
    run.check()?;
    Ok(run.policy_of(kind))
}

/// Takes over the parameters of everything that has the same name in both policies: columns of the observation, parts
/// of the action, encoders, and the layers between them.
///
/// Weights of new observations and of what new encoders compute are zero, so that the policy acts as before until it
/// learns to use them. New parts of the action and new encoders keep the parameters of the new network. An encoder is
/// new if its field, its kind or its sizes have changed.
///
/// # Errors
///
/// A sentence if the networks differ in anything but their inputs, encoders and outputs, or if one normalises
/// observations and the other doesn't.
pub(crate) fn warm_start(from: &PolicyFile, start: WarmStart<'_>) -> Result<WarmStarted, String> {
    let layout = from.layout().map_err(|error| error.to_string())?;
    if without_encoders(&layout) != without_encoders(start.layout) {
        let [was, now] = [layout.config(), start.layout.config()].map(described);
        return Err(format!("its network is {was}, the config's {now}; give `network` the same values"));
    }
    if from.normalizer.is_some() != start.normalizer.is_some() {
        let own = from.normalizer.is_some();
        return Err(format!(
            "it was trained with `normalize_observations: {own}`; give the section of the algorithm the same"
        ));
    }
    let observations = Axis::new(&observation_names(&from.spec), &observation_names(start.spec));
    let inputs = Axis::new(&input_names(&from.spec, &layout), &input_names(start.spec, start.layout));
    let critic_inputs =
        Axis::new(&critic_input_names(&from.spec, &layout), &critic_input_names(start.spec, start.layout));
    let encoders = Axis::new(&encoder_names(&layout), &encoder_names(start.layout));
    let is_squashed = layout.config().squashed;
    let [was, now] = [&from.spec, start.spec].map(|spec| output_names(spec, is_squashed));
    let outputs = Axis::new(&was, &now);
    let deviations = Axis::new(&deviation_names(&from.spec), &deviation_names(start.spec));
    let differences = [("observation", &observations), ("encoder", &encoders), ("action", &outputs)];
    let differences = differences.map(|(what, axis)| axis.differences(what)).concat();
    let axes = Axes { observations, inputs, critic_inputs, encoders, outputs, deviations };
    Ok(WarmStarted {
        parameters: axes.parameters(&layout.export(&from.parameters), start)?,
        normalizer: from.normalizer.as_ref().zip(start.normalizer).map(|(was, now)| axes.normalizer(was, now)),
        differences,
    })
}

/// Returns the description of what is behind the inputs.
fn without_encoders(layout: &Layout) -> NetworkConfig {
    let config = layout.config().clone();
    NetworkConfig { encoders: BTreeMap::new(), observe_last_action: false, without_critic: false, ..config }
}

fn described(network: &NetworkConfig) -> String {
    let NetworkConfig {
        encoders,
        observe_last_action,
        hidden,
        activation,
        layer_norm,
        shared,
        memory,
        squashed,
        without_critic: _,
    } = network;
    let memory = memory.map_or(String::new(), |memory| format!(", memory: {memory:?}"));
    let encoders = encoders.iter().map(|(field, encoder)| format!("{field:?}: {encoder}")).collect::<Vec<_>>();
    let encoders = if encoders.is_empty() { String::new() } else { format!("encoders: {{{}}}, ", encoders.join(", ")) };
    let layer_norm = if *layer_norm { "layer_norm: true, " } else { "" };
    let last_action = if *observe_last_action { "observe_last_action: true, " } else { "" };
    let squashed = if *squashed { ", squashed: true" } else { "" };
    format!(
        "({encoders}{last_action}hidden: {hidden:?}, activation: {activation:?}, {layer_norm}shared: {shared}{memory}{squashed})"
    )
}

/// The earlier indices of the elements along an axis of an array.
#[derive(Clone, Debug)]
struct Axis {
    /// The earlier index of each element; `None` if it is new.
    origins: Vec<Option<usize>>,
    added: Vec<String>,
    gone: Vec<String>,
    /// The earlier length of the axis.
    len_before: usize,
}

impl Axis {
    fn new(was: &[String], now: &[String]) -> Self {
        let absent = |names: &[String], others: &[String]| {
            names.iter().filter(|name| !others.contains(name)).cloned().collect::<Vec<_>>()
        };
        Self {
            origins: now.iter().map(|name| was.iter().position(|before| before == name)).collect(),
            added: absent(now, was),
            gone: absent(was, now),
            len_before: was.len(),
        }
    }

    /// An axis on which nothing has changed.
    fn same(len: usize) -> Self {
        Self { origins: (0..len).map(Some).collect(), added: Vec::new(), gone: Vec::new(), len_before: len }
    }

    fn differences(&self, what: &str) -> Vec<String> {
        let sentence =
            |names: &[String], is: &str| (!names.is_empty()).then(|| format!("{what} `{}` {is}", names.join("`, `")));
        [sentence(&self.added, "is new"), sentence(&self.gone, "is gone")].into_iter().flatten().collect()
    }
}

/// The axes along which a network may have changed.
struct Axes {
    /// Columns of the observation.
    observations: Axis,
    /// Inputs of the first dense layers: the columns of the observation, unless encoders read some.
    inputs: Axis,
    /// Inputs of the critic's first dense layers: those, and what is for the critic alone.
    critic_inputs: Axis,
    /// Encoders, each with its field and its sizes.
    encoders: Axis,
    outputs: Axis,
    /// The deviations of Gaussian heads.
    deviations: Axis,
}

impl Axes {
    fn parameters(&self, source: &[NamedTensor], start: WarmStart<'_>) -> Result<Vec<f32>, String> {
        let mut named = start.layout.export(start.parameters);
        for (name, shape, values) in &mut named {
            let before =
                source.iter().find(|(before, ..)| before == name && !self.is_of_new_encoder(name, start.layout));
            let Some((_, shape_before, before)) = before else { continue };
            let [rows, columns] = self.of_tensor(name, shape, start.layout);
            if shape_before.iter().product::<usize>() != rows.len_before * columns.len_before {
                return Err(format!("its `{name}` has the shape {shape_before:?}; only inputs and outputs may differ"));
            }
            take_over(values, before, &rows, &columns);
        }
        start.layout.import(&named).map_err(|error| error.to_string())
    }

    /// True for a tensor of an encoder that the earlier network didn't have.
    fn is_of_new_encoder(&self, tensor: &str, layout: &Layout) -> bool {
        let is_of = |block: &EncodedBlock<'_>| tensor.starts_with(&format!("encoder.{}.", block.field));
        // Of two fields, one name may begin with the other: then the longer one is meant.
        let own = layout.encoded_blocks().enumerate().filter(|(_, block)| is_of(block));
        let own = own.max_by_key(|(_, block)| block.field.len());
        own.is_some_and(|(index, _)| self.encoders.origins[index].is_none())
    }

    /// The axes of a tensor's rows and columns. A tensor of one dimension is a column.
    fn of_tensor(&self, name: &str, shape: &[usize], layout: &Layout) -> [Axis; 2] {
        let config = layout.config();
        let last = if config.shared { 0 } else { config.hidden.len() };
        let has_hidden = !config.hidden.is_empty();
        let is_first = match name.strip_suffix(".weight") {
            Some("trunk.0") => true,
            Some("actor.0" | "critic.0") => {
                if has_hidden {
                    !config.shared
                } else {
                    config.memory.is_none()
                }
            }
            Some(gate) => !has_hidden && gate.contains(".memory.") && gate.ends_with(".input"),
            None => false,
        };
        let rows = if name == "log_std" {
            self.deviations.clone()
        } else if name.strip_prefix(&format!("actor.{last}")).is_some_and(|rest| rest == ".weight" || rest == ".bias") {
            self.outputs.clone()
        } else {
            Axis::same(shape[0])
        };
        let columns = match is_first {
            true if name.starts_with("critic.") => self.critic_inputs.clone(),
            true => self.inputs.clone(),
            false => Axis::same(shape[1..].iter().product()),
        };
        [rows, columns]
    }

    /// The earlier statistics of the columns; new columns begin at mean 0 and variance 1. The columns that are followed
    /// are those of `now`.
    fn normalizer(&self, was: &Normalizer, now: &Normalizer) -> Normalizer {
        let statistics = was.statistics();
        let taken = |numbers: &[f64], new: f64| {
            self.observations.origins.iter().map(|origin| origin.map_or(new, |origin| numbers[origin])).collect()
        };
        let (mean, variance) = (taken(statistics.mean(), 0.0), taken(statistics.variance(), 1.0));
        let count = statistics.count();
        let count = if self.observations.added.is_empty() { count } else { count.min(GUESS_COUNT) };
        let taken = Normalizer::from_parts(mean, variance, count, now.clip()).expect("they were statistics before");
        let mut normalizer = now.clone();
        normalizer.go_on_from(&taken);
        normalizer
    }
}

/// Copies the earlier values to their new indices. `values` is `[rows, columns]`; `before` has the earlier lengths.
fn take_over(values: &mut [f32], before: &[f32], rows: &Axis, columns: &Axis) {
    let width = columns.origins.len();
    for (row, origin) in rows.origins.iter().enumerate() {
        let Some(origin) = origin else { continue };
        let before = &before[origin * columns.len_before..][..columns.len_before];
        for (value, origin) in values[row * width..][..width].iter_mut().zip(&columns.origins) {
            *value = origin.map_or(0.0, |origin| before[origin]);
        }
    }
}

fn observation_names(spec: &AgentSpec) -> Vec<String> {
    spec.observation_columns().map(ObservationColumn::name).collect()
}

/// The names of the inputs of the first dense layers of policy and critic.
fn input_names(spec: &AgentSpec, layout: &Layout) -> Vec<String> {
    let last_action = layout.last_action_columns();
    if layout.encoded_blocks().next().is_none() && last_action.is_empty() && !layout.has_critic_columns() {
        return observation_names(spec);
    }
    let mut names = encoded_names(spec, layout, Reader::Both);
    if !last_action.is_empty() {
        names.extend(output_names(spec, false).into_iter().map(|part| format!("last action {part}")));
    }
    names
}

/// The names of the inputs of the critic's first dense layers.
fn critic_input_names(spec: &AgentSpec, layout: &Layout) -> Vec<String> {
    [input_names(spec, layout), encoded_names(spec, layout, Reader::Critic)].concat()
}

/// The layers that read an observation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Those of policy and critic.
    Both,
    /// Those of the critic alone.
    Critic,
}

/// The names of the columns without an encoder, and of the outputs of encoders.
fn encoded_names(spec: &AgentSpec, layout: &Layout, reader: Reader) -> Vec<String> {
    let rest = match reader {
        Reader::Both => layout.columns_without_encoder(),
        Reader::Critic => layout.critic_columns_without_encoder(),
    };
    let name = |column: usize| spec.observation_name(column).expect("a layout has the columns of its spec");
    let mut names: Vec<_> = rest.iter().cloned().flatten().map(name).collect();
    for block in layout.encoded_blocks().filter(|block| block.is_critic == (reader == Reader::Critic)) {
        match block.encoder {
            // The present step has the names that the field has without an encoder.
            &Encoder::Stack(steps) => names.extend((0..steps).flat_map(|back| {
                let columns = block.columns.range().map(name);
                columns.map(move |column| if back == 0 { column } else { format!("{column} {back} steps ago") })
            })),
            _ => names.extend((0..block.features).map(|index| format!("{} {index}", encoder_name(&block)))),
        }
    }
    names
}

/// The names of the encoders with their sizes, in the order of their columns.
fn encoder_names(layout: &Layout) -> Vec<String> {
    layout.encoded_blocks().map(|block| encoder_name(&block)).collect()
}

fn encoder_name(block: &EncodedBlock<'_>) -> String {
    let size = match block.columns {
        BlockColumns::Values(values) => format!("{} values", values.width),
        BlockColumns::Grid(GridBlock { height, width, channels, .. }) => format!("{height}×{width}×{channels}"),
        BlockColumns::Set(set) => format!("{} × {}", set.capacity, set.parts),
    };
    format!("{}: {} over {size}", block.field, block.encoder)
}

/// The names of the actor's outputs: a mean for each dimension, a logit for each choice; behind the means of squashed
/// numbers, their deviations.
fn output_names(spec: &AgentSpec, is_squashed: bool) -> Vec<String> {
    let named = |field: &ActionField| {
        let mut names = field.parts.iter().map(|part| joined(&field.name, part)).collect::<Vec<_>>();
        if is_squashed && matches!(field.kind, ActionKind::Continuous { .. }) {
            let deviations = names.iter().map(|name| format!("deviation of {name}")).collect::<Vec<_>>();
            names.extend(deviations);
        }
        names
    };
    spec.action.iter().flat_map(named).collect()
}

fn deviation_names(spec: &AgentSpec) -> Vec<String> {
    let is_continuous = |field: &&ActionField| matches!(field.kind, ActionKind::Continuous { .. });
    let action = spec.action.iter().filter(is_continuous).cloned().collect();
    output_names(&AgentSpec { action, ..AgentSpec::default() }, false)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ludus_net::{Network, NetworkConfig, Scratch};
    use ludus_policy::Origin;
    use ludus_spec::{Block, ObservationField, ObservationKind, Seed};

    use super::*;

    fn spec(observed: &[&str], rates: &[&str], choices: &[&str]) -> AgentSpec {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let observation = ObservationField {
            name: "ball".to_owned(),
            doc: String::new(),
            block: Block::values(observed.iter().copied()),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        };
        let action = |name: &str, parts, kind| ActionField { name: name.to_owned(), doc: String::new(), parts, kind };
        AgentSpec {
            name: "Plate".to_owned(),
            observation: vec![observation],
            action: vec![
                action("rate", strings(rates), ActionKind::Continuous { low: -1.0, high: 1.0 }),
                action("jump", strings(choices), ActionKind::Discrete),
            ],
            ..AgentSpec::default()
        }
    }

    fn network(spec: &AgentSpec, shared: bool, seed: u64) -> Network {
        network_of(
            spec,
            &NetworkConfig { hidden: vec![5, 4], layer_norm: shared, shared, ..NetworkConfig::default() },
            seed,
        )
    }

    fn network_of(spec: &AgentSpec, config: &NetworkConfig, seed: u64) -> Network {
        let mut network = Network::new(Layout::of_agent(spec, config).unwrap(), Seed::new(seed));
        // Biases and deviations are zero in a new one.
        let draw = |index: usize| Seed::new(seed).derive(index as u64).uniform() - 0.5;
        network.update(|parameters| parameters.iter_mut().enumerate().for_each(|(index, one)| *one = draw(index)));
        network
    }

    fn policy(spec: AgentSpec, network: &Network, normalizer: Option<Normalizer>) -> PolicyFile {
        PolicyFile {
            spec,
            network: network.layout().config().clone().into(),
            parameters: network.parameters().to_vec(),
            normalizer,
            decision_interval: NonZeroU32::MIN,
            tick_rate_hz: 64.0,
            origin: Origin::default(),
        }
    }

    fn outputs(network: &Network, row: &[f32]) -> (Vec<f32>, f32) {
        let mut scratch = Scratch::new(network.layout());
        let mut outputs = vec![0.0; network.layout().output_width()];
        let mut values = [0.0];
        let mut memory = vec![0.0; network.layout().memory_width()];
        network.step(row, &mut memory, &mut scratch, &mut outputs, &mut values);
        (outputs, values[0])
    }

    #[test]
    fn a_policy_does_what_it_did_whatever_is_new() {
        for shared in [false, true] {
            let was = spec(&["x", "y"], &["a", "b"], &["no", "yes"]);
            let now = spec(&["y", "z", "x"], &["b", "c", "a"], &["yes", "maybe", "no"]);
            let before = network(&was, shared, 1);
            let mut after = network(&now, shared, 2);
            let start =
                WarmStart { spec: &now, layout: after.layout(), parameters: after.parameters(), normalizer: None };
            let taken = warm_start(&policy(was, &before, None), start).unwrap();
            assert_eq!(taken.differences, ["observation `ball.z` is new", "action `rate.c`, `jump.maybe` is new"]);
            let own_deviation = after.parameters()[after.layout().log_std()][1];
            after.set_parameters(&taken.parameters).unwrap();
            let (old, old_value) = outputs(&before, &[0.3, -0.7]);
            let (new, new_value) = outputs(&after, &[-0.7, 99.0, 0.3]);
            assert!((old_value - new_value).abs() < 1e-6);
            for (new, old) in [(0, 1), (2, 0), (3, 3), (5, 2)].map(|(now, was)| (new[now], old[was])) {
                assert!((new - old).abs() < 1e-6, "{new} {old}");
            }
            let [deviations, deviations_before] =
                [&after, &before].map(|one| one.parameters()[one.layout().log_std()].to_vec());
            assert_eq!(deviations, [deviations_before[1], own_deviation, deviations_before[0]]);
        }
    }

    /// The policy acts as before on the first step of an episode, of which nothing earlier is known.
    #[test]
    fn other_encoders_keep_what_has_the_same_name() {
        let mut spec = spec(&["x", "y"], &["a"], &["no", "yes"]);
        let board = ObservationField { name: "board".to_owned(), block: board(3), ..spec.observation[0].clone() };
        spec.observation.push(board);
        let config = |encoders: &[(&str, Encoder)]| NetworkConfig {
            encoders: encoders.iter().map(|(field, encoder)| ((*field).to_owned(), encoder.clone())).collect(),
            hidden: vec![5],
            ..NetworkConfig::default()
        };
        let convolve = |channels| ("board", Encoder::Convolve(vec![channels]));
        let stack = |steps| ("ball", Encoder::Stack(steps));
        let row: Vec<f32> = (0..11).map(|column| column as f32 / 5.0 - 1.0).collect();
        let taken = |was: &[(&str, Encoder)], now: &[(&str, Encoder)]| {
            let before = network_of(&spec, &config(was), 1);
            let mut after = network_of(&spec, &config(now), 2);
            let (layout, parameters) = (after.layout().clone(), after.parameters().to_vec());
            let start = WarmStart { spec: &spec, layout: &layout, parameters: &parameters, normalizer: None };
            let taken = warm_start(&policy(spec.clone(), &before, None), start).unwrap();
            after.set_parameters(&taken.parameters).unwrap();
            (outputs(&before, &row), outputs(&after, &row), taken.differences)
        };
        for (was, now, differences) in [
            (vec![convolve(4)], vec![convolve(4), stack(3)], vec!["encoder `ball: Stack(3) over 2 values` is new"]),
            (vec![convolve(4), stack(2)], vec![convolve(4)], vec!["encoder `ball: Stack(2) over 2 values` is gone"]),
        ] {
            let ((before, value_before), (after, value), said) = taken(&was, &now);
            let error =
                before.iter().zip(&after).fold((value - value_before).abs(), |error, (a, b)| error.max((a - b).abs()));
            assert!(error < 1e-6, "{error}");
            assert_eq!(said, differences);
        }
        let was = network_of(&spec, &config(&[]), 1);
        let now = NetworkConfig { observe_last_action: true, ..config(&[]) };
        let mut now = network_of(&spec, &now, 2);
        let (layout, parameters) = (now.layout().clone(), now.parameters().to_vec());
        let start = WarmStart { spec: &spec, layout: &layout, parameters: &parameters, normalizer: None };
        now.set_parameters(&warm_start(&policy(spec.clone(), &was, None), start).unwrap().parameters).unwrap();
        let ((was, value_before), (now, value)) = (outputs(&was, &row), outputs(&now, &row));
        let error = was.iter().zip(&now).fold((value - value_before).abs(), |error, (a, b)| error.max((a - b).abs()));
        assert!(error < 1e-6, "{error}");

        let (.., said) = taken(&[convolve(4)], &[convolve(6)]);
        let expected = ["`board: Convolve([6]) over 3×3×1` is new", "`board: Convolve([4]) over 3×3×1` is gone"];
        assert_eq!(said, expected.map(|difference| format!("encoder {difference}")));
    }

    /// The critic learns to read new observations; the policy never sees them. A shipped policy has no critic.
    #[test]
    fn observations_for_the_critic_are_taken_over_by_name() {
        let was = spec(&["x", "y"], &["a"], &["no", "yes"]);
        let secret = |name: &str| ObservationField {
            name: name.to_owned(),
            block: Block::values([""]),
            is_critic: true,
            ..was.observation[0].clone()
        };
        let mut now = was.clone();
        now.observation.insert(0, secret("wind"));
        let mut other = was.clone();
        other.observation.extend([secret("load"), secret("wind")]);
        let taken = |was: &PolicyFile, spec: &AgentSpec| {
            let mut after = network(spec, false, 2);
            let start = WarmStart { spec, layout: after.layout(), parameters: after.parameters(), normalizer: None };
            let taken = warm_start(was, start).unwrap();
            after.set_parameters(&taken.parameters).unwrap();
            (after, taken.differences)
        };
        let before = network(&was, false, 1);
        let (outputs_before, value_before) = outputs(&before, &[0.3, -0.7]);
        let (after, said) = taken(&policy(was, &before, None), &now);
        assert_eq!(said, ["observation `wind` is new"]);
        let (outputs_after, value) = outputs(&after, &[9.0, 0.3, -0.7]);
        assert!((value - value_before).abs() < 1e-6, "it does not read `wind` yet");
        let close = |one: &[f32], other: &[f32]| one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&outputs_before, &outputs_after));

        let trained = network(&now, false, 3);
        let (outputs_before, value_before) = outputs(&trained, &[0.5, 0.3, -0.7]);
        let file = policy(now, &trained, None);
        let (after, said) = taken(&file, &other);
        assert_eq!(said, ["observation `load` is new"]);
        let (outputs_after, value) = outputs(&after, &[0.3, -0.7, 9.0, 0.5]);
        assert!((value - value_before).abs() < 1e-6 && close(&outputs_before, &outputs_after));
        let (after, _) = taken(&file.shipped().unwrap(), &other);
        let (outputs_after, value) = outputs(&after, &[0.3, -0.7, 9.0, 0.5]);
        assert!(close(&outputs_before, &outputs_after));
        assert!((value - value_before).abs() > 1e-3, "the critic is new");
    }

    fn board(side: usize) -> Block {
        Block::Grid(ludus_spec::GridShape { height: side, width: side, channels: 1 })
    }

    #[test]
    fn statistics_go_with_their_columns() {
        let was = spec(&["x", "y"], &["a"], &["no", "yes"]);
        let now = spec(&["y", "z"], &["a"], &["no", "yes"]);
        let normalizer = Normalizer::from_parts(vec![1.0, 2.0], vec![3.0, 4.0], 1e6, 10.0).unwrap();
        let (before, after) = (network(&was, false, 1), network(&now, false, 2));
        let own = Normalizer::new(2, 10.0);
        let start =
            WarmStart { spec: &now, layout: after.layout(), parameters: after.parameters(), normalizer: Some(&own) };
        let taken = warm_start(&policy(was, &before, Some(normalizer)), start).unwrap();
        let expected = Normalizer::from_parts(vec![2.0, 0.0], vec![4.0, 1.0], GUESS_COUNT, 10.0).unwrap();
        assert_eq!(taken.normalizer, Some(expected));
        assert_eq!(taken.differences, ["observation `ball.z` is new", "observation `ball.x` is gone"]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_remedy() {
        let was = spec(&["x"], &["a"], &["no", "yes"]);
        let (before, shared) = (network(&was, false, 1), network(&was, true, 2));
        let own = Normalizer::new(1, 10.0);
        let check = |to: &Network, normalizer: Option<&Normalizer>, expected: &str| {
            let start = WarmStart { spec: &was, layout: to.layout(), parameters: to.parameters(), normalizer };
            let error = warm_start(&policy(was.clone(), &before, None), start).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        let of_config = "the config's (hidden: [5, 4], activation: Tanh, layer_norm: true, shared: true)";
        check(&shared, None, &format!("shared: false), {of_config}"));
        check(&before, Some(&own), "normalize_observations: false");
    }
}

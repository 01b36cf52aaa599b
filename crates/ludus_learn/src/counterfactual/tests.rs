//! Baselines of small teams.

use std::sync::Arc;

use ludus_net::{Activation, Encoder};
use ludus_spec::Outcome::{Running, Terminated};
use ludus_spec::{
    ActionField, ActionKind, Block, ObservationField, ObservationKind, RewardTerm, TEAM_VIEW, stopped_clock,
};
use rayon::ThreadPoolBuilder;

use super::*;
use crate::{Discount, RolloutShape};

/// Agents that observe one number and make one of two choices, and whose critic sees one other member.
pub(super) fn spec() -> AgentSpec {
    let text = String::new;
    let seen = ObservationField {
        name: "seen".to_owned(),
        doc: text(),
        block: Block::values([""]),
        range: None,
        kind: ObservationKind::Number,
        is_critic: false,
    };
    let parts = vec!["stay".to_owned(), "go".to_owned()];
    let choice = ActionField { name: text(), doc: text(), parts, kind: ActionKind::Discrete };
    let reward = vec![RewardTerm { name: "won".to_owned(), doc: text(), is_team: true }];
    AgentSpec { observation: vec![seen], action: vec![choice], reward, ..AgentSpec::default() }
}

fn machine() -> Machine {
    Machine { pool: Arc::new(ThreadPoolBuilder::new().num_threads(1).build().unwrap()), clock: stopped_clock }
}

fn baseline(hidden: &[usize], pool: usize, value_heads: usize) -> CounterfactualBaseline {
    let network = NetworkConfig {
        encoders: [(TEAM_VIEW.to_owned(), Encoder::Pool(pool))].into(),
        hidden: hidden.to_vec(),
        activation: if hidden.is_empty() { Activation::Relu } else { Activation::Tanh },
        ..NetworkConfig::default()
    };
    let spec = spec().with_team_view(1);
    let setup = BaselineSetup { spec: &spec, network: &network, value_heads, normalize: false, seed: Seed::new(1) };
    CounterfactualBaseline::new(&setup, &machine()).unwrap()
}

/// Two steps of a team of two. They observe 4 and 8, then 0 and 4. The first goes and the second stays, then both go. They
/// are given 1 each, then 2 each. The critic estimates 0 for everything.
fn rollout(value_heads: usize) -> Rollout {
    let shape = RolloutShape { steps: 2, rows: vec![2], observation_width: 3, action_width: 1, ..Default::default() };
    let mut rollout = Rollout::new(RolloutShape { has_teams: true, value_heads, ..shape });
    let slab = rollout.slabs_mut().next().unwrap();
    slab.outcomes[..4].copy_from_slice(&[Running, Running, Terminated, Terminated]);
    slab.observations[..12].copy_from_slice(&[4.0, 8.0, 1.0, 8.0, 4.0, 1.0, 0.0, 4.0, 1.0, 4.0, 0.0, 1.0]);
    slab.actions[..4].copy_from_slice(&[1.0, 0.0, 1.0, 1.0]);
    slab.rewards[..4].copy_from_slice(&[1.0, 1.0, 2.0, 2.0]);
    rollout.estimate_advantages(&vec![Discount { gamma: 0.5, lambda: 1.0 }.into(); value_heads]);
    rollout
}

/// Sets a tensor of the network.
fn set(baseline: &mut CounterfactualBaseline, name: &str, numbers: &[f32]) {
    let network = &mut baseline.learned.network;
    let layout = network.layout().clone();
    let tensor = layout.tensors().find(|tensor| tensor.name == name).unwrap();
    assert_eq!(tensor.element_count(), numbers.len(), "{name}");
    network.update(|parameters| {
        numbers.iter().enumerate().for_each(|(element, number)| parameters[tensor.position(element)] = *number);
    });
}

/// Worked by hand. γ = 0.5, λ = 1.
#[test]
fn the_advantage_of_each_of_two_members_is_the_return_less_what_the_other_does() {
    let (mut baseline, mut rollout) = (baseline(&[], 1, 1), rollout(1));
    assert_eq!(rollout.samples().returns[..4], [2.0, 2.0, 2.0, 2.0], "1 + 0.5·2, and 2");
    baseline.learned.network.update(|parameters| parameters.fill(0.0));
    // Q = own / 4, and 1 if the other member goes: the pool has 2 in its mean and in its maximum then.
    set(&mut baseline, "encoder.team.embedding.weight", &[0.0, 0.0, 2.0]);
    set(&mut baseline, "critic.0.weight", &[0.25, 0.25, 0.25, 0.0]);
    baseline.estimate(&mut rollout, &machine());
    // The first: 4 / 4, and the second stays; then 0, and the second goes. The second: 8 / 4 + 1; then 4 / 4 + 1.
    assert_eq!(baseline.values[..4], [1.0, 3.0, 1.0, 2.0]);
    assert_eq!(rollout.samples().policy_advantages[..4], [1.0, -1.0, 1.0, 0.0]);
    assert_eq!(rollout.samples().returns[..4], [2.0; 4], "the targets of the critic are the same");
}

#[test]
fn a_baseline_depends_on_the_actions_of_others_alone() {
    let (mut baseline, mut rollout) = (baseline(&[8], 4, 1), rollout(1));
    let values = |baseline: &mut CounterfactualBaseline, rollout: &mut Rollout| {
        baseline.estimate(rollout, &machine());
        baseline.values.clone()
    };
    let before = values(&mut baseline, &mut rollout);
    rollout.slabs_mut().next().unwrap().actions[0] = 0.0;
    let after = values(&mut baseline, &mut rollout);
    assert_eq!(before[0].to_bits(), after[0].to_bits(), "its own action has changed");
    assert_ne!(before[1], after[1], "that of the other member has changed");
}

/// Compares every derivative with a finite difference of the loss, for one value and for two.
#[test]
fn a_shard_s_gradient_is_that_of_its_losses() {
    for value_heads in [1, 2] {
        let (mut baseline, mut rollout) = (baseline(&[5], 4, value_heads), rollout(value_heads));
        let scatter = |(index, p): (usize, &mut f32)| *p += Seed::new(2).derive(index as u64).uniform() - 0.5;
        baseline.learned.network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
        baseline.estimate(&mut rollout, &machine());
        let samples = [2, 0, 3];
        let compute = |learned: &LearnedNetwork| {
            let gradient = vec![0.0; learned.network.parameters().len()];
            let mut shard = Shard { gradient, losses: 0.0, units: 0..samples.len(), errors: Vec::new() };
            let targets = rollout.samples().returns;
            let batch = BaselineSamples { rows: &baseline.rows, learned, targets, samples: &samples };
            BaselineWorker::new(baseline.scratch.clone()).compute_gradient(batch, &mut shard);
            shard
        };
        let loss_at = |parameter: usize, change: f32| {
            let mut network = baseline.learned.network.clone();
            network.update(|parameters| parameters[parameter] += change);
            compute(&LearnedNetwork::new(network, None).unwrap()).losses / samples.len() as f32
        };
        let gradient = compute(&baseline.learned).gradient;
        assert!(gradient.iter().filter(|derivative| derivative.abs() > 1e-3).count() > 10);
        for tensor in baseline.learned.network.layout().tensors() {
            for parameter in (0..tensor.element_count()).map(|element| tensor.position(element)) {
                let difference = (loss_at(parameter, 1e-3) - loss_at(parameter, -1e-3)) / 2e-3;
                let error = (gradient[parameter] - difference).abs();
                assert!(
                    error < 1e-2 * (1.0 + difference.abs()),
                    "{}: {} against {difference}",
                    tensor.name,
                    gradient[parameter]
                );
            }
        }
    }
}

#[test]
fn a_baseline_learns_the_returns() {
    let (mut baseline, rollout, machine) = (baseline(&[8], 4, 1), rollout(1), machine());
    baseline.rows.gather(&rollout);
    let size = StepSize { learning_rate: 0.01, max_grad_norm: 0.5 };
    let mut losses = Vec::new();
    for _ in 0..300 {
        baseline.begin_update();
        baseline.learn_minibatch(&rollout, &[0, 1, 2, 3], &machine, size).unwrap();
        losses.push(baseline.metric().value);
    }
    assert!(losses[0] > 0.1 && losses[299] < 1e-3, "{} and {}", losses[0], losses[299]);
}

//! The gradients of critics and policy agree with finite differences of their losses.

use std::sync::Arc;

use ludus_net::{Layout, Network, NetworkConfig};
use ludus_spec::{Head, Outcome, Seed, stopped_clock};

use super::actor_update::ActorUpdate;
use super::critics::{Critics, SacContext};
use super::*;

const ROWS: usize = 3;
const STEPS: usize = 16;

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

/// SAC whose replay is full of random experience; every seventh step is terminated, and what follows it is no number.
fn sac(heads: &[Head], has_masks: bool) -> Sac {
    let network = NetworkConfig { hidden: vec![7, 5], squashed: true, ..NetworkConfig::default() };
    let mut network = Network::new(Layout::new(2, heads, &network).unwrap(), Seed::new(1));
    shake(&mut network, 2);
    let choices: usize = heads.iter().map(|head| head.mask_width()).sum();
    let lane = LaneShape {
        rows: ROWS,
        observation_width: 2,
        action_width: heads.iter().map(|head| head.action_width()).sum(),
        mask_width: if has_masks { choices } else { 0 },
        ..LaneShape::default()
    };
    let config = SacConfig {
        rollout_steps: STEPS,
        minibatch: 40,
        learning_starts: 1,
        gamma: 0.5,
        temperature: Temperature::Fixed(0.3),
        choice_temperature: Temperature::Fixed(0.2),
        ..SacConfig::default()
    };
    let machine = Machine {
        pool: Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()),
        clock: stopped_clock,
    };
    let mut sac = Sac::new(config, network, None, machine, &[lane], Seed::new(3)).unwrap();
    (0..2).for_each(|critic| shake(&mut sac.learner.critics.networks[critic], 4 + critic as u64));
    fill(&mut sac.rollout, heads);
    sac.remember().unwrap();
    sac.sample(Seed::new(6));
    sac
}

fn shake(network: &mut Network, stream: u64) {
    let shift = |(index, number): (usize, &mut f32)| *number += 0.6 * (uniform(stream, index) - 0.5);
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
}

fn fill(rollout: &mut Rollout, heads: &[Head]) {
    let slab = rollout.slabs_mut().next().unwrap();
    for (index, observation) in slab.observations.iter_mut().enumerate() {
        *observation = 2.0 * uniform(10, index) - 1.0;
    }
    for sample in 0..STEPS * ROWS {
        let mut column = 0;
        let width = slab.actions.len() / (STEPS + 1) / ROWS;
        for (index, head) in heads.iter().enumerate() {
            for place in 0..head.action_width() {
                let draw = uniform(11 + index as u64, sample * 10 + place);
                slab.actions[sample * width + column] = match head {
                    Head::Categorical { choices } => (draw * *choices as f32).floor(),
                    _ => 2.0 * draw - 1.0,
                };
                column += 1;
            }
        }
        slab.rewards[sample] = uniform(20, sample);
        slab.outcomes[sample] = if sample % 7 == 3 { Outcome::Terminated } else { Outcome::Running };
    }
    // One choice of each head in three stays allowed at least: the first.
    let per_row = slab.masks.len() / (STEPS + 1) / ROWS;
    for (index, mask) in slab.masks.iter_mut().enumerate() {
        *mask = index % per_row == 0 || index % per_row == 3 || uniform(21, index) < 0.6;
    }
}

fn samples(sac: &Sac) -> ReplaySamples<'_> {
    ReplaySamples { replay: &sac.replay, transitions: &sac.minibatch.transitions }
}

fn context<'a>(sac: &'a Sac, samples: &'a ReplaySamples<'a>) -> SacContext<'a> {
    SacContext { actor: &sac.learner.actor, samples, temperatures: sac.learner.temperatures(), seed: Seed::new(7) }
}

/// Compares derivatives with differences of the loss, for some parameters of each tensor.
fn check(what: &str, layout: &Layout, gradient: &[f32], mut loss: impl FnMut(usize, f32) -> f32) {
    let step = 4e-3;
    for tensor in layout.tensors() {
        for element in (0..tensor.element_count()).step_by(3) {
            let position = tensor.position(element);
            let expected = (loss(position, step) - loss(position, -step)) / (2.0 * step);
            let error = (gradient[position] - expected).abs();
            assert!(error < 3e-3, "{what}, {}: {} instead of {expected}", tensor.name, gradient[position]);
        }
    }
}

const NUMBERS: &[Head] = &[Head::SquashedGaussian { width: 2 }];
const CHOICES: &[Head] = &[Head::Categorical { choices: 3 }, Head::Categorical { choices: 2 }];
const BOTH: &[Head] =
    &[Head::SquashedGaussian { width: 1 }, Head::Categorical { choices: 3 }, Head::SquashedGaussian { width: 2 }];

#[test]
fn gradients_of_critics_are_those_of_finite_differences() {
    for (heads, has_masks) in [(NUMBERS, false), (CHOICES, true), (BOTH, false), (BOTH, true)] {
        let mut sac = sac(heads, has_masks);
        let machine = sac.machine().clone();
        let compute = |sac: &mut Sac| {
            let others = Critics::new(sac.learner.critics.networks.clone(), &sac.learner.actor, &machine);
            let mut critics = std::mem::replace(&mut sac.learner.critics, others);
            let losses = critics.compute(context(sac, &samples(sac)), &machine).unwrap();
            sac.learner.critics = critics;
            losses.critic_loss
        };
        compute(&mut sac);
        let layout = sac.learner.critics.networks[0].layout().clone();
        let gradient = sac.learner.critics.gradient().to_vec();
        for critic in 0..2 {
            // The loss is the mean of both critics'.
            let own: Vec<f32> = gradient.chunks_exact(gradient.len() / 2).nth(critic).unwrap().to_vec();
            let own: Vec<f32> = own.iter().map(|derivative| 0.5 * derivative).collect();
            check(&format!("critic {critic} of {heads:?}"), &layout, &own, |position, change| {
                sac.learner.critics.networks[critic].update(|parameters| parameters[position] += change);
                let loss = compute(&mut sac);
                sac.learner.critics.networks[critic].update(|parameters| parameters[position] -= change);
                loss
            });
        }
    }
}

#[test]
fn gradients_of_the_policy_are_those_of_finite_differences() {
    for (heads, has_masks) in [(NUMBERS, false), (CHOICES, true), (BOTH, false), (BOTH, true)] {
        let mut sac = sac(heads, has_masks);
        let machine = sac.machine().clone();
        let mut update = ActorUpdate::new(&sac.learner.actor, &sac.learner.critics, &machine);
        update.compute(context(&sac, &samples(&sac)), &sac.learner.critics, &machine).unwrap();
        let gradient = update.gradient().to_vec();
        let layout = sac.learner.actor.learned.network.layout().clone();
        check(&format!("policy of {heads:?}"), &layout, &gradient, |position, change| {
            sac.learner.actor.learned.network.update(|parameters| parameters[position] += change);
            let losses = update.compute(context(&sac, &samples(&sac)), &sac.learner.critics, &machine).unwrap();
            sac.learner.actor.learned.network.update(|parameters| parameters[position] -= change);
            losses.actor_loss
        });
    }
}

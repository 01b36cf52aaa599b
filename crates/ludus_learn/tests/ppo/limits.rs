//! Conditions that stop an update or a run.

use ludus_learn::{LaneShape, LearnError, Ppo, PpoConfig, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Head, Outcome, Seed};

use crate::cart_pole::{CartPoles, WIDTH};
use crate::{cart_pole_ppo, cart_poles, learner, parameter_bits, small};

#[test]
fn an_update_ends_when_the_policy_has_moved_far_enough() {
    let minibatches = |target_kl| {
        let config = PpoConfig { target_kl, epochs: 8, ..small() };
        let mut worlds = cart_poles(&[64]);
        let mut ppo = cart_pole_ppo(&config, &worlds, 1);
        let iteration = ppo.iterate(&mut worlds, 0.0).unwrap();
        assert_eq!(iteration.reached_target_kl, iteration.minibatches < 8 * config.minibatches(iteration.experience));
        iteration.minibatches
    };
    let all = minibatches(None);
    assert_eq!(minibatches(Some(1e3)), all);
    // In the first minibatch, the policy is still the one that collected the rollout, so its divergence is 0.
    assert_eq!(minibatches(Some(1e-9)), 2);
}

#[test]
fn before_its_first_step_the_policy_is_the_one_that_played() {
    let config = PpoConfig { epochs: 1, minibatch: 10_000, ..small() };
    let mut worlds = cart_poles(&[40]);
    let losses = cart_pole_ppo(&config, &worlds, 1).iterate(&mut worlds, 0.0).unwrap().losses;
    assert_eq!((losses.clip_fraction, losses.policy.abs() < 1e-6), (0.0, true));
    assert!(losses.approx_kl.abs() < 1e-6 && losses.old_approx_kl.abs() < 1e-6, "{losses:?}");
    assert!((losses.entropy - 2.0_f32.ln()).abs() < 1e-3, "{losses:?}");
}

/// Cart-poles whose rewards are not finite from some step on.
struct Endless {
    inner: CartPoles,
    steps: usize,
}

impl Simulation for Endless {
    fn lane(&self, lane: usize) -> LaneShape {
        self.inner.lane(lane)
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        self.inner.observe(lane, now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.steps += 1;
        self.inner.advance(lanes.lane(0));
        let StepRows { rewards, outcomes, .. } = lanes.lane(0);
        if self.steps > 20 {
            outcomes[0] = Outcome::Running;
            rewards[0] = f32::INFINITY;
        }
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_before_the_parameters_change() {
    let config = PpoConfig { minibatch: 10_000, scale_rewards: false, ..small() };
    let mut worlds: Vec<Endless> = cart_poles(&[20]).into_iter().map(|inner| Endless { inner, steps: 0 }).collect();
    let mut ppo = cart_pole_ppo(&config, &worlds, 1);
    ppo.iterate(&mut worlds, 0.0).unwrap();
    let (bits, state) = (parameter_bits(&ppo), ppo.state());
    let error = ppo.iterate(&mut worlds, 0.0).unwrap_err();
    assert!(matches!(error, LearnError::NotFinite { .. }), "{error}");
    assert!(error.to_string().contains("learning_rate"), "{error}");
    assert_eq!(parameter_bits(&ppo), bits);
    assert_eq!(ppo.state(), state);
}

#[test]
fn simulations_must_be_those_that_the_rollout_was_made_for() {
    let worlds = cart_poles(&[4, 5]);
    let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
    let mut check = |sizes: &[u64], simulation, was, now| {
        let error = ppo.iterate(&mut cart_poles(sizes), 0.0).unwrap_err();
        assert_eq!(error, LearnError::Rows { simulation, was, now });
    };
    check(&[4, 6], 1, 5, 6);
    check(&[4], 1, 5, 0);
    check(&[4, 5, 1], 2, 0, 1);
}

fn of_cart_poles(rows: usize) -> LaneShape {
    LaneShape { rows, observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
}

#[test]
fn samples_that_no_index_tells_apart_are_refused() {
    let check = |rows: Vec<usize>, samples| {
        let learner = learner(WIDTH, &[Head::Categorical { choices: 2 }], &small(), 1);
        let config = PpoConfig { rollout_steps: 15, ..small() };
        let lanes: Vec<LaneShape> = rows.into_iter().map(of_cart_poles).collect();
        let error = Ppo::new(config, learner, &lanes, Seed::new(12)).unwrap_err();
        assert_eq!(error, LearnError::TooManySamples { samples });
        assert!(error.to_string().contains("4294967295 at most; train with fewer agents"), "{error}");
    };
    // 15 steps and the one after them, times 2²⁸ rows: 2³² samples.
    check(vec![1 << 27, 1 << 27], 1 << 32);
    check(vec![usize::MAX, 1], usize::MAX);
}

/// A single advantage less its own mean is 0, so nothing would ever be learned.
#[test]
fn a_rollout_of_a_single_sample_is_refused() {
    let ppo = |rows: Vec<usize>, rollout_steps, normalize_advantages| {
        let learner = learner(WIDTH, &[Head::Categorical { choices: 2 }], &small(), 1);
        let config = PpoConfig { rollout_steps, normalize_advantages, ..small() };
        let lanes: Vec<LaneShape> = rows.into_iter().map(of_cart_poles).collect();
        Ppo::new(config, learner, &lanes, Seed::new(12)).map(drop)
    };
    let error = ppo(vec![1], 1, true).unwrap_err();
    assert_eq!(error, LearnError::SingleSample);
    assert!(error.to_string().contains("higher `rollout_steps`"), "{error}");
    assert_eq!((ppo(vec![1], 2, true), ppo(vec![1, 1], 1, true), ppo(vec![1], 1, false)), (Ok(()), Ok(()), Ok(())));
}

/// Two steps, the first of which is a restart: a minibatch has one sample, not the two of the config.
#[test]
fn a_minibatch_of_a_single_sample_moves_the_policy() {
    let config = PpoConfig { rollout_steps: 2, minibatch: 2, epochs: 1, entropy: 0.0.into(), ..small() };
    let mut worlds = cart_poles(&[1]);
    let mut ppo = cart_pole_ppo(&config, &worlds, 1);
    let actor = |ppo: &Ppo<ludus_learn::NativeLearner>| {
        let network = ppo.learner().network();
        let head = network.layout().tensors().find(|tensor| tensor.name == "actor.1.weight").unwrap();
        (0..head.element_count()).map(|element| network.parameters()[head.position(element)]).collect::<Vec<_>>()
    };
    let before = actor(&ppo);
    let iteration = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!((iteration.experience, iteration.minibatches), (1, 1));
    assert_ne!(actor(&ppo), before);
}

//! Streams with discounts of their own, worked by hand.

use ludus_learn::{
    Algorithm, CuriosityConfig, Discount, LaneShape, LearnError, NativeLearner, Ppo, PpoConfig, RewardSource,
    RewardStream, Rollout, Schedule, SensedRows, Simulation, StepLanes, TermRewards,
};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_spec::Outcome::{self, Restart, Running, Terminated};
use ludus_spec::{Head, Seed};

use crate::{lanes, machine, parameter_bits};

const OUTCOMES: [Outcome; 6] = [Restart, Running, Terminated, Restart, Running, Running];

/// One row with these outcomes, and a reward of 1 in every step, restarts included.
struct Played(usize);

impl Simulation for Played {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: 1, observation_width: 1, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(1.0);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        rows.rewards.fill(1.0);
        rows.outcomes.fill(OUTCOMES[self.0 % OUTCOMES.len()]);
        rows.next.observations.fill(1.0);
        self.0 += 1;
    }
}

/// The same reward in every step of an episode.
#[derive(Debug)]
struct Constant(f32);

impl RewardSource for Constant {
    fn reward(&mut self, rollout: &Rollout, rewards: &mut [f32]) -> Result<(), LearnError> {
        for (reward, outcome) in rewards.iter_mut().zip(rollout.samples().outcomes) {
            *reward = if outcome.is_experience() { self.0 } else { 0.0 };
        }
        Ok(())
    }
}

fn stream(name: &str, gamma: f32, weight: f32, reward: f32) -> RewardStream {
    RewardStream {
        name: name.to_owned(),
        discount: Discount { gamma, lambda: 1.0 },
        weight: Schedule::Constant(weight),
        episodic: true,
        scaled: false,
        source: Box::new(Constant(reward)),
    }
}

fn config() -> PpoConfig {
    PpoConfig {
        rollout_steps: OUTCOMES.len(),
        epochs: 1,
        gamma: 0.5,
        gae_lambda: 1.0,
        normalize_observations: false,
        ..PpoConfig::default()
    }
}

/// PPO whose critic estimates 0 for everything.
fn ppo(heads: usize) -> Ppo<NativeLearner> {
    Ppo::new(config(), learner(heads), &lanes(&[Played(0)]), Seed::new(2)).unwrap()
}

fn learner(heads: usize) -> NativeLearner {
    let layout = Layout::new(1, &[Head::Categorical { choices: 2 }], &NetworkConfig::default()).unwrap();
    let mut network = Network::new(layout, Seed::new(1)).with_value_heads(heads, Seed::new(1)).unwrap();
    network.update(|parameters| parameters.fill(0.0));
    NativeLearner::new(network, None, machine(1)).unwrap()
}

#[test]
fn streams_with_different_discounts_add_up_by_their_weights() {
    let lasting = RewardStream { episodic: false, ..stream("lasting", 0.5, 0.1, 4.0) };
    let mut ppo = ppo(3).with_streams(vec![stream("near", 0.25, 0.5, 2.0), lasting]).unwrap();
    let iteration = ppo.iterate(&mut [Played(0)], 0.0).unwrap();
    let samples = ppo.rollout().samples();
    let of_head = |head: usize| -> Vec<f32> { samples.advantages.iter().skip(head).step_by(3).copied().collect() };
    // The values are 0, so advantages are discounted sums of rewards. γ = 0.5, r = 1; the episode ends in step 2:
    assert_eq!(of_head(0)[..6], [0.0, 1.0 + 0.5, 1.0, 0.0, 1.0 + 0.5, 1.0]);
    // γ = 0.25, r = 2:
    assert_eq!(of_head(1)[..6], [0.0, 2.0 + 0.5, 2.0, 0.0, 2.0 + 0.5, 2.0]);
    // γ = 0.5, r = 4, and the return of step 2 goes on in step 4, behind the restart: 4 + 0.5·6 = 7, 4 + 0.5·7 = 7.5.
    assert_eq!(of_head(2)[..6], [0.0, 7.5, 7.0, 0.0, 4.0 + 2.0, 4.0]);
    // 1·A + 0.5·A + 0.1·A
    let expected = [0.0, 1.5 + 1.25 + 0.75, 1.0 + 1.0 + 0.7, 0.0, 1.5 + 1.25 + 0.6, 1.0 + 1.0 + 0.4];
    for (found, expected) in samples.policy_advantages.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
    // Half the squares of the returns, over three values and four samples.
    let squares = (2.25 + 1.0 + 2.25 + 1.0) + (6.25 + 4.0 + 6.25 + 4.0) + (56.25 + 49.0 + 36.0 + 16.0);
    assert!((iteration.losses.value - 0.5 * squares / 12.0).abs() < 1e-5, "{}", iteration.losses.value);
}

#[test]
fn every_stream_has_a_column_in_the_metrics() {
    let mut ppo = ppo(2).with_streams(vec![stream("near", 0.25, 0.5, 2.0)]).unwrap();
    ppo.iterate(&mut [Played(0)], 0.0).unwrap();
    let report = ppo.learn(0.0).unwrap();
    assert_eq!(report.metric("charts/near_return"), Some((2.5 + 2.0 + 2.5 + 2.0) / 4.0));
    let names: Vec<&str> = report.metrics.iter().map(|metric| metric.info.name).collect();
    assert_eq!(names, ppo.metrics().iter().map(|info| info.name).collect::<Vec<_>>());
}

/// A weight on a schedule.
#[test]
fn a_stream_s_weight_depends_on_the_progress() {
    let fading = RewardStream { weight: Schedule::Linear { from: 1.0, to: 0.0 }, ..stream("near", 0.25, 1.0, 2.0) };
    let mut ppo = ppo(2).with_streams(vec![fading]).unwrap();
    for (progress, expected) in [(0.0, 1.0 + 2.0), (0.5, 1.0 + 1.0), (1.0, 1.0)] {
        ppo.iterate(&mut [Played(0)], progress).unwrap();
        let samples = ppo.rollout().samples();
        let values = &samples.values[10..12];
        let (own, near) = (samples.advantages[10], samples.advantages[11]);
        assert!((samples.policy_advantages[5] - own - (1.0 - progress) * near).abs() < 1e-6);
        let plain = samples.policy_advantages[5] + values[0] + (1.0 - progress) * values[1];
        let bootstrapped = plain - 0.5 * samples.values[12] - (1.0 - progress) * 0.25 * samples.values[13];
        assert!((bootstrapped - expected).abs() < 1e-5, "{bootstrapped} instead of {expected}");
    }
}

#[test]
fn no_streams_change_nothing() {
    let trained = |mut ppo: Ppo<NativeLearner>| {
        ppo.iterate(&mut [Played(0)], 0.0).unwrap();
        (parameter_bits(&ppo), ppo.save())
    };
    assert_eq!(trained(ppo(1)), trained(ppo(1).with_streams(Vec::new()).unwrap()));
}

/// The second stream of the simulation's own rewards: γ = 0.25, worked by hand.
#[test]
fn a_simulation_may_write_several_streams() {
    struct TwoStreams(Played);
    impl Simulation for TwoStreams {
        fn lane(&self, lane: usize) -> LaneShape {
            LaneShape { reward_streams: 2, ..self.0.lane(lane) }
        }

        fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
            self.0.observe(lane, now);
        }

        fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
            lanes.lane(0).stream_rewards.copy_from_slice(&[5.0, 2.0]);
            self.0.step(lanes);
        }
    }
    let terms = |column| RewardStream { source: Box::new(TermRewards { column }), ..stream("near", 0.25, 0.5, 0.0) };
    let lanes = lanes(&[TwoStreams(Played(0))]);
    let mut two = Ppo::new(config(), learner(2), &lanes, Seed::new(2)).unwrap().with_streams(vec![terms(1)]).unwrap();
    two.iterate(&mut [TwoStreams(Played(0))], 0.0).unwrap();
    let samples = two.rollout().samples();
    let found: Vec<f32> = samples.advantages.iter().skip(1).step_by(2).copied().collect();
    assert_eq!(found[..6], [0.0, 2.5, 2.0, 0.0, 2.5, 2.0]);
    assert_eq!(samples.rewards[1..3], [1.0, 1.0]);

    let mut none = ppo(2).with_streams(vec![terms(1)]).unwrap();
    let error = none.iterate(&mut [Played(0)], 0.0).unwrap_err();
    assert_eq!(error, LearnError::NoStream { column: 1, columns: 0 });
}

#[test]
fn settings_with_streams_that_were_not_added_are_refused() {
    let config = PpoConfig { curiosity: Some(CuriosityConfig::default()), ..config() };
    let mut ppo = Ppo::new(config, learner(1), &lanes(&[Played(0)]), Seed::new(2)).unwrap();
    assert_eq!(ppo.iterate(&mut [Played(0)], 0.0).unwrap_err(), LearnError::NoStreams { streams: 1 });
}

#[test]
fn a_critic_has_a_value_for_each_stream() {
    let error = ppo(1).with_streams(vec![stream("near", 0.25, 0.5, 2.0)]).unwrap_err();
    assert_eq!(error, LearnError::ValueHeads { needed: 2, actual: 1 });
    let error = ppo(2).with_streams(Vec::new()).unwrap_err();
    assert_eq!(error, LearnError::ValueHeads { needed: 1, actual: 2 });
}

//! What is no experience leaves no trace.

use ludus_learn::{Ppo, PpoConfig, Simulation, StepRows};
use ludus_spec::{Head, Outcome, Seed};

use crate::cart_pole::{CartPoles, WIDTH};
use crate::{cart_pole_ppo, cart_poles, learner, small, trained};

/// Cart-poles, behind them some vacant rows, and now and then a faulty step; `junk` stands wherever nothing may look.
struct Junky {
    inner: CartPoles,
    vacant: usize,
    junk: f32,
    steps: usize,
}

impl Simulation for Junky {
    fn rows(&self) -> usize {
        self.inner.rows() + self.vacant
    }

    fn observe(&mut self, observations: &mut [f32]) {
        let (taken, vacant) = observations.split_at_mut(self.inner.rows() * WIDTH);
        self.inner.observe(taken);
        vacant.fill(self.junk);
    }

    fn step(&mut self, actions: &[f32], rows: StepRows<'_>) {
        self.steps += 1;
        let count = self.inner.rows();
        let StepRows { rewards, outcomes, observations } = rows;
        rewards.fill(self.junk);
        outcomes.fill(Outcome::Vacant);
        observations.fill(self.junk);
        assert!(actions.iter().all(|action| action.is_finite()));
        let rows = StepRows {
            rewards: &mut rewards[..count],
            outcomes: &mut outcomes[..count],
            observations: &mut observations[..count * WIDTH],
        };
        self.inner.step(&actions[..count], rows);
        for row in 0..count {
            if outcomes[row] == Outcome::Running && (self.steps + row).is_multiple_of(9) {
                outcomes[row] = Outcome::Faulty;
            }
            if !outcomes[row].is_experience() {
                rewards[row] = self.junk;
            }
            if outcomes[row] == Outcome::Terminated {
                observations[row * WIDTH..][..WIDTH].fill(self.junk);
            }
        }
    }
}

#[test]
fn nothing_is_learned_from_masked_rows() {
    let bits = |junk: f32| {
        let mut worlds: Vec<Junky> =
            cart_poles(&[20, 13]).into_iter().map(|inner| Junky { inner, vacant: 5, junk, steps: 0 }).collect();
        let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
        trained(&mut ppo, &mut worlds, 4)
    };
    let clean = bits(0.0);
    for junk in [1e30, f32::INFINITY, f32::NAN] {
        assert_eq!(clean, bits(junk), "{junk}");
    }
}

/// Cart-poles, one of which observes something infinite now and then and doesn't say so.
struct Blinking {
    inner: CartPoles,
    steps: usize,
}

impl Simulation for Blinking {
    fn rows(&self) -> usize {
        self.inner.rows()
    }

    fn observe(&mut self, observations: &mut [f32]) {
        self.inner.observe(observations);
    }

    fn step(&mut self, actions: &[f32], rows: StepRows<'_>) {
        self.steps += 1;
        let StepRows { rewards, outcomes, observations } = rows;
        self.inner.step(actions, StepRows { rewards, outcomes: &mut *outcomes, observations: &mut *observations });
        if self.steps == 8 {
            outcomes[0] = Outcome::Running;
            observations[1] = f32::INFINITY;
        }
        if self.steps == 9 {
            outcomes[0] = Outcome::Running;
        }
    }
}

#[test]
fn an_observation_that_is_not_finite_is_left_out() {
    let mut worlds: Vec<Blinking> = cart_poles(&[6]).into_iter().map(|inner| Blinking { inner, steps: 0 }).collect();
    let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
    let iteration = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!(iteration.faulty, 2);
    assert!(ppo.learner().network().parameters().iter().all(|parameter| parameter.is_finite()));
    assert!(ppo.iterate(&mut worlds, 0.0).unwrap().losses.value.is_finite(), "the statistics are sound");
}

/// Rows that nobody has.
struct Empty;

impl Simulation for Empty {
    fn rows(&self) -> usize {
        3
    }

    fn observe(&mut self, observations: &mut [f32]) {
        observations.fill(f32::NAN);
    }

    fn step(&mut self, actions: &[f32], rows: StepRows<'_>) {
        assert!(actions.iter().all(|action| action.is_finite()), "{actions:?}");
        rows.outcomes.fill(Outcome::Vacant);
        rows.observations.fill(f32::NAN);
    }
}

#[test]
fn an_action_is_finite_whatever_was_observed() {
    for normalize_observations in [false, true] {
        let config = PpoConfig { normalize_observations, ..small() };
        let learner = learner(WIDTH, &[Head::Gaussian { width: 2 }], &config, 1);
        let mut ppo = Ppo::new(config, learner, vec![3], Seed::new(1)).unwrap();
        ppo.iterate(&mut [Empty], 0.0).unwrap();
    }
}

#[test]
fn without_experience_nothing_changes() {
    let mut worlds = [Empty];
    let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
    let before = crate::parameter_bits(&ppo);
    let iteration = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!((iteration.experience, iteration.minibatches), (0, 0));
    assert_eq!(before, crate::parameter_bits(&ppo));
    assert!(iteration.metrics().iter().all(|(_, value)| value.is_finite()));
}

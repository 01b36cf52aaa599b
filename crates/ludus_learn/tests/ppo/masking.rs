//! Steps that are no experience have no influence.

use ludus_learn::{LaneShape, Ppo, PpoConfig, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Head, Outcome, Seed};

use crate::cart_pole::{CartPoles, WIDTH};
use crate::{cart_pole_ppo, cart_poles, lanes, learner, small, trained};

/// Cart-poles, followed by some vacant rows, with a faulty step now and then. `junk` is in every number that must not
/// be used.
struct Junky {
    inner: CartPoles,
    vacant: usize,
    junk: f32,
    steps: usize,
}

impl Simulation for Junky {
    fn lane(&self, lane: usize) -> LaneShape {
        let shape = self.inner.lane(lane);
        LaneShape { rows: shape.rows + self.vacant, ..shape }
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        let (taken, vacant) = now.observations.split_at_mut(self.inner.lane(0).rows * WIDTH);
        self.inner.observe(lane, SensedRows { observations: taken, ..now });
        vacant.fill(self.junk);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.steps += 1;
        let count = self.inner.lane(0).rows;
        let rows = lanes.lane(0);
        rows.rewards.fill(self.junk);
        rows.outcomes.fill(Outcome::Vacant);
        rows.next.observations.fill(self.junk);
        assert!(rows.actions.iter().all(|action| action.is_finite()));
        self.inner.advance(rows);
        let StepRows { rewards, outcomes, next: SensedRows { observations, .. }, .. } = lanes.lane(0);
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

/// Cart-poles, one of which has an infinite observation now and then without reporting a fault.
struct Blinking {
    inner: CartPoles,
    steps: usize,
}

impl Simulation for Blinking {
    fn lane(&self, lane: usize) -> LaneShape {
        self.inner.lane(lane)
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        self.inner.observe(lane, now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.steps += 1;
        self.inner.advance(lanes.lane(0));
        let StepRows { outcomes, next: SensedRows { observations, .. }, .. } = lanes.lane(0);
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

/// Rows that are always vacant, with actions of this width.
struct Empty(usize);

impl Simulation for Empty {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: 3, observation_width: WIDTH, action_width: self.0, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(f32::NAN);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        assert!(rows.actions.iter().all(|action| action.is_finite()), "{:?}", rows.actions);
        rows.outcomes.fill(Outcome::Vacant);
        rows.next.observations.fill(f32::NAN);
    }
}

#[test]
fn an_action_is_finite_whatever_was_observed() {
    for normalize_observations in [false, true] {
        let config = PpoConfig { normalize_observations, ..small() };
        let learner = learner(WIDTH, &[Head::Gaussian { width: 2 }], &config, 1);
        let mut ppo = Ppo::new(config, learner, &lanes(&[Empty(2)]), Seed::new(1)).unwrap();
        ppo.iterate(&mut [Empty(2)], 0.0).unwrap();
    }
}

#[test]
fn without_experience_nothing_changes() {
    let mut worlds = [Empty(1)];
    let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
    let before = crate::parameter_bits(&ppo);
    let iteration = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!((iteration.experience, iteration.minibatches), (0, 0));
    assert_eq!(before, crate::parameter_bits(&ppo));
    assert!(iteration.report().metrics.iter().all(|metric| metric.value.is_finite()));
}

//! Where a rollout's time goes: both learners say it in the same terms.

use std::sync::atomic::{AtomicU64, Ordering};

use ludus_learn::{Learner, Machine, NativeLearner, Rollout, RolloutShape, Simulation, StepRows};
use ludus_spec::{Outcome, Seed};
use ludus_torch::{Mlp, TorchLearner, TorchSettings};

use crate::cart_pole::WIDTH;
use crate::{cart_pole_network, device, machine};

const STEPS: usize = 6;

/// What a game takes for a step, and to say what it observes [ns].
const STEP: u64 = 1000;
const LOOK: u64 = 7;

/// Time passes in the game alone.
static NOW: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// A game in which nothing happens, slowly.
struct Slow;

impl Simulation for Slow {
    fn rows(&self) -> usize {
        4
    }

    fn observe(&mut self, observations: &mut [f32]) {
        NOW.fetch_add(LOOK, Ordering::Relaxed);
        observations.fill(0.0);
    }

    fn step(&mut self, _: &[f32], rows: StepRows<'_>) {
        NOW.fetch_add(STEP, Ordering::Relaxed);
        rows.rewards.fill(0.0);
        rows.outcomes.fill(Outcome::Running);
        rows.observations.fill(0.0);
    }
}

#[test]
fn the_games_time_is_the_games() {
    fn check(mut learner: impl Learner) {
        let shape =
            RolloutShape { steps: STEPS, rows: vec![4, 4], observation_width: WIDTH, action_width: 1, mask_width: 0 };
        let mut rollout = Rollout::new(shape);
        let times = learner.collect(&mut [Slow, Slow], &mut rollout, Seed::new(1)).unwrap();
        let expected = 2 * (LOOK + STEP * STEPS as u64);
        assert_eq!((times.simulate, times.total()), (expected, expected), "{times:?}");
    }
    let machine = Machine { clock: now, ..machine(1) };
    check(NativeLearner::new(cart_pole_network(1), None, machine.clone()).unwrap());
    let settings = TorchSettings { device: device(), config: ludus_learn::DeviceConfig::default(), machine };
    check(TorchLearner::new(Box::new(Mlp::new(cart_pole_network(1))), None, settings).unwrap());
}

//! The time of a rollout by phase: both learners report it in the same way.

use std::sync::atomic::{AtomicU64, Ordering};

use ludus_learn::{LaneShape, Learner, Machine, NativeLearner, SensedRows, Simulation, StepLanes};
use ludus_spec::Outcome;
use ludus_torch::{Mlp, TorchLearner, TorchSettings};

use crate::cart_pole::WIDTH;
use crate::{cart_pole_network, collect, device, machine, rollout_of};

const STEPS: usize = 6;

/// Time of a simulation's step, and of writing its observations [ns].
const STEP: u64 = 1000;
const LOOK: u64 = 7;

/// The current time, which only the simulation advances [ns].
static NOW: AtomicU64 = AtomicU64::new(0);

fn now() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// A simulation whose steps take time and do nothing.
struct Slow;

impl Simulation for Slow {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: 4, observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        NOW.fetch_add(LOOK, Ordering::Relaxed);
        now.observations.fill(0.0);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        NOW.fetch_add(STEP, Ordering::Relaxed);
        let rows = lanes.lane(0);
        rows.rewards.fill(0.0);
        rows.outcomes.fill(Outcome::Running);
        rows.next.observations.fill(0.0);
    }
}

#[test]
fn the_games_time_is_the_games() {
    fn check(mut learner: impl Learner) {
        let mut rollout = rollout_of(STEPS, &[Slow, Slow]);
        let times = collect(&mut learner, &mut [Slow, Slow], &mut rollout, 1).unwrap();
        let expected = 2 * (LOOK + STEP * STEPS as u64);
        assert_eq!((times.simulate, times.total()), (expected, expected), "{times:?}");
    }
    let machine = Machine { clock: now, ..machine(1) };
    check(NativeLearner::new(cart_pole_network(1), None, machine.clone()).unwrap());
    let settings = TorchSettings { device: device(), config: ludus_torch::DeviceConfig::default(), machine };
    check(TorchLearner::new(Box::new(Mlp::new(cart_pole_network(1))), None, settings).unwrap());
}

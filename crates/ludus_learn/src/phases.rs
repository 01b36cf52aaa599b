//! The time of an iteration, by phase.

use ludus_spec::Clock;

/// Time that an iteration spent, by phase, in nanoseconds of wall time.
///
/// Rollouts run on several threads at once. Their wall time is divided among the phases in proportion to the threads'
/// times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTimes {
    /// The network's forward passes of the rollout, and drawing actions from them.
    pub forward: u64,
    /// Moving rows: observations to where the network reads them.
    pub copy: u64,
    /// The simulations' steps.
    pub simulate: u64,
    /// Advantages and updates.
    pub learn: u64,
}

impl PhaseTimes {
    /// All phases together, in nanoseconds.
    pub const fn total(&self) -> u64 {
        self.forward + self.copy + self.simulate + self.learn
    }

    /// Adds other times, phase by phase.
    pub const fn add(&mut self, other: &Self) {
        self.forward += other.forward;
        self.copy += other.copy;
        self.simulate += other.simulate;
        self.learn += other.learn;
    }

    /// Returns times with the same proportions whose total is `wall`, in nanoseconds.
    #[must_use]
    pub fn shared_out(&self, wall: u64) -> Self {
        let factor = wall as f64 / self.total().max(1) as f64;
        let share = |time: u64| (time as f64 * factor) as u64;
        Self {
            forward: share(self.forward),
            copy: share(self.copy),
            simulate: share(self.simulate),
            learn: share(self.learn),
        }
    }
}

/// Divides the time of one thread among phases: each call adds the time since the call before it.
#[derive(Debug)]
pub struct PhaseTimer {
    clock: Clock,
    last: u64,
    times: PhaseTimes,
}

impl PhaseTimer {
    /// Makes a timer that starts now.
    pub fn start(clock: Clock) -> Self {
        Self { clock, last: clock(), times: PhaseTimes::default() }
    }

    /// Adds the time since the last call to the forward passes.
    pub fn forwarded(&mut self) {
        self.times.forward += self.lap();
    }

    /// Adds the time since the last call to the moving of rows.
    pub fn copied(&mut self) {
        self.times.copy += self.lap();
    }

    /// Adds the time since the last call to the simulation.
    pub fn simulated(&mut self) {
        self.times.simulate += self.lap();
    }

    /// Returns the times so far.
    pub const fn times(&self) -> &PhaseTimes {
        &self.times
    }

    fn lap(&mut self) -> u64 {
        let now = (self.clock)();
        now.saturating_sub(std::mem::replace(&mut self.last, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_out_the_wall_time() {
        let spent = PhaseTimes { forward: 60, copy: 20, simulate: 120, learn: 0 };
        assert_eq!(spent.shared_out(100), PhaseTimes { forward: 30, copy: 10, simulate: 60, learn: 0 });
        assert_eq!(PhaseTimes::default().shared_out(100), PhaseTimes::default());
    }
}

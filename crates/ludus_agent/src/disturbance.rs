//! Noise on observations and delays of actions, with which a run trains for a world that is less exact than the game.

use ludus_spec::Seed;

/// The noise on a kind's observations, and the delay of its actions. Both are off by default, and cost nothing then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disturbance {
    /// Standard deviation of the noise on each column of an observation `[observation width]`; empty without noise.
    deviations: Vec<f32>,
    /// The seed of each row's next noise `[rows]`.
    seeds: Vec<Seed>,
    /// Decisions by which actions are delayed.
    delay: usize,
    /// The actions that are still to be carried out, the oldest at `next` `[delay, rows, action width]`.
    delayed: Vec<Vec<f32>>,
    next: usize,
    /// The actions to carry out in the present step `[rows, action width]`.
    carried_out: Vec<f32>,
}

impl Disturbance {
    pub fn set_noise(&mut self, deviations: &[f32], rows: usize) {
        self.deviations =
            if deviations.iter().any(|deviation| *deviation > 0.0) { deviations.to_vec() } else { Vec::new() };
        self.seeds.resize(rows, Seed::default());
    }

    pub fn set_delay(&mut self, delay: u32, numbers: usize) {
        self.delay = delay as usize;
        self.delayed = vec![vec![0.0; numbers]; self.delay];
        self.carried_out = vec![0.0; if delay > 0 { numbers } else { 0 }];
    }

    /// Makes room for one more row, with this many numbers of actions in all rows.
    pub fn add_row(&mut self, numbers: usize) {
        if self.has_noise() {
            self.seeds.push(Seed::default());
        }
        if self.delays() {
            self.delayed.iter_mut().for_each(|actions| actions.resize(numbers, 0.0));
            self.carried_out.resize(numbers, 0.0);
        }
    }

    pub const fn has_noise(&self) -> bool {
        !self.deviations.is_empty()
    }

    pub const fn delays(&self) -> bool {
        self.delay > 0
    }

    /// Begins an episode: noise is drawn from `seed`, and the idle action is carried out until the first action arrives.
    pub fn begin_episode(&mut self, row: usize, seed: Seed, idle: &[f32]) {
        if self.has_noise() {
            self.seeds[row] = seed;
        }
        self.hold_idle(row, idle);
    }

    fn hold_idle(&mut self, row: usize, idle: &[f32]) {
        for actions in &mut self.delayed {
            actions[row * idle.len()..][..idle.len()].copy_from_slice(idle);
        }
    }

    /// Takes the actions that were decided, and returns those to carry out.
    pub fn delay(&mut self, decided: &[f32]) -> &mut [f32] {
        let oldest = &mut self.delayed[self.next];
        self.carried_out.copy_from_slice(oldest);
        oldest.copy_from_slice(decided);
        self.next = (self.next + 1) % self.delay;
        &mut self.carried_out
    }

    /// The actions to carry out in the present step, if they are delayed.
    pub fn carried_out(&self) -> Option<&[f32]> {
        self.delays().then_some(&self.carried_out)
    }

    /// Adds noise to the observation of a row. The noise depends on the episode and on its steps so far alone.
    pub fn disturb(&mut self, row: usize, observation: &mut [f32]) {
        let seed = self.seeds[row];
        self.seeds[row] = seed.derive(0);
        for (column, (value, deviation)) in observation.iter_mut().zip(&self.deviations).enumerate() {
            if *deviation > 0.0 {
                let noisy = *value + deviation * seed.derive(1 + column as u64).normal();
                if noisy.is_finite() {
                    *value = noisy;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_arrive_late_and_an_episode_begins_idle() {
        let mut disturbance = Disturbance::default();
        disturbance.set_delay(2, 2);
        disturbance.begin_episode(0, Seed::default(), &[-1.0]);
        let mut step = |decided: [f32; 2]| disturbance.delay(&decided).to_vec();
        assert_eq!(step([1.0, 1.0]), [-1.0, 0.0]);
        assert_eq!(step([2.0, 2.0]), [-1.0, 0.0]);
        assert_eq!(step([3.0, 3.0]), [1.0, 1.0]);
        assert_eq!(step([4.0, 4.0]), [2.0, 2.0]);
    }

    #[test]
    fn noise_has_its_deviation_and_is_the_same_for_an_episode() {
        let mut disturbance = Disturbance::default();
        disturbance.set_noise(&[0.0, 0.5], 1);
        let mut episode = || {
            disturbance.begin_episode(0, Seed::new(3), &[]);
            let mut observe = || {
                let mut observation = [1.0, 2.0];
                disturbance.disturb(0, &mut observation);
                observation
            };
            (0..5_000).map(|_| observe()).collect::<Vec<_>>()
        };
        let seen = episode();
        assert!(seen.iter().all(|one| one[0] == 1.0));
        let spread = (seen.iter().map(|one| (one[1] - 2.0).powi(2)).sum::<f32>() / seen.len() as f32).sqrt();
        assert!((spread - 0.5).abs() < 0.02, "{spread}");
        assert_eq!(episode(), seen);
    }
}

//! The ring in which the newest experience replaces the oldest.

use ludus_spec::Outcome;

use crate::{Rollout, RolloutShape};

/// The sizes of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplayShape {
    /// Steps of every row that are kept, at least 2.
    pub steps: usize,
    /// Rows of all simulations together.
    pub rows: usize,
    /// Columns of an observation.
    pub observation_width: usize,
    /// Columns of an action.
    pub action_width: usize,
    /// Columns of a mask; 0 where every choice is always allowed.
    pub mask_width: usize,
}

/// The experience of the last steps of all rows.
///
/// A ring of steps, in which each array is `[steps, rows, width]`: an *entry* is one step of one row. The entry of a step
/// has the observation before it, and that after it is in the row's next entry. So an observation is kept once.
///
/// The newest entries have an observation only: those after the last step. They are vacant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Replay {
    pub(super) shape: ReplayShape,
    /// The ring's step of the newest observations.
    pub(super) head: usize,
    /// Steps written so far, those that were overwritten included.
    pub(super) written: u64,
    /// Entries that are experience.
    pub(super) experience: usize,
    pub(super) observations: Vec<f32>,
    pub(super) masks: Vec<bool>,
    pub(super) actions: Vec<f32>,
    pub(super) rewards: Vec<f32>,
    pub(super) outcomes: Vec<Outcome>,
}

impl ReplayShape {
    /// The shape of a replay of about `transitions` steps of rollouts like this one.
    pub fn of_rollout(rollout: &RolloutShape, transitions: usize) -> Self {
        let rows = rollout.total_rows();
        // One step more for the observations after the newest.
        let steps = transitions.div_ceil(rows.max(1)).max(rollout.steps).saturating_add(1);
        Self {
            steps,
            rows,
            observation_width: rollout.observation_width,
            action_width: rollout.action_width,
            mask_width: rollout.mask_width,
        }
    }

    /// Entries of the ring. Saturates at `usize::MAX`.
    pub const fn entries(&self) -> usize {
        self.steps.saturating_mul(self.rows)
    }

    /// Bytes of the ring. Saturates at `usize::MAX`.
    pub const fn bytes(&self) -> usize {
        let numbers = self.observation_width + self.action_width + 1;
        self.entries().saturating_mul(numbers.saturating_mul(4) + self.mask_width + 1)
    }
}

impl Replay {
    /// Makes an empty replay: every entry is vacant.
    pub fn new(shape: ReplayShape) -> Self {
        let entries = shape.entries();
        Self {
            shape,
            head: 0,
            written: 0,
            experience: 0,
            observations: vec![0.0; entries * shape.observation_width],
            masks: vec![true; entries * shape.mask_width],
            actions: vec![0.0; entries * shape.action_width],
            rewards: vec![0.0; entries],
            outcomes: vec![Outcome::Vacant; entries],
        }
    }

    pub const fn shape(&self) -> &ReplayShape {
        &self.shape
    }

    /// Entries that are experience.
    pub const fn experience(&self) -> usize {
        self.experience
    }

    /// The ring's step of the newest observations.
    pub const fn head(&self) -> usize {
        self.head
    }

    /// Steps that were written, as far as they are kept.
    pub fn kept_steps(&self) -> usize {
        usize::try_from(self.written).unwrap_or(usize::MAX).min(self.shape.steps - 1)
    }

    pub fn outcome(&self, entry: usize) -> Outcome {
        self.outcomes[entry]
    }

    pub fn reward(&self, entry: usize) -> f32 {
        self.rewards[entry]
    }

    pub fn observation(&self, entry: usize) -> &[f32] {
        &self.observations[entry * self.shape.observation_width..][..self.shape.observation_width]
    }

    pub fn action(&self, entry: usize) -> &[f32] {
        &self.actions[entry * self.shape.action_width..][..self.shape.action_width]
    }

    /// Returns the choices that were allowed in an entry; empty if all are, always.
    pub fn mask(&self, entry: usize) -> &[bool] {
        &self.masks[entry * self.shape.mask_width..][..self.shape.mask_width]
    }

    /// Returns the entry of the row's next step.
    pub fn next(&self, entry: usize) -> usize {
        let next = entry + self.shape.rows;
        if next < self.outcomes.len() { next } else { next - self.outcomes.len() }
    }

    /// Appends all steps of a rollout that is full, with the observations after the last. Overwrites the oldest.
    ///
    /// Where a row's first observation is not the one after its last step, the simulation was built anew between both:
    /// then the last step has no successor, and becomes [`Outcome::Faulty`].
    pub fn append(&mut self, rollout: &Rollout) {
        self.cut_rows_that_jump(rollout);
        let steps = rollout.shape().steps;
        for step in 0..steps {
            self.copy_step(rollout, step);
            self.head = (self.head + 1) % self.shape.steps;
        }
        self.written += steps as u64;
        self.copy_step(rollout, steps);
    }

    /// Ends the trajectories of all rows: what comes next does not follow from what was last.
    pub fn cut(&mut self) {
        if self.written > 0 {
            self.head = (self.head + 1) % self.shape.steps;
            self.written += 1;
            self.forget(self.head);
        }
    }

    fn cut_rows_that_jump(&mut self, rollout: &Rollout) {
        if self.written == 0 {
            return;
        }
        let (rows, width) = (self.shape.rows, self.shape.observation_width);
        let last = (self.head + self.shape.steps - 1) % self.shape.steps;
        for (first_row, place, count) in slabs(rollout) {
            for row in 0..count {
                let sample = place + row;
                let first = &rollout.samples().observations[sample * width..][..width];
                let known = &self.observations[(self.head * rows + first_row + row) * width..][..width];
                let before = last * rows + first_row + row;
                let was = self.outcomes[before].as_decided();
                let restarts = rollout.samples().outcomes[sample] == Outcome::Restart;
                let is_same = first.iter().zip(known).all(|(one, other)| one.to_bits() == other.to_bits());
                let jumps = match was {
                    Outcome::Running => !is_same || restarts,
                    Outcome::Truncated => !is_same,
                    _ => false,
                };
                if jumps {
                    self.set_outcome(before, Outcome::Faulty);
                }
            }
        }
    }

    /// Copies one step of a rollout to the head; after its last step, the observations only.
    fn copy_step(&mut self, rollout: &Rollout, step: usize) {
        let samples = rollout.samples();
        let is_last = step == rollout.shape().steps;
        let ReplayShape { rows, observation_width, action_width, mask_width, .. } = self.shape;
        for (first_row, place, count) in slabs(rollout) {
            let (from, to) = (place + step * count, self.head * rows + first_row);
            copy(samples.observations, &mut self.observations, (from, to, count), observation_width);
            copy(samples.masks, &mut self.masks, (from, to, count), mask_width);
            copy(samples.actions, &mut self.actions, (from, to, count), action_width);
            copy(samples.rewards, &mut self.rewards, (from, to, count), 1);
            for row in 0..count {
                let outcome = if is_last { Outcome::Vacant } else { samples.outcomes[from + row] };
                self.set_outcome(to + row, outcome);
            }
        }
    }

    fn forget(&mut self, step: usize) {
        for row in 0..self.shape.rows {
            self.set_outcome(step * self.shape.rows + row, Outcome::Vacant);
        }
    }

    fn set_outcome(&mut self, entry: usize, outcome: Outcome) {
        let was = std::mem::replace(&mut self.outcomes[entry], outcome);
        self.experience += usize::from(outcome.is_experience());
        self.experience -= usize::from(was.is_experience());
    }
}

/// Returns the first row, the first sample and the count of rows of each simulation.
fn slabs(rollout: &Rollout) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut first_row = 0;
    rollout.slab_places().zip(&rollout.shape().rows).map(move |(place, &rows)| {
        let first = first_row;
        first_row += rows;
        (first, place.start, rows)
    })
}

/// Copies `count` rows of this width from one index to another.
fn copy<T: Copy>(source: &[T], target: &mut [T], (from, to, count): (usize, usize, usize), width: usize) {
    target[to * width..(to + count) * width].copy_from_slice(&source[from * width..(from + count) * width]);
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    const WIDTH: usize = 1;

    fn rollout(rows: &[usize], steps: usize) -> Rollout {
        let (rows, action_width) = (rows.to_vec(), 1);
        Rollout::new(RolloutShape { steps, rows, observation_width: WIDTH, action_width, ..RolloutShape::default() })
    }

    /// Writes a rollout in which row `r` observes `1000·r + t` at time `t`, acts that and is rewarded with that.
    fn write(rollout: &mut Rollout, time: usize, outcome_of: impl Fn(usize, usize) -> Outcome) {
        let steps = rollout.shape().steps;
        for slab in rollout.slabs_mut() {
            for step in 0..=steps {
                for row in 0..slab.rows {
                    let (sample, number) = (step * slab.rows + row, 1000 * (slab.first_row + row) + time + step);
                    slab.observations[sample] = number as f32;
                    slab.actions[sample] = number as f32;
                    slab.rewards[sample] = number as f32;
                    if step < steps {
                        slab.outcomes[sample] = outcome_of(slab.first_row + row, time + step);
                    }
                }
            }
        }
    }

    #[test]
    fn the_newest_steps_replace_the_oldest() {
        let mut rollout = rollout(&[2, 1], 3);
        let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 12));
        assert_eq!((replay.shape().steps, replay.shape().entries()), (5, 15));
        for part in 0..4 {
            write(&mut rollout, 3 * part, |_, _| Outcome::Running);
            replay.append(&rollout);
        }
        assert_eq!((replay.experience(), replay.kept_steps()), (12, 4));
        for row in 0..3 {
            let mut entry = (replay.head() + 1) % 5 * 3 + row;
            for time in 8..12 {
                let number = (1000 * row + time) as f32;
                assert_eq!(
                    (replay.observation(entry), replay.action(entry), replay.reward(entry)),
                    (&[number][..], &[number][..], number)
                );
                entry = replay.next(entry);
            }
            assert_eq!(
                (replay.observation(entry), replay.outcome(entry)),
                (&[(1000 * row + 12) as f32][..], Outcome::Vacant)
            );
        }
    }

    /// Agents come and go at random; every transition of the ring has observations of its own row, one step apart.
    #[test]
    fn rows_are_never_mixed_while_agents_come_and_go() {
        let mut rollout = rollout(&[3, 2, 4], 2);
        let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 60));
        let outcome_of = |row: usize, time: usize| match Seed::new(row as u64).derive(time as u64).bits() % 4 {
            0 => Outcome::Vacant,
            1 => Outcome::Restart,
            2 => Outcome::Terminated,
            _ => Outcome::Running,
        };
        for part in 0..50 {
            write(&mut rollout, 2 * part, outcome_of);
            replay.append(&rollout);
            let entries = 0..replay.shape().entries();
            let experience = entries.filter(|&entry| replay.outcome(entry).is_experience()).collect::<Vec<_>>();
            assert_eq!(replay.experience(), experience.len());
            for entry in experience {
                let [now, next] = [entry, replay.next(entry)].map(|entry| replay.observation(entry)[0]);
                assert_eq!((now as usize / 1000, next), (entry % 9, now + 1.0));
                assert_eq!((replay.action(entry)[0], replay.reward(entry)), (now, now));
            }
        }
    }

    #[test]
    fn a_row_that_jumps_has_no_successor() {
        let mut rollout = rollout(&[3], 2);
        let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 30));
        let outcomes = |row: usize, _: usize| [Outcome::Running, Outcome::Terminated, Outcome::Truncated][row];
        write(&mut rollout, 0, outcomes);
        replay.append(&rollout);
        assert_eq!(replay.experience(), 6);
        // The worlds are built anew: all observations are others, or an episode starts in the middle of another.
        write(&mut rollout, 500, outcomes);
        replay.append(&rollout);
        let last = |row: usize| replay.outcome(3 + row);
        assert_eq!([0, 1, 2].map(last), [Outcome::Faulty, Outcome::Terminated, Outcome::Faulty]);
        write(&mut rollout, 502, |_, time| if time == 502 { Outcome::Restart } else { Outcome::Running });
        replay.append(&rollout);
        assert_eq!(
            [0, 1, 2].map(|row| replay.outcome(9 + row)),
            [Outcome::Faulty, Outcome::Terminated, Outcome::Truncated]
        );
    }

    #[test]
    fn a_cut_ends_all_trajectories_and_keeps_their_last_observations() {
        let mut rollout = rollout(&[2], 2);
        let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 30));
        write(&mut rollout, 0, |_, _| Outcome::Running);
        replay.append(&rollout);
        replay.cut();
        write(&mut rollout, 700, |_, _| Outcome::Running);
        replay.append(&rollout);
        assert_eq!(replay.experience(), 8);
        let after = replay.next(replay.next(0));
        assert_eq!((replay.observation(after), replay.outcome(after)), (&[2.0][..], Outcome::Vacant));
        assert_eq!(replay.observation(replay.next(after)), [700.0]);
    }

    #[test]
    fn memory_is_known_before_it_is_taken() {
        let shape = ReplayShape { steps: 10, rows: 4, observation_width: 3, action_width: 1, mask_width: 2 };
        assert_eq!(shape.bytes(), 40 * (5 * 4 + 2 + 1));
        assert_eq!(ReplayShape { steps: usize::MAX, ..shape }.bytes(), usize::MAX);
    }
}

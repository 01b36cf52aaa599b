//! Demonstrations as samples of a rollout, from which learners learn as from experience.

use ludus_net::AfterStep;
use ludus_spec::Outcome;

use crate::experience::check_samples;
use crate::{Experience, LearnError, Rollout, RolloutShape};

/// An episode that a policy imitates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DemonstratedEpisode {
    /// The observation before each decision `[steps, observation width]`.
    pub observations: Vec<f32>,
    /// True for each choice that was allowed `[steps, mask width]`, or empty if all were.
    pub masks: Vec<bool>,
    /// The action that was decided `[steps, action width]`.
    pub actions: Vec<f32>,
    /// True for each step that is imitated `[steps]`. The others only pass through a policy's memory.
    pub is_imitated: Vec<bool>,
}

/// Episodes that a policy imitates: those that it learns from, and those that were held out to judge it.
///
/// The samples are those of a rollout. For a policy with memory, each row of the rollout has whole episodes, one behind
/// the other, so that every episode begins with an empty memory; else all episodes are one row.
#[derive(Clone, Debug)]
pub struct Demonstrations {
    /// The episodes that are learned from.
    pub learned: DemonstratedSamples,
    /// The episodes that are not learned from; `None` without any.
    pub held_out: Option<DemonstratedSamples>,
}

/// Some demonstrations, in the order in which they are learned from.
#[derive(Clone, Debug)]
pub struct DemonstratedSamples {
    /// The samples.
    pub rollout: Rollout,
    /// Their order.
    pub experience: Experience,
}

impl Demonstrations {
    /// Makes demonstrations of these episodes. `shape` has the widths of their rows, and of the policy's memory; its rows
    /// and steps are not used.
    ///
    /// # Errors
    ///
    /// [`LearnError::NoDemonstrations`] if no step is imitated, and [`LearnError::TooManySamples`] if there are more than
    /// `u32::MAX`.
    ///
    /// # Panics
    ///
    /// If an array of an episode has another length than `shape` and the number of its steps say.
    pub fn new(
        shape: &RolloutShape,
        learned: &[DemonstratedEpisode],
        held_out: &[DemonstratedEpisode],
    ) -> Result<Self, LearnError> {
        let learned = DemonstratedSamples::new(shape, learned)?;
        let held_out = match held_out {
            [] => None,
            episodes => Some(DemonstratedSamples::new(shape, episodes)?),
        };
        Ok(Self { learned, held_out })
    }
}

impl DemonstratedSamples {
    fn new(shape: &RolloutShape, episodes: &[DemonstratedEpisode]) -> Result<Self, LearnError> {
        let has_any = episodes.iter().any(|episode| episode.is_imitated.contains(&true));
        if !has_any {
            return Err(LearnError::NoDemonstrations);
        }
        let rows = if shape.memory_width == 0 { vec![(0..episodes.len()).collect()] } else { packed(episodes) };
        let steps_of = |row: &Vec<usize>| row.iter().map(|&index| episodes[index].is_imitated.len()).sum::<usize>();
        let steps = rows.iter().map(steps_of).max().unwrap_or(0);
        let shape = RolloutShape { steps, rows: vec![rows.len()], reward_streams: 0, value_heads: 1, ..shape.clone() };
        let shape = RolloutShape { has_drivers: false, has_teams: false, ..shape };
        check_samples(&shape)?;
        let mut rollout = Rollout::new(shape);
        for (row, episodes_of_row) in rows.iter().enumerate() {
            let mut step = 0;
            for &index in episodes_of_row {
                write_episode(&mut rollout, row, step, &episodes[index]);
                step += episodes[index].is_imitated.len();
            }
        }
        let experience = match rollout.shape().memory_width {
            0 => Experience::new(rollout.shape()),
            _ => Experience::of_rows(rollout.shape()),
        };
        let mut samples = Self { rollout, experience };
        samples.in_order();
        Ok(samples)
    }

    /// Brings the samples into their first order.
    pub fn in_order(&mut self) {
        self.experience.select(self.rollout.samples().outcomes);
    }
}

/// Distributes episodes over rows that are as long as the longest episode: each goes into the first row that has room.
fn packed(episodes: &[DemonstratedEpisode]) -> Vec<Vec<usize>> {
    let length = |index: usize| episodes[index].is_imitated.len();
    let longest = (0..episodes.len()).map(length).max().unwrap_or(0);
    let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
    for index in 0..episodes.len() {
        match rows.iter_mut().find(|(used, _)| used + length(index) <= longest) {
            Some((used, row)) => {
                *used += length(index);
                row.push(index);
            }
            None => rows.push((length(index), vec![index])),
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Copies an episode into a row of the rollout, from this step on.
fn write_episode(rollout: &mut Rollout, row: usize, first_step: usize, episode: &DemonstratedEpisode) {
    let shape = rollout.shape().clone();
    let DemonstratedEpisode { observations, masks, actions, is_imitated } = episode;
    let steps = is_imitated.len();
    assert_eq!(observations.len(), steps * shape.observation_width, "one observation per step");
    assert_eq!(actions.len(), steps * shape.action_width, "one action per step");
    assert!(masks.is_empty() || masks.len() == steps * shape.mask_width, "one mask per step, or none");
    let slab = rollout.slabs_mut().next().expect("demonstrations have one slab");
    for (step, &is_imitated) in is_imitated.iter().enumerate() {
        let sample = (first_step + step) * slab.rows + row;
        copy_row(observations, step, slab.observations, sample, shape.observation_width);
        copy_row(actions, step, slab.actions, sample, shape.action_width);
        if !masks.is_empty() {
            copy_row(masks, step, slab.masks, sample, shape.mask_width);
        }
        slab.outcomes[sample] = if is_imitated { Outcome::Running } else { Outcome::Waiting };
        if let Some(after) = slab.after.get_mut(sample) {
            *after = if step + 1 == steps { AfterStep::Reset } else { AfterStep::Keep };
        }
    }
}

/// Copies the row `from` of one array to the row `to` of another.
fn copy_row<T: Copy>(source: &[T], from: usize, target: &mut [T], to: usize, width: usize) {
    target[to * width..][..width].copy_from_slice(&source[from * width..][..width]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episode(first: f32, steps: usize) -> DemonstratedEpisode {
        let numbers: Vec<f32> = (0..steps).map(|step| first + step as f32).collect();
        DemonstratedEpisode {
            observations: numbers.clone(),
            masks: Vec::new(),
            actions: numbers,
            is_imitated: vec![true; steps],
        }
    }

    fn shape(memory_width: usize) -> RolloutShape {
        RolloutShape { observation_width: 1, action_width: 1, memory_width, ..RolloutShape::default() }
    }

    #[test]
    fn episodes_are_one_row_without_memory() {
        let demonstrations = Demonstrations::new(&shape(0), &[episode(0.0, 3), episode(10.0, 2)], &[]).unwrap();
        let samples = demonstrations.learned.rollout.samples();
        assert_eq!(samples.observations, [0.0, 1.0, 2.0, 10.0, 11.0, 0.0]);
        assert_eq!(demonstrations.learned.experience.samples(), [0, 1, 2, 3, 4]);
        assert!(demonstrations.held_out.is_none());
    }

    #[test]
    fn every_episode_begins_with_an_empty_memory() {
        let episodes = [episode(0.0, 3), episode(10.0, 2), episode(20.0, 1)];
        let demonstrations = Demonstrations::new(&shape(4), &episodes, &[]).unwrap();
        let rollout = &demonstrations.learned.rollout;
        assert_eq!((rollout.shape().steps, &rollout.shape().rows[..]), (3, &[2][..]));
        // Row 0 has the first episode, row 1 the other two.
        assert_eq!(rollout.samples().observations, [0.0, 10.0, 1.0, 11.0, 2.0, 20.0, 0.0, 0.0]);
        let after: Vec<bool> = rollout.samples().after.iter().map(|&after| after == AfterStep::Reset).collect();
        assert_eq!(after[..6], [false, false, false, true, true, true]);
    }

    #[test]
    fn steps_that_are_not_imitated_are_no_experience() {
        let mut one = episode(0.0, 3);
        one.is_imitated[1] = false;
        let demonstrations = Demonstrations::new(&shape(0), &[one.clone()], &[]).unwrap();
        assert_eq!(demonstrations.learned.experience.samples(), [0, 2]);
        one.is_imitated.fill(false);
        assert_eq!(Demonstrations::new(&shape(0), &[one], &[]).unwrap_err(), LearnError::NoDemonstrations);
    }
}

//! Recording an episode step by step.

use ludus_spec::{AgentSpec, Outcome};

use crate::{DecidedBy, Demonstration, EpisodeInfo};

/// A recorder of one agent's episodes.
///
/// Its memory is that of the episode so far: see [`bytes`](Self::bytes).
#[derive(Clone, Debug, Default)]
pub struct EpisodeRecorder {
    episode: Demonstration,
    terms: usize,
}

/// A decision.
#[derive(Clone, Copy, Debug)]
pub struct DecidedStep<'a> {
    /// The observation before the step `[observation width]`.
    pub observation: &'a [f32],
    /// True for each choice that is allowed `[mask width]`.
    pub mask: &'a [bool],
    /// The action, as a policy writes it into rows `[action width]`.
    pub action: &'a [f32],
    /// The source of the decision.
    pub by: DecidedBy,
}

impl EpisodeRecorder {
    /// Makes a recorder for an agent with this spec.
    pub fn new(spec: &AgentSpec) -> Self {
        Self { episode: Demonstration::default(), terms: spec.reward.len() }
    }

    /// Adds a decision.
    pub fn decide(&mut self, step: DecidedStep<'_>) {
        let Demonstration { decided_by, masks, observations, actions, terms, .. } = &mut self.episode;
        decided_by.push(step.by);
        masks.extend_from_slice(step.mask);
        observations.extend_from_slice(step.observation);
        actions.extend_from_slice(step.action);
        terms.resize(decided_by.len() * self.terms, 0.0);
    }

    /// Adds terms of the reward to the last decision; does nothing before the first one.
    pub fn reward(&mut self, terms: &[f32]) {
        let all = &mut self.episode.terms;
        if let Some(start) = all.len().checked_sub(self.terms) {
            all[start..].iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
    }

    /// Returns the number of decisions so far.
    pub const fn steps(&self) -> usize {
        self.episode.decided_by.len()
    }

    /// Returns the bytes of memory that the episode takes so far.
    pub const fn bytes(&self) -> usize {
        let Demonstration { decided_by, masks, observations, actions, terms, .. } = &self.episode;
        decided_by.len() + masks.len() + size_of::<f32>() * (observations.len() + actions.len() + terms.len())
    }

    /// Drops the episode so far.
    pub fn clear(&mut self) {
        self.episode = Demonstration::default();
    }

    /// Ends the episode after an observation, and returns it; `None` if it has no decision. The recorder is empty
    /// afterwards.
    pub fn finish(&mut self, last_observation: &[f32], outcome: Outcome) -> Option<Demonstration> {
        let mut episode = std::mem::take(&mut self.episode);
        let steps = u32::try_from(episode.steps()).ok().filter(|&steps| steps > 0)?;
        episode.observations.extend_from_slice(last_observation);
        episode.info = EpisodeInfo { steps, outcome, ..EpisodeInfo::default() };
        Some(episode)
    }
}

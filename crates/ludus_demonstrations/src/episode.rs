//! An episode, and its record in a file.

use ludus_spec::{AgentSpec, Head, Outcome, Seed};
use serde::{Deserialize, Serialize};

use crate::crc::crc32;
use crate::read::Reader;

/// The first bytes of a record.
pub(crate) const MARK: &[u8; 4] = b"EPIS";

/// The source of a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum DecidedBy {
    /// A policy.
    #[default]
    Policy = 0,
    /// A person.
    Person = 1,
    /// A script.
    Script = 2,
}

/// An episode of one agent that a policy can imitate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demonstration {
    /// The episode as a whole.
    pub info: EpisodeInfo,
    /// The source of each decision `[steps]`.
    pub decided_by: Vec<DecidedBy>,
    /// True for each choice that was allowed `[steps, mask width]`; empty for agents without masks.
    pub masks: Vec<bool>,
    /// The observation before each step, then the one after the last `[steps + 1, observation width]`.
    pub observations: Vec<f32>,
    /// The actions, as a policy writes them into rows `[steps, action width]`.
    pub actions: Vec<f32>,
    /// The terms of the reward, unweighted, summed up from one decision to the next `[steps, terms]`.
    pub terms: Vec<f32>,
}

/// An episode as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeInfo {
    /// The number of decisions.
    pub steps: u32,
    /// `Terminated` if the task ended, `Truncated` if it was cut off, and `Running` if only the recording ended.
    pub outcome: Outcome,
    /// The game's verdict, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The weight of each term of the reward when it was recorded; empty if unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f32>,
    /// The world in which it was played, if it was one of the library's own commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<EpisodeOrigin>,
}

/// The world in which an episode was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeOrigin {
    /// The root of the random numbers of all worlds.
    pub seed: Seed,
    /// The index of the world.
    pub world: u32,
    /// The row of the agent in its world.
    pub row: u32,
    /// The number of the episode in its row, from 0.
    pub number: u32,
}

/// The widths of an agent's rows.
#[derive(Clone, Copy)]
struct Widths {
    observation: usize,
    mask: usize,
    action: usize,
    terms: usize,
}

impl Widths {
    fn of(spec: &AgentSpec) -> Self {
        Self {
            observation: spec.observation_width(),
            mask: spec.mask_width(),
            action: spec.action_width(),
            terms: spec.reward.len(),
        }
    }
}

impl Demonstration {
    /// Returns the number of decisions.
    pub const fn steps(&self) -> usize {
        self.decided_by.len()
    }

    /// Returns true for each step that is imitated `[steps]`.
    ///
    /// An episode of one source is imitated as a whole. If a person or a script has taken over from a policy, only the
    /// steps of the person or the script are imitated: they correct the policy, whose own steps of the episode are what
    /// led there.
    ///
    /// # Source
    ///
    /// Kelly et al. 2019, arXiv:1810.02890, §III (HG-DAgger).
    pub fn imitated(&self) -> Vec<bool> {
        let is_policy = |by: &DecidedBy| *by == DecidedBy::Policy;
        let is_corrected = !self.decided_by.iter().all(is_policy);
        self.decided_by.iter().map(|by| !(is_corrected && is_policy(by))).collect()
    }

    /// Returns the sum of the rewards with these weights, in the order of the terms.
    pub fn reward(&self, weights: &[f32]) -> f32 {
        let of_step = |terms: &[f32]| weights.iter().zip(terms).map(|(weight, term)| weight * term).sum::<f32>();
        self.terms.chunks_exact(weights.len().max(1)).map(of_step).sum()
    }

    /// Returns the sums of the terms, unweighted.
    pub fn term_sums(&self, terms: usize) -> Vec<f32> {
        let mut sums = vec![0.0; terms];
        for step in self.terms.chunks_exact(terms.max(1)) {
            sums.iter_mut().zip(step).for_each(|(sum, term)| *sum += term);
        }
        sums
    }

    /// Returns the record of the episode, to append to a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_vec(&self.info).expect("finite numbers are JSON");
        let text_length = u32::try_from(text.len()).expect("a text of a few numbers");
        let mut content = [&text_length.to_le_bytes()[..], &text].concat();
        content.extend(self.decided_by.iter().map(|&by| by as u8));
        content.extend(self.masks.iter().map(|&allowed| u8::from(allowed)));
        for numbers in [&self.observations, &self.actions, &self.terms] {
            content.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        let length = u32::try_from(content.len()).expect("recorders end an episode long before 4 GiB");
        [MARK, &length.to_le_bytes()[..], &crc32(&content).to_le_bytes(), &content].concat()
    }

    /// Reads the content of a record.
    ///
    /// # Errors
    ///
    /// The rest of a sentence about the episode.
    pub(crate) fn read(content: &[u8], spec: &AgentSpec) -> Result<Self, String> {
        let mut reader = Reader::new(content);
        let cut = || "is shorter than its text says".to_owned();
        let length = reader.u32().ok_or_else(cut)?;
        let text = reader.take(length as usize).ok_or_else(cut)?;
        let info: EpisodeInfo = serde_json::from_slice(text).map_err(|error| format!("has a damaged text: {error}"))?;
        let (steps, widths) = (info.steps as usize, Widths::of(spec));
        let decided_by = reader.bytes(steps, 1).ok_or_else(cut)?;
        let masks = reader.bytes(steps, widths.mask).ok_or_else(cut)?;
        let observations =
            steps.checked_add(1).and_then(|rows| reader.floats(rows, widths.observation)).ok_or_else(cut)?;
        let actions = reader.floats(steps, widths.action).ok_or_else(cut)?;
        let terms = reader.floats(steps, widths.terms).ok_or_else(cut)?;
        if !reader.is_at_end() {
            return Err("is longer than its text says".to_owned());
        }
        let decided_by = decided_by.iter().map(|&by| decider(by)).collect::<Option<_>>();
        let decided_by = decided_by.ok_or("has a decision of an unknown source")?;
        let masks = masks.iter().map(|&allowed| allowed == 1).collect();
        let episode = Self { info, decided_by, masks, observations, actions, terms };
        episode.check(spec)?;
        Ok(episode)
    }

    /// Checks that all numbers are finite and that all choices exist and were allowed.
    fn check(&self, spec: &AgentSpec) -> Result<(), String> {
        if self.decided_by.is_empty() {
            return Err("has no steps".to_owned());
        }
        let numbers = [&self.observations, &self.actions, &self.terms, &self.info.weights];
        if numbers.into_iter().flatten().any(|number| !number.is_finite()) {
            return Err("has a number that is not finite".to_owned());
        }
        if !matches!(self.info.outcome, Outcome::Running | Outcome::Terminated | Outcome::Truncated) {
            return Err(format!("has the outcome {:?}", self.info.outcome));
        }
        if !self.info.weights.is_empty() && self.info.weights.len() != spec.reward.len() {
            return Err(format!("has {} weights for {} terms", self.info.weights.len(), spec.reward.len()));
        }
        self.check_sets(spec)?;
        self.check_choices(spec)
    }

    /// Checks that every set has as many elements as fit.
    fn check_sets(&self, spec: &AgentSpec) -> Result<(), String> {
        let width = spec.observation_width();
        for (field, columns) in spec.fields_with_columns() {
            let Some(set) = field.block.set() else { continue };
            let counts = self.observations.chunks_exact(width).map(|row| row[columns.end - 1]);
            let is_count = |count: f32| count >= 0.0 && count <= set.capacity as f32 && count.fract() == 0.0;
            if let Some(count) = counts.into_iter().find(|&count| !is_count(count)) {
                return Err(format!("has {count} elements in the set `{}`", field.name));
            }
        }
        Ok(())
    }

    fn check_choices(&self, spec: &AgentSpec) -> Result<(), String> {
        let (heads, mask_width) = (spec.heads(), spec.mask_width());
        let actions = self.actions.chunks_exact(spec.action_width());
        for (step, mut action) in actions.enumerate() {
            let mut mask = &self.masks[step * mask_width..][..mask_width];
            for (head, field) in heads.iter().zip(&spec.action) {
                let (own, rest) = action.split_at(head.action_width());
                action = rest;
                let Head::Categorical { choices } = *head else { continue };
                let is_choice = own[0] >= 0.0 && own[0] < choices as f32 && own[0].fract() == 0.0;
                if !is_choice {
                    return Err(format!("chooses {} of the {choices} choices of `{}`", own[0], field.name));
                }
                if mask_width > 0 {
                    let (allowed, rest) = mask.split_at(choices);
                    mask = rest;
                    if !allowed[own[0] as usize] {
                        return Err(format!("makes a choice of `{}` that was not allowed", field.name));
                    }
                }
            }
        }
        Ok(())
    }
}

const fn decider(byte: u8) -> Option<DecidedBy> {
    match byte {
        0 => Some(DecidedBy::Policy),
        1 => Some(DecidedBy::Person),
        2 => Some(DecidedBy::Script),
        _ => None,
    }
}

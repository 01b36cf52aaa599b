//! What random actions come to: what a policy is to be better than.

use std::collections::BTreeMap;

use ludus_spec::AgentSpec;
use ludus_worlds::PooledWorld;

use crate::episodes::{EpisodeSummary, RecentEpisodes, RowSettings, Spread};
use crate::group::FIRST_KIND;

/// Episodes that are remembered.
const MOST_EPISODES: usize = 10_000;

/// The episodes of one world in which actions are drawn at random.
pub(super) struct RandomEpisodes {
    steps: u64,
    episodes: RecentEpisodes,
}

/// What random actions come to.
#[derive(Clone, Debug)]
pub struct RandomPlay {
    /// Returns of the episodes that count: each row's, in the order in which they began.
    pub returns: Spread,
    /// Their lengths [steps].
    pub lengths: Spread,
    /// Mean sum of each term of the reward, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// How many they are.
    pub episodes: usize,
    /// Steps of all agents.
    pub steps: u64,
}

impl RandomEpisodes {
    pub fn new(world: &PooledWorld) -> Self {
        let rows = RowSettings { rows: world.rows(FIRST_KIND).len(), limit: None, stagger: false };
        Self { steps: 0, episodes: RecentEpisodes::keeping(rows, MOST_EPISODES) }
    }

    /// Takes the episodes that ended in a step; `note` is called with the sums of each one's terms.
    pub fn take(&mut self, world: &mut PooledWorld, mut note: impl FnMut(&[f32])) {
        let first_step = self.steps;
        self.steps += 1;
        let Self { steps, episodes } = self;
        world.rows_mut(FIRST_KIND).drain_episodes(|episode, terms| {
            note(terms);
            let summary = EpisodeSummary {
                kind: FIRST_KIND,
                row: episode.row,
                began: steps.saturating_sub(episode.steps.into()),
                is_first: false,
                reward: episode.reward,
                steps: episode.steps,
                terms: terms.to_vec(),
            };
            episodes.end(episode.row as usize, summary);
        });
        let outcomes = world.rows(FIRST_KIND).outcomes();
        episodes.observe(0, outcomes.len(), first_step, outcomes);
    }

    /// How many episodes have ended.
    pub const fn ended(&self) -> u64 {
        self.episodes.total()
    }

    /// What they came to.
    pub fn summarise(mut self, spec: &AgentSpec) -> RandomPlay {
        self.episodes.settle(self.steps, |_| None);
        let episodes = self.episodes.iter();
        let terms = spec.reward.iter().enumerate();
        RandomPlay {
            returns: self.episodes.returns(),
            lengths: self.episodes.lengths(),
            terms: terms.map(|(index, term)| (term.name.clone(), self.episodes.term(index).mean)).collect(),
            episodes: episodes.clone().count(),
            steps: episodes.map(|episode| u64::from(episode.steps)).sum(),
        }
    }
}

impl RandomPlay {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let Self { returns, lengths, episodes, .. } = self;
        match returns.shown() {
            Some(returns) => {
                format!("random actions: return {returns} over {episodes} episodes of {:.1} steps", lengths.mean)
            }
            None => "random actions: no episode has ended".to_owned(),
        }
    }
}

//! Results of random actions: the baseline that a policy has to beat.

use std::collections::BTreeMap;

use ludus_spec::AgentSpec;
use ludus_worlds::PooledWorld;

use crate::episodes::{EpisodeSummary, RecentEpisodes, RowChange, RowChanges, RowSettings, Spread, TermSums};

/// Most episodes that the results are taken over.
const MOST_EPISODES: usize = 10_000;

/// The episodes of one world in which actions are drawn at random.
pub(super) struct RandomEpisodes {
    kind: usize,
    steps: u64,
    episodes: RecentEpisodes,
    /// The change of each row's episode in the last step `[rows]`.
    changes: Vec<RowChange>,
}

/// Results of random actions for one kind of agents.
#[derive(Clone, Debug)]
pub struct RandomPlay {
    /// The name of the kind of agents.
    pub kind: String,
    /// Returns of the episodes that count: those before which no episode began that is still unfinished.
    pub returns: Spread,
    /// Lengths of these episodes \[steps\].
    pub lengths: Spread,
    /// Mean sum of each term of the reward in these episodes, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// The part of these episodes that succeeded; `None` if the game has given no verdict.
    pub success: Option<f64>,
    /// Number of these episodes.
    pub episodes: usize,
    /// Steps of these episodes, added up.
    pub steps: u64,
}

impl RandomEpisodes {
    pub fn new(world: &PooledWorld, kind: usize) -> Self {
        let rows = world.rows(kind).len();
        let settings = RowSettings { rows, limit: None, stagger: false };
        let episodes = RecentEpisodes::keeping(settings, MOST_EPISODES);
        Self { kind, steps: 0, episodes, changes: vec![RowChange::default(); rows] }
    }

    /// Adds the episodes that ended in the last step. `note` is called with the term sums of each.
    pub fn take(&mut self, world: &mut PooledWorld, mut note: impl FnMut(&[f32])) {
        self.steps += 1;
        let Self { steps, episodes, kind, changes } = self;
        world.rows_mut(*kind).drain_episodes(|episode, numbers| {
            note(numbers.terms);
            let summary = EpisodeSummary {
                kind: *kind,
                row: episode.row,
                began: steps.saturating_sub(episode.steps.into()),
                is_first: false,
                reward: episode.reward,
                steps: episode.steps,
                terms: TermSums::from_slice(numbers.terms),
                success: episode.success,
                plan: episode.plan,
                parameters: numbers.parameters.to_vec(),
            };
            episodes.end(episode.row as usize, summary);
        });
        changes.fill(RowChange::default());
        RowChange::note_all(changes, 1, world.rows(*kind).outcomes());
        episodes.observe(0, RowChanges { since: *steps - 1, rows: changes });
    }

    /// The number of episodes that have ended, counted or not.
    pub const fn ended(&self) -> u64 {
        self.episodes.total()
    }

    /// The results of the episodes that count.
    pub fn summarise(mut self, spec: &AgentSpec) -> RandomPlay {
        self.episodes.settle(self.steps, |_| None);
        let episodes = self.episodes.iter();
        let terms = spec.reward.iter().enumerate();
        RandomPlay {
            kind: spec.name.clone(),
            returns: self.episodes.returns(),
            lengths: self.episodes.lengths(),
            terms: terms.map(|(index, term)| (term.name.clone(), self.episodes.term(index).mean)).collect(),
            success: self.episodes.success_rate(),
            episodes: episodes.clone().count(),
            steps: episodes.map(|episode| u64::from(episode.steps)).sum(),
        }
    }
}

impl RandomPlay {
    /// The results as a sentence, with the kind's name if `names` is true.
    pub fn sentence(&self, names: bool) -> String {
        let Self { kind, returns, lengths, episodes, .. } = self;
        let of = if names { format!(" of `{kind}`") } else { String::new() };
        match returns.shown() {
            Some(returns) => {
                format!("random actions{of}: return {returns} over {episodes} episodes of {:.1} steps", lengths.mean)
            }
            None => format!("random actions{of}: no episode has ended"),
        }
    }
}

//! Self-play: the versions of the policies of a run, the matches between them, and their ratings.

mod ladder;
mod lane;
mod ratings;
mod record;
mod results;

use std::fs;
use std::path::Path;

use ludus_learn::GroupDecider;
use ludus_policy::PolicyFile;
use ludus_spec::Seed;

use crate::actor::{Actor, FrozenPolicy};
use crate::blueprint::{Blueprint, Draws};
use crate::error::TrainError;
use crate::group::{LanePlayers, MatchMode, MatchPlan, PairResult};

pub use ladder::{LadderEntry, ladder};
pub use ratings::{Rating, fit_ratings};
pub use record::{PairRecord, Player, PlayerSource, SelfPlayRecord};
pub use results::{Results, Tally};

use lane::{LanePool, OpponentInputs};

/// The players of a run whose policies play against themselves, and the results of their matches.
pub(crate) struct SelfPlay {
    players: Vec<Player>,
    results: Results,
    /// By lane of the run.
    lanes: Vec<LanePool>,
    seed: Seed,
    /// The rating of each player when the last version was taken; those that came later have none.
    ratings: Vec<Rating>,
    has_told: bool,
}

/// Matches without a result after which a run reports that the game gives none.
const SILENT_MATCHES: u64 = 200;

/// The numbers of a lane's self-play that a run logs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SelfPlayNumbers {
    /// The rating of the last version, the first having 0; `None` before there is a second.
    pub rating: Option<f64>,
    /// The share of the points that the newest versions won against earlier ones.
    pub share: Option<f64>,
    /// The same against each opponent that never changes, by its name.
    pub yardsticks: Vec<(String, Option<f64>)>,
}

/// The rows that opponents drive.
pub(crate) trait OpponentRows {
    /// Marks the drivers of a lane that play in matches that go on.
    fn mark_drivers(&self, lane: usize, is_used: &mut [bool]);

    /// Numbers that the rows of a lane have for what a policy remembers.
    fn memory_width(&self, lane: usize) -> usize;
}

impl SelfPlay {
    /// The self-play of a run; `None` if no policy of it plays against itself.
    pub fn of(blueprint: &Blueprint) -> Option<Self> {
        let lanes = blueprint.lanes();
        if !lanes.iter().any(|kinds| blueprint.agent(kinds[0]).self_play.is_some()) {
            return None;
        }
        let mut players = Vec::new();
        let pools = lanes.iter().map(|kinds| LanePool::new(blueprint, kinds[0], &mut players)).collect();
        let seed = Draws::Matches.seed(blueprint.config.seed).derive(blueprint.iteration);
        Some(Self { players, results: Results::default(), lanes: pools, seed, ratings: Vec::new(), has_told: false })
    }

    /// Continues with the players and results of a checkpoint.
    pub fn resume(&mut self, record: &SelfPlayRecord, blueprint: &Blueprint) {
        self.players = record.safe_players();
        self.results = record.results();
        for (lane, kinds) in self.lanes.iter_mut().zip(blueprint.lanes().iter()) {
            lane.resume(blueprint, kinds[0], &mut self.players);
        }
        self.ratings = fit_ratings(&self.results, self.players.len());
    }

    /// The players and results, for a checkpoint.
    pub fn record(&self) -> SelfPlayRecord {
        SelfPlayRecord::of(&self.players, &self.results)
    }

    /// True if a version of this lane's policy is to be taken after so many steps of the run.
    pub fn is_due(&self, lane: usize, steps: u64) -> bool {
        self.lanes[lane].is_due(steps)
    }

    /// Adds results of matches.
    pub fn add_results(&mut self, results: impl Iterator<Item = PairResult>) {
        results.for_each(|result| self.results.add(&result));
    }

    /// Takes the policy of a lane as a version, and writes it to a file in `folder`. Removes the version that is least
    /// needed if there are too many.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn take_version(&mut self, lane: usize, policy: &PolicyFile, folder: &Path) -> Result<(), TrainError> {
        let steps = policy.origin.steps;
        let file = record::version_file(folder, &policy.spec.name, steps);
        policy.write(&folder.join(&file))?;
        self.lanes[lane].take_version(steps, file, &mut self.players);
        for file in self.lanes[lane].thin_out(&mut self.players) {
            // A file that stays is no fault: nothing names it any more.
            let _ = fs::remove_file(folder.join(file));
        }
        self.ratings = fit_ratings(&self.results, self.players.len());
        Ok(())
    }

    /// Chooses opponents anew where a lane has a new version, and loads them. `rows` are those that they will drive.
    /// Returns sentences about opponents that can't be read.
    pub fn choose_opponents(&mut self, blueprint: &Blueprint, folder: &Path, rows: &impl OpponentRows) -> Vec<String> {
        let mut problems = Vec::new();
        for (index, (lane, kinds)) in self.lanes.iter_mut().zip(blueprint.lanes().iter()).enumerate() {
            let read = |file: &Path| -> Result<FrozenPolicy, TrainError> {
                let file = PolicyFile::read_for(file, &blueprint.specs[kinds[0]])?;
                let actor = match blueprint.critic_sees_team(kinds[0]) {
                    true => Actor::for_rows(&file, &blueprint.learned_spec(kinds[0]))?,
                    false => Actor::new(&file, blueprint, kinds[0])?,
                };
                let (needed, room) = (actor.memory_width(), rows.memory_width(index));
                if needed > room { Err(TrainError::TooMuchMemory { needed, room }) } else { Ok(FrozenPolicy(actor)) }
            };
            let mut choosing =
                OpponentInputs { players: &mut self.players, results: &self.results, folder, read: &read };
            let mut used = vec![false; usize::from(u8::MAX) + 1];
            rows.mark_drivers(index, &mut used);
            problems.extend(lane.choose(&mut choosing, &used, self.seed.derive(1).derive(index as u64)));
        }
        problems
    }

    /// The way in which matches are made now.
    pub fn plan(&self) -> MatchPlan {
        let config = self.lanes.iter().find_map(|lane| lane.config.as_ref());
        let (against_latest, scripted) = config.map_or((1.0, 0.0), |config| (config.against_latest, config.scripted));
        let players = |lane: &LanePool| LanePlayers { newest: lane.newest, others: lane.active(), script: lane.script };
        MatchPlan {
            seed: self.seed.derive(0),
            mode: MatchMode::Training { against_latest, scripted },
            lanes: self.lanes.iter().map(players).collect(),
        }
    }

    /// The policies of a lane beside the newest, by driver.
    pub fn deciders(&self, lane: usize) -> Vec<&dyn GroupDecider> {
        self.lanes[lane].deciders()
    }

    /// True if a lane's policy plays against itself.
    pub fn plays(&self, lane: usize) -> bool {
        self.lanes[lane].config.is_some()
    }

    /// The numbers of a lane that a run logs.
    pub fn numbers(&self, lane: usize) -> SelfPlayNumbers {
        let pool = &self.lanes[lane];
        let share = |others: &[u32]| pool.recent_tally(&self.players, &self.results, others).share();
        let versions = pool.versions_of(&self.players);
        let rating = versions.last().filter(|_| versions.len() > 1);
        let yardsticks = pool.yardsticks(&self.players);
        SelfPlayNumbers {
            rating: rating.and_then(|&version| Some(self.ratings.get(version as usize)?.points)),
            share: share(&versions),
            yardsticks: yardsticks
                .iter()
                .map(|&player| (self.players[player as usize].name.clone(), share(&[player])))
                .collect(),
        }
    }

    /// A sentence about a game that never says who won, once.
    pub fn undecided_sentence(&mut self) -> Option<String> {
        let (matches, undecided) = (self.results.matches(), self.results.undecided());
        if self.has_told || matches < SILENT_MATCHES || undecided < matches {
            return None;
        }
        self.has_told = true;
        Some(format!(
            "none of {matches} matches had a result, so all count as draws; call `won_by`, `draw` or `ranked` of the \
             arena's `MatchResult` when a match is over"
        ))
    }
}

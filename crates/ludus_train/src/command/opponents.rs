//! The opponents that a command names, and matches against them.

use std::path::Path;

use crate::actor::Actor;
use crate::blueprint::{Blueprint, Draws};
use crate::error::TrainError;
use crate::evaluation::{Opponents, RandomOpponents};
use crate::fit::check_fit;
use crate::self_play::Tally;

use super::Program;
use super::arguments::RunArguments;
use super::policies::{LocatedPolicy, find};

/// The opponents that are no policies: the game's own script, and random actions.
const SCRIPT: &str = "script";
const RANDOM: &str = "random";

/// The policy of each lane, from those that were found.
pub(super) fn actors_of(policies: &[LocatedPolicy], blueprint: &Blueprint) -> Result<Vec<Actor>, TrainError> {
    let actor = |kinds: &Vec<usize>| {
        let owner = policies.iter().find(|policy| policy.kind == kinds[0]);
        let LocatedPolicy { kind, file, .. } = owner.expect("every lane is of a kind that a policy decides for");
        Actor::new(file, blueprint, *kind)
    };
    blueprint.lanes().iter().map(actor).collect()
}

/// The opponents that `--against` names.
pub(super) struct OpponentPolicies {
    name: String,
    players: NamedPlayers,
}

/// The players that a name stands for.
enum NamedPlayers {
    /// Policies, by lane.
    Policies(Vec<Actor>),
    Script,
    Random(RandomOpponents),
}

impl OpponentPolicies {
    /// Finds the opponents by their name.
    ///
    /// # Errors
    ///
    /// If the game has no teams, or if the policies can't be read or are of other agents.
    pub fn find(
        program: &Program,
        named: &Path,
        blueprint: &Blueprint,
        run: &RunArguments,
    ) -> Result<Self, TrainError> {
        let specs = &blueprint.specs;
        if specs.iter().all(|spec| spec.teams.is_empty()) {
            return Err(TrainError::NoTeams);
        }
        if named == Path::new(SCRIPT) {
            return Ok(Self { name: "the game's script".to_owned(), players: NamedPlayers::Script });
        }
        if named == Path::new(RANDOM) {
            let specs = blueprint.lanes().iter().map(|kinds| specs[kinds[0]].clone()).collect();
            let seed = Draws::RandomOpponents.seed(blueprint.config.seed);
            let players = NamedPlayers::Random(RandomOpponents { specs, seed });
            return Ok(Self { name: "random actions".to_owned(), players });
        }
        let found = find(program, Some(named), &run.runs_dir).map_err(|error| match error {
            TrainError::UnknownRun { run: opponent, runs } => TrainError::UnknownOpponent { opponent, runs },
            other => other,
        })?;
        let policies = found.policies(&blueprint.config, specs)?;
        for LocatedPolicy { kind, path, file } in &policies {
            check_fit(file, path, blueprint, *kind)?;
        }
        let name = policies.first().map_or_else(String::new, |policy| policy.path.display().to_string());
        Ok(Self { name, players: NamedPlayers::Policies(actors_of(&policies, blueprint)?) })
    }

    pub fn as_opponents(&self) -> Opponents<'_> {
        match &self.players {
            NamedPlayers::Policies(actors) => Opponents::Policies(actors),
            NamedPlayers::Script => Opponents::Script,
            NamedPlayers::Random(random) => Opponents::Random(random),
        }
    }

    pub fn sentence(&self, matches: Tally) -> String {
        let Tally { wins, draws, losses } = matches;
        let share = matches.share().map_or_else(|| "none".to_owned(), |share| format!("{share:.3}"));
        format!("score {share} against {}: {wins} won, {draws} drawn, {losses} lost", self.name)
    }
}

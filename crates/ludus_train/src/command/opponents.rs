//! The opponents that a command names, and matches against them.

use std::path::Path;

use crate::actor::Actor;
use crate::blueprint::Blueprint;
use crate::error::TrainError;
use crate::evaluation::Opponents;
use crate::fit::check_fit;
use crate::self_play::Tally;

use super::Program;
use super::arguments::RunArguments;
use super::policies::{LocatedPolicy, find};

/// The opponent that is no policy: the game's own script.
const SCRIPT: &str = "script";

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
    /// By lane; `None` for the game's own script.
    actors: Option<Vec<Actor>>,
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
            return Ok(Self { name: "the game's script".to_owned(), actors: None });
        }
        let found = find(program, Some(named), &run.runs_dir)?;
        let policies = found.policies(&blueprint.config, specs)?;
        for LocatedPolicy { kind, path, file } in &policies {
            check_fit(file, path, blueprint, *kind)?;
        }
        let name = policies.first().map_or_else(String::new, |policy| policy.path.display().to_string());
        Ok(Self { name, actors: Some(actors_of(&policies, blueprint)?) })
    }

    pub fn as_opponents(&self) -> Opponents<'_> {
        self.actors.as_deref().map_or(Opponents::Script, Opponents::Policies)
    }

    pub fn sentence(&self, matches: Tally) -> String {
        let Tally { wins, draws, losses } = matches;
        let share = matches.share().map_or_else(|| "none".to_owned(), |share| format!("{share:.3}"));
        format!("score {share} against {}: {wins} won, {draws} drawn, {losses} lost", self.name)
    }
}

//! Matches in a run: versions of its policies are taken, and opponents chosen, between iterations.

use std::path::Path;
use std::sync::Arc;

use ludus_learn::GroupDecider;
use ludus_net::Layout;
use ludus_policy::files;

use super::Training;
use crate::error::{TrainError, at};
use crate::group::WorldGroup;
use crate::self_play::{OpponentRows, SelfPlay};

impl Training {
    /// Takes the results of matches, takes versions of policies where they are due, with files in `folder`, and chooses
    /// opponents for the matches to come. Returns sentences about what is wrong.
    ///
    /// Called before the first iteration and after each. Does nothing if no policy plays against itself.
    ///
    /// # Errors
    ///
    /// If a version can't be written.
    pub fn advance_self_play(&mut self, folder: &Path) -> Result<Vec<String>, TrainError> {
        let Some(mut self_play) = self.self_play.take() else { return Ok(Vec::new()) };
        self_play.add_results(self.groups.iter_mut().flat_map(WorldGroup::drain_results));
        let taken = self.take_versions(&mut self_play, folder);
        let mut problems = self_play.choose_opponents(&self.blueprint, folder, self);
        problems.extend(self_play.undecided_sentence());
        let plan = Arc::new(self_play.plan());
        self.groups.iter_mut().for_each(|group| group.set_match_plan(plan.clone()));
        self.self_play = Some(self_play);
        taken.map(|()| problems)
    }

    /// Checks that opponents can remember what the policies remember.
    ///
    /// # Errors
    ///
    /// A policy with a memory that is learned on libtorch: what its rows remember is on the device.
    pub(super) fn check_memories(&self) -> Result<(), TrainError> {
        let Some(self_play) = &self.self_play else { return Ok(()) };
        for (index, lane) in self.lanes.iter().enumerate().filter(|(index, _)| self_play.plays(*index)) {
            let (kind, room) = (lane.owner(), self.memory_width(index));
            let layout =
                Layout::of_agent(&self.blueprint.learned_spec(kind), &self.blueprint.agent(kind).learned_network());
            let needed = layout.map_err(|error| TrainError::Learner(error.into()))?.memory_width();
            if needed > room {
                return Err(TrainError::SelfPlayOnTorch { kind: self.blueprint.specs[kind].name.clone() });
            }
        }
        Ok(())
    }

    fn take_versions(&self, self_play: &mut SelfPlay, folder: &Path) -> Result<(), TrainError> {
        for (lane, policy_lane) in self.lanes.iter().enumerate() {
            let Some(learned) = policy_lane.learned().filter(|_| self_play.is_due(lane, self.steps)) else { continue };
            files::create_own_folder(folder).map_err(at(folder))?;
            let policy = self.policy_file(policy_lane.owner(), learned, learned.algorithm().policy());
            self_play.take_version(lane, &policy, folder)?;
        }
        Ok(())
    }
}

impl OpponentRows for Training {
    fn mark_drivers(&self, lane: usize, is_used: &mut [bool]) {
        self.groups.iter().for_each(|group| group.mark_drivers(lane, is_used));
    }

    fn memory_width(&self, lane: usize) -> usize {
        self.lanes[lane].learned().map_or(0, |learned| learned.algorithm().rollout().shape().memory_width)
    }
}

/// The policies that play beside the newest in each of `lanes` lanes, by driver.
pub(super) fn opponents(self_play: Option<&SelfPlay>, lanes: usize) -> Vec<Vec<&dyn GroupDecider>> {
    (0..lanes).map(|lane| self_play.map_or_else(Vec::new, |self_play| self_play.deciders(lane))).collect()
}

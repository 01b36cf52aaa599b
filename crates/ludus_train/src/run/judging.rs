//! The evaluation of a checkpoint, by which the best one of a run is found.

use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;

use ludus_policy::PolicyFile;

use super::Run;
use crate::actor::lane_actors;
use crate::blueprint::{Blueprint, Purpose};
use crate::clock;
use crate::error::TrainError;
use crate::evaluation::{Contestants, EvaluationSettings, evaluate};
use crate::progress::RunEvent;

impl Run {
    /// Evaluates the learned policy as it is now, if the config wants that. Returns its kind and the mean return.
    ///
    /// The time it takes is not time of training. An evaluation that fails is reported and has no result, so that the
    /// checkpoint is saved nevertheless.
    pub(super) fn evaluate(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Option<(String, f64)> {
        let episodes = NonZeroU32::new(self.training.blueprint.config.checkpoints.evaluation_episodes)?;
        let mut learned = self.training.learned_lanes();
        let (Some((lane, _)), None) = (learned.next(), learned.next()) else { return None };
        let kind = self.training.blueprint.specs[lane.owner()].name.clone();
        drop(learned);
        let begun = clock::seconds();
        let result = self.mean_return_of(&kind, episodes, tell);
        self.began += clock::seconds() - begun;
        match result {
            Ok(mean_return) => Some((kind, mean_return?)),
            Err(error) => {
                tell(RunEvent::Trouble(format!("the checkpoint could not be evaluated: {error}")));
                None
            }
        }
    }

    /// Returns the mean return of the kind's most probable actions; `None` if no episode ended.
    fn mean_return_of(
        &self,
        kind: &str,
        episodes: NonZeroU32,
        tell: &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<Option<f64>, TrainError> {
        let blueprint = &self.training.blueprint;
        let config = blueprint.config.clone().shrunk_to(episodes);
        let blueprint = Blueprint { config, hash_every: None, ..blueprint.clone() };
        let policies = self.training.policies();
        let actors = lane_actors(&blueprint, |spec| {
            let policy = policies.iter().find(|policy: &&PolicyFile| policy.spec.name == spec.name);
            Ok(policy.expect("a run has a policy for each kind that it learns").clone())
        })?;
        let (episodes, purpose) = (episodes.get(), Purpose::Checkpoints);
        let settings = EvaluationSettings { episodes, sampled: false, purpose, recorded: false };
        let mut warn = |sentence| tell(RunEvent::Trouble(sentence));
        let evaluation = evaluate(
            &blueprint,
            Contestants { policies: &actors, opponents: None },
            settings,
            &AtomicBool::new(false),
            &mut warn,
        )?;
        let evaluated = evaluation.kinds.iter().find(|evaluated| evaluated.name == kind);
        Ok(evaluated.map(|kind| kind.returns.mean).filter(|mean| mean.is_finite()))
    }
}

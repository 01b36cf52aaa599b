//! What a run saves, and the errors of a run that can't save or can't go on.

use ludus_learn::LearnError;
use ludus_policy::{PolicyError, files};

use super::Run;
use crate::clock;
use crate::error::{TrainError, at};
use crate::progress::RunEvent;

impl Run {
    /// Saves a run that can't go on; returns the sentence about its last checkpoint.
    pub(super) fn save_for_good(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<String, TrainError> {
        self.save(tell)?;
        Ok(self.kept())
    }

    /// The sentence about the run's last checkpoint.
    fn kept(&self) -> String {
        match self.checkpoints.last() {
            Some(path) if path.is_file() => format!("the last good checkpoint is `{}`", path.display()),
            Some(path) => format!("the last checkpoint, `{}`, is gone", path.display()),
            None => "nothing was saved before".to_owned(),
        }
    }

    /// Saves the curves up to here, a checkpoint and the policy.
    pub(super) fn save(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        self.metrics.flush().map_err(at(self.folder.path()))?;
        let evaluated = self.evaluate(tell);
        let mut checkpoint = self.training.checkpoint(self.progress().seconds);
        if let Some((kind, mean_return)) = evaluated
            && let Some(record) = checkpoint.record.kinds.get_mut(&kind)
        {
            record.evaluated = Some(mean_return);
        }
        checkpoint.record.run.clone_from(&self.id);
        self.training.kept.write(&self.folder.episodes())?;
        self.checkpoints.save(&checkpoint, clock::seconds())?;
        self.write_policies()?;
        if let Some(path) = self.checkpoints.last() {
            tell(RunEvent::Saved(path, &self.training));
        }
        Ok(())
    }

    /// Writes the policies as they are now.
    fn write_policies(&self) -> Result<(), TrainError> {
        let has_several = self.training.blueprint.has_several_kinds();
        if has_several {
            files::create_own_folder(&self.folder.policies()).map_err(at(self.folder.policies()))?;
        }
        for policy in self.training.policies() {
            policy.write(&self.folder.policy_to_write(&policy.spec.name, has_several))?;
        }
        Ok(())
    }

    /// Adds the sentence about the last checkpoint to an error about a file that can't be written.
    pub(super) fn unsaved(&self, error: TrainError) -> TrainError {
        if !matches!(error, TrainError::Folder { .. } | TrainError::Policy(PolicyError::Unwritable { .. })) {
            return error;
        }
        let run = self.folder.path().display();
        let kept = match self.checkpoints.last() {
            Some(path) if path.is_file() => {
                format!("`{}` is intact, go on from it with --resume {run}", path.display())
            }
            Some(path) => format!("`{}`, which was saved before, is gone too", path.display()),
            None => "nothing was saved before".to_owned(),
        };
        TrainError::Unsaved { cause: Box::new(error), kept: format!("the run has ended; {kept}") }
    }

    /// Ends the run after an iteration that nothing can be learned from. Checkpoints that were saved before are kept.
    pub(super) fn diverged(&mut self, cause: LearnError, tell: &mut dyn FnMut(RunEvent<'_>)) -> TrainError {
        let flushed = self.metrics.flush();
        // The parameters can't be read back from a device that failed.
        if !matches!(cause, LearnError::Device(_))
            && self.checkpoints.last().is_none()
            && let Err(error) = self.save(tell)
        {
            return error;
        }
        if let Err(error) = flushed {
            return at(self.folder.path())(error);
        }
        TrainError::Diverged { cause, iteration: self.training.iteration(), kept: self.kept() }
    }
}

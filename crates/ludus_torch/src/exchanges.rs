//! The exchanges that a learner lends for its rollouts.

use std::ops::Range;

use ludus_learn::{Exchange, LearnError, RolloutShape};

use crate::decider::{PolicyWidths, RowExchange, parts};
use crate::threads::keep_to_this_thread;
use crate::trained::TrainedNetwork;

/// The exchanges for rollouts of one shape.
#[derive(Default)]
pub(crate) struct Exchanges {
    shape: RolloutShape,
    parts: Vec<Box<dyn Exchange>>,
}

impl Exchanges {
    /// Lends the exchanges of rollouts of this shape, one for each part. `bounds` has each part's simulations. They are
    /// made anew unless those that there are fit.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if libtorch fails, or has failed before.
    pub fn lend(
        &mut self,
        trained: &mut TrainedNetwork,
        widths: PolicyWidths<'_>,
        shape: &RolloutShape,
        bounds: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError> {
        keep_to_this_thread();
        if self.shape != *shape || self.parts.len() != bounds.len() {
            let Self { shape: laid_out, parts: own } = self;
            trained.on_device(|trained| {
                *own = parts(shape, bounds, widths, &trained.link);
                laid_out.clone_from(shape);
            })?;
        }
        Ok(std::mem::take(&mut self.parts))
    }

    /// Takes lent exchanges back.
    pub fn take_back(&mut self, lent: Vec<Box<dyn Exchange>>) {
        self.parts = lent;
    }

    /// Returns those that are not lent.
    pub fn rows(&mut self) -> impl Iterator<Item = &mut RowExchange> {
        self.parts.iter_mut().map(|part| RowExchange::own(&mut **part))
    }
}

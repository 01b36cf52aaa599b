//! The searches of the game, as the panel *Search* draws them.

use std::path::PathBuf;

use bevy::ecs::resource::Resource;
use ludus_train::tune::SearchRecord;

/// The searches of the game (`tune`), and the one that is shown.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct SearchesSnapshot {
    /// The folders of all searches, the newest first.
    pub folders: Vec<PathBuf>,
    /// The folder of the search that is shown; `None` without any.
    pub shown: Option<PathBuf>,
    /// The search that is shown; `None` until it was read, or if it can't be read.
    pub record: Option<SearchRecord>,
    /// The reason that the search can't be read, as a sentence.
    pub problem: Option<String>,
    /// The trials whose curves are shown, in the order in which they were chosen.
    pub chosen: Vec<ChosenTrial>,
}

/// A trial whose curves are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChosenTrial {
    /// The number of the trial.
    pub trial: u64,
    /// The index of its colour among those of series, as in [`series`](crate::theme::series).
    pub color: usize,
}

impl SearchesSnapshot {
    /// True if the search that is shown has a trial with this number that has ended.
    pub fn has_trial(&self, trial: u64) -> bool {
        self.record.as_ref().is_some_and(|record| record.trials.iter().any(|ended| ended.result.trial == trial))
    }

    /// Returns the index of a chosen trial's colour; `None` for other trials.
    pub fn color_of(&self, trial: u64) -> Option<usize> {
        self.chosen.iter().find(|chosen| chosen.trial == trial).map(|chosen| chosen.color)
    }

    /// Chooses a trial, with the first colour that no other one has; one that was chosen is no longer.
    pub fn choose(&mut self, trial: u64) {
        if self.color_of(trial).is_some() {
            return self.chosen.retain(|chosen| chosen.trial != trial);
        }
        let is_free = |color: &usize| self.chosen.iter().all(|chosen| chosen.color != *color);
        let color = (0..).find(is_free).unwrap_or_default();
        self.chosen.push(ChosenTrial { trial, color });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_trial_keeps_its_colour() {
        let mut searches = SearchesSnapshot::default();
        [7, 3, 5].into_iter().for_each(|trial| searches.choose(trial));
        searches.choose(3);
        assert_eq!((searches.color_of(5), searches.color_of(3)), (Some(2), None));
        searches.choose(9);
        assert_eq!(searches.color_of(9), Some(1), "the colour that is free again");
    }
}

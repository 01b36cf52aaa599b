//! The orders that a run carries out between two iterations.

use crate::changes::Change;
use crate::clock;
use crate::control::{Control, Order};
use crate::error::{TrainError, at};
use crate::progress::RunEvent;

use super::Run;
use super::beginning::write_config;

impl Run {
    /// Carries out the orders, and waits while the run is paused. This does not count as time of training.
    pub(super) fn obey(&mut self, control: &dyn Control, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        let asked = clock::seconds();
        while let Some(order) = control.next_order() {
            self.carry_out(&order, tell)?;
        }
        self.began += clock::seconds() - asked;
        Ok(())
    }

    fn carry_out(&mut self, order: &Order, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        let changed = match *order {
            Order::Save => return self.save(tell),
            Order::LearningRate { kind, rate } => self.set_learning_rate(kind, rate),
            Order::Weight { kind, term, weight } => self.set_weight(kind, term, weight),
        };
        match changed {
            Ok(change) if change.was == change.now => {}
            Ok(change) => {
                self.write_change(&change)?;
                tell(RunEvent::Changed(&change, &self.training));
            }
            Err(sentence) => tell(RunEvent::Trouble(sentence)),
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, kind: usize, rate: f32) -> Result<Change, String> {
        self.check_kind(kind)?;
        let algorithm = self.training.blueprint.agent(kind).algorithm();
        let (section, schedule) = (algorithm.section(), algorithm.learning_rate());
        self.training.set_learning_rate(kind, rate).map_err(|error| error.to_string())?;
        let was = ron::to_string(&schedule).expect("a schedule has no value that RON can't write");
        Ok(self.change(kind, &format!("{section}.learning_rate"), was, rate))
    }

    fn set_weight(&mut self, kind: usize, term: usize, weight: f32) -> Result<Change, String> {
        self.check_kind(kind)?;
        let spec = self.training.blueprint.specs[kind].clone();
        let Some(term) = spec.reward.get(term) else {
            return Err(format!("`{}` has {} reward terms, there is no {term}", spec.name, spec.reward.len()));
        };
        if !weight.is_finite() {
            return Err(format!("the weight of `{}` is {weight}; it must be finite", term.name));
        }
        let was = self.training.blueprint.agent(kind).reward.get(&term.name).copied().unwrap_or_default();
        self.training.set_weight(kind, &term.name, weight);
        Ok(self.change(kind, &format!("reward.{}", term.name), number(was), weight))
    }

    fn check_kind(&self, kind: usize) -> Result<(), String> {
        let kinds = self.training.blueprint.specs.len();
        if kind < kinds { Ok(()) } else { Err(format!("the game has {kinds} kinds of agents, there is no {kind}")) }
    }

    /// A change of a setting, which has the name that `--set` takes.
    fn change(&self, kind: usize, setting: &str, was: String, now: f32) -> Change {
        let blueprint = &self.training.blueprint;
        let setting = match blueprint.has_several_kinds() {
            true => format!("{}.{setting}", blueprint.specs[kind].name),
            false => setting.to_owned(),
        };
        Change { step: self.training.steps, setting, was, now: number(now) }
    }

    /// Writes a change to the run's config, so that a resumed run keeps it, and to the table of changes.
    fn write_change(&self, change: &Change) -> Result<(), TrainError> {
        write_config(&self.folder, &self.training.blueprint)?;
        let table = self.folder.changes();
        change.append(&table).map_err(at(table))
    }
}

/// A number as RON, the way it stands in a config.
fn number(value: f32) -> String {
    ron::to_string(&value).expect("a number is RON")
}

//! The agreement of a policy with demonstrations, beside two trivial baselines.

use ludus_demonstrations::Demonstration;
use ludus_policy::{JudgedStep, Policy, Sensed};
use ludus_spec::{ActionKind, AgentSpec, joined};
use serde::Serialize;

/// The agreement of a policy's most probable actions with those of demonstrations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Episodes that were compared.
    pub episodes: u64,
    /// Their steps that are imitated.
    pub steps: u64,
    /// Mean negative log-likelihood of the demonstrated actions under the policy \[nats per step\].
    pub negative_log_likelihood: f64,
    /// The fields of the action that are choices.
    pub choices: Vec<ChoiceAgreement>,
    /// The numbers of the action.
    pub numbers: Vec<NumberAgreement>,
}

/// The agreement in a field of the action that is a choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChoiceAgreement {
    /// The field's name.
    pub name: String,
    /// The part of the steps in which the policy makes the demonstrated choice.
    pub accuracy: f64,
    /// The same of a policy that always makes the choice that is demonstrated most often.
    pub most_frequent_accuracy: f64,
    /// The same of a policy that repeats the choice of the step before.
    pub same_as_before_accuracy: f64,
    /// The choices.
    pub choices: Vec<ChoiceScore>,
    /// Steps by the demonstrated choice and the policy's choice `[choices, choices]`.
    pub confusion: Vec<Vec<u64>>,
}

/// The agreement in one choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChoiceScore {
    /// The name of the choice.
    pub name: String,
    /// Of the steps in which the policy makes the choice, the part in which it was demonstrated; 0 without any.
    pub precision: f64,
    /// Of the steps in which the choice was demonstrated, the part in which the policy makes it; 0 without any.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Steps in which it was demonstrated.
    pub steps: u64,
}

/// The agreement in a number of the action. Numbers are in the range of the field as −1..=1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberAgreement {
    /// The name of the dimension, such as `push.x`.
    pub name: String,
    /// Mean absolute error of the policy's number.
    pub mean_absolute_error: f64,
    /// The same of the mean of the demonstrations.
    pub mean_baseline_error: f64,
    /// The same of the number of the step before.
    pub same_as_before_error: f64,
    /// The part of the variance that the policy explains; 0 if there is none.
    pub r_squared: f64,
    /// The same of the number of the step before.
    pub same_as_before_r_squared: f64,
}

/// The actions of all steps that are imitated.
#[derive(Debug, Default)]
struct Actions {
    width: usize,
    /// The demonstrated actions `[steps, action width]`.
    shown: Vec<f32>,
    /// The policy's actions from the same observations `[steps, action width]`.
    chosen: Vec<f32>,
    /// The actions one step before, imitated or not; any in the first step of an episode `[steps, action width]`.
    before: Vec<f32>,
    /// True for the first step of each episode `[steps]`.
    is_first: Vec<bool>,
    /// The demonstrated actions of other episodes, by which baselines choose; the same ones if there are no others.
    known: Vec<f32>,
}

/// Compares a policy with `episodes`. The baselines know the actions of `others`; of the same episodes if there are none.
pub(crate) fn agreement(
    policy: &Policy,
    spec: &AgentSpec,
    episodes: &[Demonstration],
    others: &[Demonstration],
) -> Agreement {
    let (width, mut scratch) = (spec.action_width(), policy.scratch());
    let known = if others.is_empty() { episodes } else { others };
    let mut actions = Actions { width, known: imitated_actions(known, width), ..Actions::default() };
    let mut log_likelihood = 0.0;
    for episode in episodes {
        let observations = &episode.observations[..episode.steps() * spec.observation_width()];
        let sensed = Sensed { observations, masks: &episode.masks };
        let is_imitated = episode.imitated();
        policy.judge(sensed, &episode.actions, &mut scratch, |step| {
            if is_imitated[step.step] {
                log_likelihood += f64::from(step.log_prob);
                actions.push(&episode.actions, &step);
            }
        });
    }
    let steps = actions.is_first.len();
    let (mut choices, mut numbers, mut column) = (Vec::new(), Vec::new(), 0);
    for field in &spec.action {
        match field.kind {
            ActionKind::Discrete => choices.push(actions.of_choice(named(&field.name), &field.parts, column)),
            ActionKind::Continuous { .. } => {
                let parts = (column..).zip(&field.parts);
                numbers.extend(
                    parts.map(|(column, part)| actions.of_number(named(&joined(&field.name, part)).to_owned(), column)),
                );
            }
        }
        column += field.head().action_width();
    }
    Agreement {
        episodes: episodes.len() as u64,
        steps: steps as u64,
        negative_log_likelihood: -log_likelihood / steps.max(1) as f64,
        choices,
        numbers,
    }
}

/// Returns the actions of the steps that are imitated.
fn imitated_actions(episodes: &[Demonstration], width: usize) -> Vec<f32> {
    let mut actions = Vec::new();
    for episode in episodes {
        let rows = episode.actions.chunks_exact(width).zip(episode.imitated());
        rows.filter(|(_, is_imitated)| *is_imitated).for_each(|(action, _)| actions.extend_from_slice(action));
    }
    actions
}

/// The name of a part of the action; a whole action has none.
fn named(name: &str) -> &str {
    if name.is_empty() { "action" } else { name }
}

impl Actions {
    /// Adds a step of an episode with these actions.
    fn push(&mut self, episode: &[f32], judged: &JudgedStep<'_>) {
        let action = |step: usize| &episode[step * self.width..][..self.width];
        self.shown.extend_from_slice(action(judged.step));
        self.chosen.extend_from_slice(judged.most_probable);
        self.before.extend_from_slice(action(judged.step.saturating_sub(1)));
        self.is_first.push(judged.step == 0);
    }

    fn column<'a>(&self, rows: &'a [f32], column: usize) -> impl Iterator<Item = f32> + Clone + 'a {
        rows.iter().skip(column).step_by(self.width).copied()
    }

    /// Returns a column of what was demonstrated one step before; `first` in the first step of an episode.
    fn before(&self, column: usize, first: f32) -> Vec<f32> {
        let place = |(&is_first, before): (&bool, f32)| if is_first { first } else { before };
        self.is_first.iter().zip(self.column(&self.before, column)).map(place).collect()
    }

    fn of_choice(&self, name: &str, parts: &[String], column: usize) -> ChoiceAgreement {
        let mut confusion = vec![vec![0_u64; parts.len()]; parts.len()];
        let shown = || self.column(&self.shown, column);
        for (shown, chosen) in shown().zip(self.column(&self.chosen, column)) {
            confusion[shown as usize][chosen as usize] += 1;
        }
        let mut counts = vec![0_u64; parts.len()];
        self.column(&self.known, column).for_each(|choice| counts[choice as usize] += 1);
        let most_frequent = (0..parts.len()).rev().max_by_key(|&choice| counts[choice]).unwrap_or(0) as f32;
        let share = |others: &[f32]| {
            let same = shown().zip(others).filter(|(shown, other)| shown == *other).count();
            same as f64 / others.len().max(1) as f64
        };
        let chosen: Vec<f32> = self.column(&self.chosen, column).collect();
        ChoiceAgreement {
            name: name.to_owned(),
            accuracy: share(&chosen),
            most_frequent_accuracy: share(&vec![most_frequent; chosen.len()]),
            same_as_before_accuracy: share(&self.before(column, most_frequent)),
            choices: parts.iter().enumerate().map(|(choice, part)| score(part, choice, &confusion)).collect(),
            confusion,
        }
    }

    fn of_number(&self, name: String, column: usize) -> NumberAgreement {
        // Numbers beyond the range are clamped in the game.
        let clamped = |rows: &[f32]| -> Vec<f64> {
            self.column(rows, column).map(|number| f64::from(number.clamp(-1.0, 1.0))).collect()
        };
        let (shown, chosen, known) = (clamped(&self.shown), clamped(&self.chosen), clamped(&self.known));
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        let before: Vec<f64> =
            self.before(column, mean as f32).iter().map(|&number| f64::from(number.clamp(-1.0, 1.0))).collect();
        NumberAgreement {
            name,
            mean_absolute_error: mean_error(&shown, &chosen),
            mean_baseline_error: mean_error(&shown, &vec![mean; shown.len()]),
            same_as_before_error: mean_error(&shown, &before),
            r_squared: r_squared(&shown, &chosen),
            same_as_before_r_squared: r_squared(&shown, &before),
        }
    }
}

fn score(name: &str, choice: usize, confusion: &[Vec<u64>]) -> ChoiceScore {
    let both = confusion[choice][choice] as f64;
    let shown: u64 = confusion[choice].iter().sum();
    let chosen: u64 = confusion.iter().map(|row| row[choice]).sum();
    let part = |of: u64| if of == 0 { 0.0 } else { both / of as f64 };
    let (precision, recall) = (part(chosen), part(shown));
    let sum = precision + recall;
    let f1 = if sum == 0.0 { 0.0 } else { 2.0 * precision * recall / sum };
    ChoiceScore { name: name.to_owned(), precision, recall, f1, steps: shown }
}

fn mean_error(shown: &[f64], other: &[f64]) -> f64 {
    let sum: f64 = shown.iter().zip(other).map(|(shown, other)| (shown - other).abs()).sum();
    sum / shown.len().max(1) as f64
}

/// `1 − Σ(shown − other)² / Σ(shown − mean)²`
fn r_squared(shown: &[f64], other: &[f64]) -> f64 {
    let mean = shown.iter().sum::<f64>() / shown.len().max(1) as f64;
    let squares = |others: &mut dyn Iterator<Item = f64>| -> f64 {
        shown.iter().zip(others).map(|(shown, other)| (shown - other).powi(2)).sum()
    };
    let all = squares(&mut std::iter::repeat(mean));
    if all == 0.0 { 0.0 } else { 1.0 - squares(&mut other.iter().copied()) / all }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two episodes of a choice and a number, by hand.
    fn actions() -> Actions {
        Actions {
            width: 2,
            shown: vec![0.0, 0.5, 1.0, -0.5, 1.0, 0.5, 1.0, 1.5],
            chosen: vec![0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 2.0, 1.0],
            before: vec![0.0, 0.5, 0.0, 0.5, 1.0, -0.5, 1.0, 1.5],
            is_first: vec![true, false, false, true],
            known: vec![1.0, 0.25, 1.0, 0.25, 0.0, 0.25],
        }
    }

    #[test]
    fn choices_are_counted_by_what_was_shown() {
        let parts = ["A", "B", "C"].map(str::to_owned);
        let found = actions().of_choice("jump", &parts, 0);
        assert_eq!(found.confusion, [[1, 0, 0], [1, 1, 1], [0, 0, 0]]);
        assert_eq!((found.accuracy, found.most_frequent_accuracy, found.same_as_before_accuracy), (0.5, 0.75, 0.5));
        let scores: Vec<_> = found.choices.iter().map(|score| (score.precision, score.recall, score.steps)).collect();
        assert_eq!(scores, [(0.5, 1.0, 1), (1.0, 1.0 / 3.0, 3), (0.0, 0.0, 0)]);
        assert_eq!((found.choices[1].f1, found.choices[2].f1), (0.5, 0.0));
    }

    #[test]
    fn numbers_are_compared_in_their_range() {
        let found = actions().of_number("push".to_owned(), 1);
        // Shown: 0.5, −0.5, 0.5, 1; chosen: 0.5, 0, 0, 1; before: 0.25, 0.5, −0.5, 0.25.
        assert_eq!((found.mean_absolute_error, found.mean_baseline_error), (0.25, 0.5));
        assert_eq!(found.same_as_before_error, 0.75);
        // The squares around the mean 0.375 add up to 1.1875.
        assert!((found.r_squared - (1.0 - 0.5 / 1.1875)).abs() < 1e-12, "{found:?}");
        assert!((found.same_as_before_r_squared - (1.0 - 2.625 / 1.1875)).abs() < 1e-12, "{found:?}");
    }
}

//! The report of an algorithm's updates.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The name of the learning-rate metric, the same for every algorithm that has one.
pub const LEARNING_RATE: &str = "charts/learning_rate";

/// A metric of an algorithm: its name in files, and its title and unit on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name in files, as in CleanRL: `losses/value_loss`.
    pub name: &'static str,
    /// Its name on screen.
    pub title: &'static str,
    /// Its unit on screen; empty if it has none.
    pub unit: &'static str,
}

/// Returns a name that is kept for the rest of the program. Each name is kept once.
///
/// Metrics are copied with every report, so their names are not owned. Streams of rewards have names of a config's.
pub(crate) fn interned(name: String) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(&kept) = names.get(name.as_str()) {
        return kept;
    }
    let kept: &'static str = Box::leak(name.into_boxed_str());
    names.insert(kept);
    kept
}

/// The result of an update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Steps that are experience. If 0, nothing was learned.
    pub experience: usize,
    /// Steps that were left out because a number that they depend on was not finite.
    pub faulty: usize,
    /// Gradient steps taken.
    pub gradient_steps: usize,
    /// The algorithm's metrics, in its order.
    pub metrics: Vec<Metric>,
}

/// A number of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name, title and unit.
    pub info: MetricInfo,
    /// The metric's value.
    pub value: f32,
}

impl Report {
    /// Returns the value of the metric with this name.
    pub fn metric(&self, name: &str) -> Option<f32> {
        self.metrics.iter().find(|metric| metric.info.name == name).map(|metric| metric.value)
    }

    /// Adds another update of the same iteration: counts add up, metrics become means over gradient steps.
    pub fn add(&mut self, other: &Self) {
        let steps = self.gradient_steps + other.gradient_steps;
        if self.metrics.is_empty() {
            self.metrics.clone_from(&other.metrics);
        } else if steps > 0 {
            let part = other.gradient_steps as f32 / steps as f32;
            for (own, other) in self.metrics.iter_mut().zip(&other.metrics) {
                own.value += part * (other.value - own.value);
            }
        }
        self.gradient_steps = steps;
        self.experience += other.experience;
        self.faulty += other.faulty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once() {
        let [first, second] = [(); 2].map(|()| interned("charts/safety_return".to_owned()));
        assert!(std::ptr::eq(first, second) && first == "charts/safety_return");
    }

    #[test]
    fn metrics_of_several_updates_are_means_over_gradient_steps() {
        let report = |gradient_steps, value| {
            let info = MetricInfo { name: "losses/q", title: "", unit: "" };
            Report { experience: 10, faulty: 1, gradient_steps, metrics: vec![Metric { info, value }] }
        };
        let mut sum = Report::default();
        [report(1, 4.0), report(3, 8.0), report(0, 100.0)].iter().for_each(|report| sum.add(report));
        assert_eq!((sum.experience, sum.faulty, sum.gradient_steps), (30, 3, 4));
        assert_eq!((sum.metric("losses/q"), sum.metric("losses/p")), (Some(7.0), None));
    }
}

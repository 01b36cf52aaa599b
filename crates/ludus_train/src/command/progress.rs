//! The progress of a run, on a terminal or in a log.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::StopConfig;
use crate::progress::{KindProgress, Progress, RunEvent, RunStart};

use super::eval::success_words;
use super::outlet::{note, warn};

/// Seconds between two updates of the bar.
const BAR_INTERVAL: f64 = 0.1;
/// Seconds until the first line of a log.
const FIRST_LINE: f64 = 1.0;
/// Seconds between two lines of a log.
const LINE_INTERVAL: f64 = 5.0;

/// A bar on a terminal, else a line every few seconds.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    next: Option<f64>,
    /// The facts about the run at its start, once it has started.
    start: Option<RunStart>,
    /// Steps so far.
    steps: u64,
    /// Steps of the last checkpoint.
    saved: Option<u64>,
}

impl Display {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(bar);
        Self { bar, next: None, start: None, steps: 0, saved: None }
    }

    pub fn show(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Started(start, _) => self.show_start(start),
            RunEvent::Progress(progress, ..) => self.show_progress(progress),
            RunEvent::Saved(..) => self.saved = Some(self.steps),
            RunEvent::Changed(..) => {}
            RunEvent::Note(sentence) => self.above(|| note(sentence)),
            RunEvent::Trouble(sentence) => self.above(|| warn(sentence)),
        }
    }

    /// Returns a function that writes `sentence` above the bar, from any thread.
    pub fn writer(&self, sentence: &'static str) -> impl Fn() + Send + use<> {
        let bar = self.bar.clone();
        move || above(bar.as_ref(), || note(sentence))
    }

    /// Leaves the last state of the bar on the terminal.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }

    /// Steps that were over when the run was resumed.
    pub fn steps_before(&self) -> u64 {
        self.start.as_ref().map_or(0, |start| start.steps_before)
    }

    fn show_start(&mut self, start: &RunStart) {
        if let Some(bar) = &self.bar {
            bar.set_length(start.stop.steps.get());
            bar.set_position(start.steps_before);
        }
        self.above(|| {
            note(format_args!(
                "training {} agents in {} worlds on {} threads (built in {:.2} s) into {}",
                start.rows,
                start.worlds,
                start.threads,
                start.build_seconds,
                start.run_dir.display()
            ));
            start.learners.iter().for_each(|learner| note(format_args!("learner: {learner}")));
        });
        (self.start, self.steps) = (Some(start.clone()), start.steps_before);
    }

    fn show_progress(&mut self, progress: &Progress) {
        self.steps = progress.steps;
        let Some(start) = &self.start else { return };
        let first = if self.bar.is_some() { 0.0 } else { FIRST_LINE };
        // `seconds` includes the time before a run was resumed.
        let next = *self.next.get_or_insert(progress.seconds + first);
        if progress.seconds < next {
            return;
        }
        let mut text = described(progress, &start.stop);
        if let Some(steps) = self.saved {
            text.push_str(&format!(", saved at {steps}"));
        }
        if let Some(bar) = &self.bar {
            self.next = Some(progress.seconds + BAR_INTERVAL);
            bar.set_position(progress.steps);
            bar.set_message(text);
        } else {
            self.next = Some(progress.seconds + LINE_INTERVAL);
            let (seconds, steps, all) = (progress.seconds, progress.steps, start.stop.steps.get());
            let percent = 100.0 * steps as f64 / all as f64;
            note(format_args!("{seconds:.0} s, {steps} of {all} steps ({percent:.0} %), {text}"));
        }
    }

    /// Calls `write` while the bar is hidden.
    fn above(&self, write: impl FnOnce()) {
        above(self.bar.as_ref(), write);
    }
}

fn above(bar: Option<&ProgressBar>, write: impl FnOnce()) {
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// `return 12.3 ± 4.5 (goal 20), 1200000 steps/s, at most 40 s left, forward 30 …`
fn described(progress: &Progress, stop: &StopConfig) -> String {
    let goal = |kind: &KindProgress| {
        let goal = stop.goal(&kind.name).map_or_else(String::new, |goal| format!(" (goal {goal})"));
        format!("{goal}{}", kind.success.map_or_else(String::new, success_words))
    };
    let left = left(progress, stop);
    format!(
        "{}, {:.0} steps/s, {left}{}",
        progress.return_sentence_with(goal),
        progress.steps_per_second,
        progress.phases.in_percent()
    )
}

/// The time left, such as `at most 2 min 5 s left, `; empty if it is unknown.
fn left(progress: &Progress, stop: &StopConfig) -> String {
    let by_steps = stop.steps.get().saturating_sub(progress.steps) as f64 / progress.steps_per_second;
    let by_time = stop.seconds.map_or(f64::INFINITY, |seconds| seconds - progress.seconds);
    let seconds = by_steps.min(by_time).max(0.0);
    // More than 1e9 s, some 30 years, are not worth showing.
    if seconds.is_nan() || seconds > 1e9 {
        return String::new();
    }
    let about = if stop.mean_return.is_some() || stop.success.is_some() { "at most" } else { "about" };
    format!("{about} {} left, ", duration(seconds))
}

/// The duration in two units at most: `45 s`, `2 min 5 s`, `3 h 20 min` or `12 d 3 h`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed} {bar:20} {human_pos}/{human_len} steps, {msg}");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroU64;

    use super::*;
    use crate::config::MeanReturn;
    use crate::episodes::Spread;
    use crate::phases::Phases;

    fn kind(name: &str, returns: Spread, episodes: u64) -> KindProgress {
        let (name, terms) = (name.to_owned(), BTreeMap::new());
        let (success, learns) = (None, true);
        KindProgress { kind: 0, name, returns, is_full: false, length: 1.0, terms, episodes, success, learns }
    }

    fn progress() -> Progress {
        Progress {
            steps: 100,
            kinds: vec![kind("Plate", Spread { mean: 1.5, std: 0.25 }, 3)],
            steps_per_second: 1000.0,
            seconds: 0.1,
            phases: Phases { forward: 50, copy: 0, simulate: 20, sense_score: 10, learn: 20 },
        }
    }

    fn stop(mean_return: Option<f32>, seconds: Option<f64>) -> StopConfig {
        StopConfig {
            steps: NonZeroU64::new(90_100).unwrap(),
            mean_return: mean_return.map(Into::into),
            seconds,
            success: None,
        }
    }

    #[test]
    fn every_line_has_the_return_the_speed_the_time_left_and_the_time_by_phase() {
        let phases = "forward 50 copy 0 simulate 20 sense+score 10 learn 20 %";
        assert_eq!(
            described(&progress(), &stop(None, None)),
            format!("return 1.50 ± 0.25, 1000 steps/s, about 1 min 30 s left, {phases}")
        );
        assert_eq!(
            described(&progress(), &stop(Some(20.0), Some(60.1))),
            format!("return 1.50 ± 0.25 (goal 20), 1000 steps/s, at most 1 min 0 s left, {phases}")
        );
    }

    #[test]
    fn every_kind_has_its_return_and_its_goal() {
        let spread = |mean: f64| Spread { mean, std: 0.5 };
        let kinds = vec![kind("Wolf", spread(1.5), 3), kind("Sheep", spread(20.0), 9)];
        let goals = MeanReturn::PerKind([("Sheep".to_owned(), 30.0)].into());
        let stop = StopConfig { mean_return: Some(goals), ..stop(None, None) };
        let said = described(&Progress { kinds, ..progress() }, &stop);
        assert!(said.starts_with("return Wolf 1.50 ± 0.50, Sheep 20.00 ± 0.50 (goal 30), 1000 steps/s"), "{said}");
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let nothing = Spread { mean: f64::NAN, std: f64::NAN };
        let none = Progress { kinds: vec![kind("Plate", nothing, 0)], ..progress() };
        assert!(described(&none, &stop(None, None)).starts_with("no episode has ended yet, "));
        let unknown = Progress { kinds: vec![kind("Plate", nothing, 5)], ..progress() };
        assert!(described(&unknown, &stop(None, None)).starts_with("no mean return yet, "));
        let standing = Progress { steps_per_second: 0.0, ..progress() };
        assert!(!described(&standing, &stop(None, None)).contains("left"));
    }

    #[test]
    fn durations_have_two_units() {
        let said = [0.4, 59.0, 125.0, 12_000.0, 1_050_000.0].map(duration);
        assert_eq!(said, ["0 s", "59 s", "2 min 5 s", "3 h 20 min", "12 d 3 h"]);
    }
}

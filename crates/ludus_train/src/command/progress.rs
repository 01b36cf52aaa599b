//! How far a run has come, on a terminal or in a log.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::progress::{Progress, RunEvent, RunStart};

use super::outlet::{note, warn};

/// Seconds between two updates of the bar.
const BAR_INTERVAL: f64 = 0.1;
/// Seconds between two lines of a log.
const LINE_INTERVAL: f64 = 5.0;

/// A bar on a terminal, else a line every few seconds.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    next: f64,
    /// Steps so far.
    steps: u64,
    /// Steps of the last checkpoint.
    saved: Option<u64>,
}

impl Display {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(bar);
        let next = if bar.is_some() { 0.0 } else { LINE_INTERVAL };
        Self { bar, next, steps: 0, saved: None }
    }

    pub fn show(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Started(start, _) => self.show_start(start),
            RunEvent::Progress(progress, ..) => self.show_progress(progress),
            RunEvent::Saved(_) => self.saved = Some(self.steps),
            RunEvent::Changed(..) => {}
            RunEvent::Note(sentence) => self.above(|| note(sentence)),
            RunEvent::Trouble(sentence) => self.above(|| warn(sentence)),
        }
    }

    /// Leaves the last state of the bar on the terminal.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }

    fn show_start(&self, start: &RunStart) {
        if let Some(bar) = &self.bar {
            bar.set_length(start.stop_steps);
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
            note(format_args!("learner: {}", start.learner));
        });
    }

    fn show_progress(&mut self, progress: &Progress) {
        self.steps = progress.steps;
        if progress.seconds < self.next {
            return;
        }
        let mut text = described(progress);
        if let Some(steps) = self.saved {
            text.push_str(&format!(", saved at {steps}"));
        }
        if let Some(bar) = &self.bar {
            self.next = progress.seconds + BAR_INTERVAL;
            bar.set_position(progress.steps);
            bar.set_message(text);
        } else {
            self.next = progress.seconds + LINE_INTERVAL;
            note(format_args!("{:.0} s, {} steps, {text}", progress.seconds, progress.steps));
        }
    }

    /// Writes while the bar is out of the way.
    fn above(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// `return 12.3 ± 4.5, 1.2 M steps/s, forward 30 …`
fn described(progress: &Progress) -> String {
    let (returns, phases) = (progress.return_sentence(), progress.phases.in_percent());
    format!("{returns}, {:.0} steps/s, {phases}", progress.steps_per_second)
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
    use super::*;
    use crate::episodes::Spread;
    use crate::phases::Phases;

    #[test]
    fn every_line_has_the_return_the_speed_and_the_time_by_phase() {
        let progress = Progress {
            steps: 100,
            returns: Spread { mean: 1.5, std: 0.25 },
            episodes: 3,
            steps_per_second: 1000.0,
            seconds: 0.1,
            phases: Phases { forward: 50, copy: 0, simulate: 20, sense_score: 10, learn: 20 },
        };
        let expected = "return 1.50 ± 0.25, 1000 steps/s, forward 50 copy 0 simulate 20 sense+score 10 learn 20 %";
        assert_eq!(described(&progress), expected);
        let returns = Spread { mean: f64::NAN, std: f64::NAN };
        let unknown = Progress { returns, ..progress };
        assert!(described(&unknown).starts_with("no mean return yet, "));
        assert!(described(&Progress { episodes: 0, ..unknown }).starts_with("no episode has ended yet, "));
    }
}

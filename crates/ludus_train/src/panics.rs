//! The panics of a run, and the limit on them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ludus_worlds::WorldPanic;

use crate::config::FaultConfig;

/// Limit on the messages that are counted separately: a game that writes numbers into its messages may have any number
/// of them.
const MESSAGES: usize = 16;

/// Counts panics by their messages.
#[derive(Debug)]
pub(crate) struct PanicLog {
    config: FaultConfig,
    /// The run's steps at each of the last panics; at most one more than the config allows.
    recent: VecDeque<u64>,
    total: u64,
    said: BTreeMap<String, Tally>,
    /// The panics with messages beyond the limit.
    others: Tally,
}

/// The number and the worlds of panics with the same message.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    worlds: BTreeSet<u32>,
}

impl PanicLog {
    pub const fn new(config: FaultConfig) -> Self {
        let others = Tally { count: 0, worlds: BTreeSet::new() };
        Self { config, recent: VecDeque::new(), total: 0, said: BTreeMap::new(), others }
    }

    /// Counts a panic after `steps` steps of the run.
    pub fn note(&mut self, panic: &WorldPanic, steps: u64) {
        self.total += 1;
        self.recent.push_back(steps);
        if self.recent.len() > self.config.panics as usize + 1 {
            self.recent.pop_front();
        }
        let is_new = !self.said.contains_key(&panic.message);
        let tally = if is_new && self.said.len() == MESSAGES {
            &mut self.others
        } else {
            self.said.entry(panic.message.clone()).or_default()
        };
        tally.count += 1;
        tally.worlds.insert(panic.world);
    }

    /// True if there were more panics within the config's number of steps than it allows.
    pub fn is_too_much(&self) -> bool {
        let Some((first, last)) = self.recent.front().zip(self.recent.back()) else { return false };
        self.recent.len() > self.config.panics as usize && last - first <= self.config.panic_steps.get()
    }

    /// The counts in lines, the most frequent message first.
    pub fn summary(&self) -> String {
        let mut said: Vec<_> = self.said.iter().collect();
        said.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count));
        let mut lines = vec![format!("the game panicked {} times:", self.total)];
        lines.extend(said.into_iter().map(|(message, tally)| tally.line(&format!("`{message}`"))));
        lines.extend((self.others.count > 0).then(|| self.others.line("other messages")));
        lines.join("\n")
    }
}

impl Tally {
    fn line(&self, what: &str) -> String {
        let worlds: Vec<_> = self.worlds.iter().take(8).map(u32::to_string).collect();
        let more = if self.worlds.len() > worlds.len() { ", …" } else { "" };
        format!("  {} × {what} in worlds {}{more}", self.count, worlds.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn panic(world: u32, message: &str) -> WorldPanic {
        WorldPanic { world, arena: None, tick: 1, seed: 0, message: message.to_owned() }
    }

    #[test]
    fn more_panics_than_allowed_within_the_steps_are_too_much() {
        let check = |steps: &[u64], expected| {
            let config =
                FaultConfig { panics: 2, panic_steps: NonZeroU64::new(100).unwrap(), ..FaultConfig::default() };
            let mut log = PanicLog::new(config);
            steps.iter().for_each(|&steps| log.note(&panic(0, "no"), steps));
            assert_eq!(log.is_too_much(), expected, "{steps:?}");
        };
        check(&[], false);
        check(&[0, 0], false);
        check(&[0, 0, 0], true);
        check(&[0, 50, 100], true);
        check(&[0, 50, 101], false);
        check(&[0, 50, 101, 150], true);
    }

    #[test]
    fn a_summary_counts_what_was_said() {
        let mut log = PanicLog::new(FaultConfig::default());
        log.note(&panic(2, "rare"), 0);
        (0..3).for_each(|world| log.note(&panic(world, "often"), 0));
        (0..20).for_each(|number| log.note(&panic(number, &format!("number {number}")), 0));
        let summary = log.summary();
        let lines: Vec<_> = summary.lines().collect();
        assert_eq!(lines[0], "the game panicked 24 times:");
        assert_eq!(lines[1], "  3 × `often` in worlds 0, 1, 2");
        assert_eq!(lines.last().unwrap(), &"  6 × other messages in worlds 14, 15, 16, 17, 18, 19");
    }
}

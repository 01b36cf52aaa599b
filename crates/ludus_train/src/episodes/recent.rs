//! The episodes that a run's mean return is taken over.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use ludus_spec::Outcome;

use super::{EpisodeSummary, Spread, success_rate};

/// Episodes that the mean is taken over at least.
pub const LEAST_EPISODES: usize = 100;

/// Episodes that the mean is taken over at most.
const MOST_EPISODES: usize = 1000;

/// Steps after which an episode that goes on is not awaited any longer.
const PATIENCE: u64 = 10_000;

/// Episodes per row that may be held for one that goes on, besides `LEAST_HELD` for all rows together.
const MOST_HELD_PER_ROW: usize = 100;
const LEAST_HELD: usize = 10_000;

/// A row without an episode that is awaited.
const NOT_AWAITED: u64 = u64::MAX;

/// The last episodes, in the order in which they began: as many as there are rows, 100 at least and 1000 at most.
///
/// An episode counts as soon as all that began before it are over.
/// To count episodes as they end would favour short ones, whether those are good or bad: of all episodes that begin
/// together the short ones end first, and early in a run only they have ended.
/// The order in which episodes begin does not depend on how they end.
///
/// An episode that has lasted for 10,000 steps, or for its limit if that is more, is not awaited any longer: it counts
/// with its sums until then, as if a limit had cut it. The same holds once very many others wait for it.
///
/// It depends on the steps of the rows alone, so it is the same with any number of threads.
#[derive(Clone, Debug)]
pub struct RecentEpisodes {
    counted: VecDeque<EpisodeSummary>,
    capacity: usize,
    /// Episodes that are over while an earlier one goes on, ordered by their starts.
    held: BinaryHeap<Reverse<Held>>,
    /// The step in which each row's unfinished episode began, or [`NOT_AWAITED`]; `[rows]`.
    open: Vec<u64>,
    /// Episodes that began before this start are counted, or never will be.
    frontier: Start,
    settings: RowSettings,
    /// The number of episodes that have ended.
    total: u64,
}

/// The facts about the rows of a run that decide which episodes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSettings {
    /// Rows of all worlds.
    pub rows: usize,
    /// The limit of episodes [steps], if there is one.
    pub limit: Option<u32>,
    /// True if first episodes may be cut short. Then none of them counts, not even one that ended before the cut.
    pub stagger: bool,
}

/// The last change of a row's episode since changes were last taken: the step in which another one began, counted from 1
/// since then, `u32::MAX` once it is over or its agent is gone, and 0 if it is still the same.
///
/// It is a small number, so that several rows are updated at a time without a branch: which of them end in a step can't
/// be foretold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowChange(u32);

/// The changes of some rows.
#[derive(Clone, Copy, Debug)]
pub struct RowChanges<'a> {
    /// The step of the group after which they were taken before.
    pub since: u64,
    /// The change of each row.
    pub rows: &'a [RowChange],
}

impl RowChange {
    const SAME: Self = Self(0);
    const OVER: Self = Self(u32::MAX);

    /// Updates the changes of rows with their outcomes in a step, counted from 1 since changes were last taken.
    pub fn note_all(changes: &mut [Self], step: u64, outcomes: &[Outcome]) {
        changes.iter_mut().zip(outcomes).for_each(|(change, outcome)| change.note(step, *outcome));
    }

    /// Updates the change with the row's outcome in a step, counted from 1 since changes were last taken.
    #[inline]
    pub fn note(&mut self, step: u64, outcome: Outcome) {
        // The greatest stands for later steps too: nobody takes changes after so many.
        let step = step.min(u64::from(Self::OVER.0 - 1)) as u32;
        let is_over = matches!(outcome, Outcome::Vacant)
            | matches!(outcome, Outcome::Terminated | Outcome::Truncated)
            | matches!(outcome, Outcome::WaitingTerminated | Outcome::WaitingTruncated);
        let unless_begun = if is_over { Self::OVER.0 } else { self.0 };
        self.0 = if outcome == Outcome::Restart { step } else { unless_begun };
    }
}

/// The step and row in which an episode began. It defines the order of episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    step: u64,
    row: usize,
}

#[derive(Clone, Debug)]
struct Held {
    start: Start,
    episode: EpisodeSummary,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.start.cmp(&other.start)
    }
}

impl RecentEpisodes {
    /// Makes an empty collection, in which every row begins its first episode.
    pub fn new(settings: RowSettings) -> Self {
        Self::keeping(settings, settings.rows.clamp(LEAST_EPISODES, MOST_EPISODES))
    }

    /// Does the same as [`new`](Self::new), with `capacity` as the number of episodes that count.
    pub fn keeping(settings: RowSettings, capacity: usize) -> Self {
        let first = if settings.stagger { NOT_AWAITED } else { 0 };
        Self {
            counted: VecDeque::with_capacity(capacity.min(MOST_EPISODES)),
            capacity,
            held: BinaryHeap::new(),
            open: vec![first; settings.rows],
            frontier: Start { step: 0, row: 0 },
            settings,
            total: 0,
        }
    }

    /// Replaces the counted episodes by those of a resumed run. `total` is the number that had ended.
    pub fn restore(&mut self, episodes: impl IntoIterator<Item = EpisodeSummary>, total: u64) {
        self.counted.clear();
        episodes.into_iter().for_each(|episode| self.count(episode));
        self.total = total;
    }

    /// Adds an episode that is over. `row` is the index of its agent's row among all rows of the run.
    pub fn end(&mut self, row: usize, episode: EpisodeSummary) {
        self.total += 1;
        let is_cut = self.settings.stagger && episode.is_first;
        if !is_cut {
            self.hold(row, episode);
        }
    }

    /// Applies the changes of a group's rows. `first_row` is the index of the group's first row among all rows.
    pub fn observe(&mut self, first_row: usize, changes: RowChanges<'_>) {
        for (open, change) in self.open[first_row..].iter_mut().zip(changes.rows) {
            *open = match *change {
                RowChange::SAME => *open,
                RowChange::OVER => NOT_AWAITED,
                RowChange(step) => changes.since + u64::from(step),
            };
        }
    }

    /// Counts the episodes that can be counted after the group's step `now`. Returns their number.
    ///
    /// `so_far` returns the sums of a row's unfinished episode until now, if there is one.
    pub fn settle(&mut self, now: u64, mut so_far: impl FnMut(usize) -> Option<EpisodeSummary>) -> usize {
        let patience = PATIENCE.max(self.settings.limit.unwrap_or(0).into());
        let most_held = LEAST_HELD + MOST_HELD_PER_ROW * self.settings.rows;
        let mut counted = self.count_up_to(self.oldest_open());
        while let Some(oldest) = self.oldest_open()
            && (now.saturating_sub(oldest.step) >= patience || self.held.len() > most_held)
        {
            self.open[oldest.row] = NOT_AWAITED;
            self.frontier = self.frontier.max(oldest);
            if let Some(episode) = so_far(oldest.row) {
                let steps = u32::try_from(now.saturating_sub(oldest.step)).unwrap_or(u32::MAX);
                self.hold(oldest.row, EpisodeSummary { began: oldest.step, steps, ..episode });
            }
            counted += self.count_up_to(self.oldest_open());
        }
        counted
    }

    /// The number of episodes that have ended, those included that are not counted yet.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The number of episodes that the mean is taken over.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// True if there are as many episodes as the mean is taken over.
    pub fn is_full(&self) -> bool {
        self.counted.len() == self.capacity
    }

    /// The episodes that count, in the order in which they began.
    pub fn iter(&self) -> impl Iterator<Item = &EpisodeSummary> + Clone {
        self.counted.iter()
    }

    /// The returns of the episodes that count.
    pub fn returns(&self) -> Spread {
        Spread::of(self.iter().map(|episode| f64::from(episode.reward)))
    }

    /// The lengths of the episodes that count \[steps\].
    pub fn lengths(&self) -> Spread {
        Spread::of(self.iter().map(|episode| f64::from(episode.steps)))
    }

    /// The sums of the term with this index, of the episodes that count.
    pub fn term(&self, index: usize) -> Spread {
        Spread::of(self.iter().filter_map(|episode| episode.terms.get(index)).map(|&sum| f64::from(sum)))
    }

    /// The part of the episodes that count and succeeded; `None` if the game has given no verdict on any.
    pub fn success_rate(&self) -> Option<f64> {
        success_rate(self.iter())
    }

    /// The mean of an episode parameter over the episodes that count.
    pub fn parameter(&self, index: usize) -> Spread {
        Spread::of(self.iter().filter_map(|episode| episode.parameters.get(index)).map(|&value| f64::from(value)))
    }

    fn hold(&mut self, row: usize, episode: EpisodeSummary) {
        let start = Start { step: episode.began, row };
        // An episode that was no longer awaited comes too late: it was counted unfinished, or others without it.
        if start >= self.frontier {
            self.held.push(Reverse(Held { start, episode }));
        }
    }

    /// The oldest episode that is awaited.
    fn oldest_open(&self) -> Option<Start> {
        let starts = self.open.iter().enumerate().map(|(row, &step)| Start { step, row });
        starts.min().filter(|start| start.step != NOT_AWAITED)
    }

    /// Counts the held episodes that began before `end`, or all. Returns their number.
    fn count_up_to(&mut self, end: Option<Start>) -> usize {
        let mut counted = 0;
        while let Some(Reverse(held)) = self.held.peek()
            && end.is_none_or(|end| held.start < end)
        {
            let Some(Reverse(Held { start, episode })) = self.held.pop() else { break };
            self.frontier = Start { row: start.row + 1, ..start };
            self.count(episode);
            counted += 1;
        }
        counted
    }

    fn count(&mut self, episode: EpisodeSummary) {
        // Sums that are not finite have no mean, and JSON has no number for them.
        if !episode.is_finite() {
            return;
        }
        if self.counted.len() == self.capacity {
            self.counted.pop_front();
        }
        self.counted.push_back(episode);
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    #[test]
    fn an_episode_is_over_once_its_row_is_vacant_or_it_ends() {
        use Outcome::{
            Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated, WaitingTruncated,
        };
        let all =
            [Vacant, Restart, Running, Terminated, Truncated, Faulty, Waiting, WaitingTerminated, WaitingTruncated];
        for outcome in all {
            let mut change = RowChange(5);
            change.note(7, outcome);
            let is_over = outcome == Vacant || outcome.is_end();
            let expected = if outcome == Restart {
                RowChange(7)
            } else if is_over {
                RowChange::OVER
            } else {
                RowChange(5)
            };
            assert_eq!(change, expected, "{outcome:?}");
        }
    }

    /// Applies these outcomes `[steps, rows]`, the first of them in the step after `first_step`.
    fn observe(recent: &mut RecentEpisodes, first_step: u64, rows: usize, outcomes: &[Outcome]) {
        let mut changes = vec![RowChange::default(); rows];
        for (step, outcomes) in (1..).zip(outcomes.chunks_exact(rows)) {
            RowChange::note_all(&mut changes, step, outcomes);
        }
        recent.observe(0, RowChanges { since: first_step, rows: &changes });
    }

    fn settings(rows: usize) -> RowSettings {
        RowSettings { rows, limit: None, stagger: false }
    }

    fn episode(began: u64, steps: u32, reward: f32) -> EpisodeSummary {
        EpisodeSummary {
            kind: 0,
            row: 0,
            began,
            is_first: began == 0,
            reward,
            steps,
            terms: [reward, -1.0].into_iter().collect(),
            success: None,
            plan: 0,
            parameters: Vec::new(),
        }
    }

    /// Rows that play episodes of a length and a return each, drawn by row and number, with a restart step between.
    struct Rows {
        draw: fn(u64) -> (u32, f32),
        rows: Vec<Row>,
        step: u64,
        recent: RecentEpisodes,
    }

    struct Row {
        /// The number of its episode.
        number: u64,
        steps_left: u32,
        restarts: bool,
    }

    impl Rows {
        fn new(rows: usize, draw: fn(u64) -> (u32, f32)) -> Self {
            let row = |row| Row { number: 0, steps_left: draw(key(row, 0)).0, restarts: false };
            Self { draw, rows: (0..rows).map(row).collect(), step: 0, recent: RecentEpisodes::new(settings(rows)) }
        }

        /// Plays an iteration of `steps` steps.
        fn iterate(&mut self, steps: u64) {
            let rows = self.rows.len();
            let mut outcomes = Vec::new();
            for now in self.step + 1..=self.step + steps {
                outcomes.extend((0..rows).map(|row| self.step_row(row, now)));
            }
            observe(&mut self.recent, self.step, rows, &outcomes);
            self.step += steps;
            self.recent.settle(self.step, |_| None);
        }

        fn step_row(&mut self, index: usize, now: u64) -> Outcome {
            let row = &mut self.rows[index];
            let (steps, reward) = (self.draw)(key(index, row.number));
            if row.restarts {
                (row.restarts, row.steps_left) = (false, steps);
                return Outcome::Restart;
            }
            row.steps_left -= 1;
            if row.steps_left > 0 {
                return Outcome::Running;
            }
            (row.restarts, row.number) = (true, row.number + 1);
            self.recent.end(index, episode(now - u64::from(steps), steps, reward));
            Outcome::Terminated
        }
    }

    fn key(row: usize, number: u64) -> u64 {
        Seed::new(5).derive(row as u64).derive(number).bits() % 100
    }

    /// Means of all iterations whose window is full.
    fn means(rows: usize, draw: fn(u64) -> (u32, f32)) -> Vec<f64> {
        let mut rows = Rows::new(rows, draw);
        let mut means = Vec::new();
        for _ in 0..800 {
            rows.iterate(8);
            means.extend(rows.recent.is_full().then(|| rows.recent.returns().mean));
        }
        means
    }

    #[test]
    fn short_episodes_are_not_favoured_whether_they_are_good_or_bad() {
        for rows in [3, 32, 100, 500] {
            // 7 of 10 episodes are short: they bring 1, the others nothing; and the other way round.
            let good = means(rows, |key| if key < 70 { (5, 1.0) } else { (200, 0.0) });
            let bad = means(rows, |key| if key < 70 { (5, 0.0) } else { (200, 1.0) });
            assert!(good.len() > 100, "{rows} rows: {}", good.len());
            assert!(good.iter().all(|mean| (mean - 0.7).abs() < 0.2), "{rows} rows: {good:?}");
            assert!(bad.iter().all(|mean| (mean - 0.3).abs() < 0.2), "{rows} rows: {bad:?}");
            let over_all = good.iter().sum::<f64>() / good.len() as f64;
            assert!((over_all - 0.7).abs() < 0.05, "{rows} rows: {over_all}");
        }
    }

    #[test]
    fn an_episode_counts_once_all_that_began_before_it_are_over() {
        let mut recent = RecentEpisodes::new(settings(2));
        let running = [Outcome::Running; 2];
        recent.end(1, episode(0, 1, 5.0));
        observe(&mut recent, 0, 2, &[Outcome::Running, Outcome::Terminated]);
        assert_eq!((recent.settle(1, |_| None), recent.total()), (0, 1));
        assert!(recent.returns().mean.is_nan());
        observe(&mut recent, 1, 2, &[Outcome::Running, Outcome::Restart]);
        observe(&mut recent, 2, 2, &running);
        recent.end(0, episode(0, 4, 1.0));
        observe(&mut recent, 3, 2, &[Outcome::Terminated, Outcome::Running]);
        assert_eq!(recent.settle(4, |_| None), 2);
        let rewards: Vec<_> = recent.iter().map(|episode| episode.reward).collect();
        assert_eq!(rewards, [1.0, 5.0], "in the order in which they began, by rows where that is the same");
        assert_eq!((recent.returns(), recent.term(1).mean), (Spread { mean: 3.0, std: 2.0 }, -1.0));
    }

    #[test]
    fn rows_without_agents_are_not_awaited() {
        let mut recent = RecentEpisodes::new(settings(2));
        recent.end(1, episode(0, 3, 5.0));
        observe(&mut recent, 0, 2, &[Outcome::Vacant, Outcome::Terminated]);
        assert_eq!(recent.settle(3, |_| None), 1);
    }

    #[test]
    fn an_episode_that_lasts_for_long_counts_as_if_it_had_been_cut() {
        let mut recent = RecentEpisodes::new(settings(2));
        recent.end(1, episode(0, 3, 5.0));
        observe(&mut recent, 0, 2, &[Outcome::Running, Outcome::Terminated]);
        let so_far = |row: usize| (row == 0).then(|| episode(0, 0, 7.0));
        assert_eq!(recent.settle(PATIENCE - 1, so_far), 0);
        assert_eq!(recent.settle(PATIENCE, so_far), 2);
        assert_eq!((recent.returns().mean, recent.lengths().mean), (6.0, (PATIENCE + 3) as f64 / 2.0));
        recent.end(0, episode(0, 2 * PATIENCE as u32, 70.0));
        observe(&mut recent, 2 * PATIENCE - 1, 2, &[Outcome::Terminated, Outcome::Running]);
        assert_eq!(recent.settle(2 * PATIENCE, so_far), 0, "it counts once");
        let limit = Some(3 * PATIENCE as u32);
        let mut recent = RecentEpisodes::new(RowSettings { limit, ..settings(1) });
        assert_eq!((recent.settle(2 * PATIENCE, so_far), recent.settle(3 * PATIENCE, so_far)), (0, 1));
    }

    #[test]
    fn first_episodes_that_may_have_been_cut_do_not_count() {
        let mut recent = RecentEpisodes::new(RowSettings { stagger: true, ..settings(2) });
        recent.end(0, episode(0, 3, 5.0));
        observe(&mut recent, 2, 2, &[Outcome::Terminated, Outcome::Running]);
        observe(&mut recent, 3, 2, &[Outcome::Restart, Outcome::Running]);
        recent.end(0, episode(4, 2, 1.0));
        observe(&mut recent, 5, 2, &[Outcome::Terminated, Outcome::Running]);
        assert_eq!((recent.settle(6, |_| None), recent.returns().mean, recent.total()), (1, 1.0, 2));
    }

    #[test]
    fn as_many_count_as_there_are_rows_and_a_run_that_goes_on_has_the_same() {
        for (rows, capacity) in [(1, 100), (64, 100), (256, 256), (5000, 1000)] {
            let mut recent = RecentEpisodes::new(settings(rows));
            recent.restore((0..capacity).map(|index| episode(0, 1, index as f32)), 9);
            assert!(recent.is_full() && recent.iter().count() == capacity && recent.total() == 9);
            recent.restore([episode(0, 1, 7.0), episode(0, 1, f32::NAN)], 9);
            assert_eq!((recent.returns().mean, recent.is_full()), (7.0, false), "what is not finite has no mean");
        }
    }
}

//! The choice of the experience that is learned from.

use ludus_spec::Seed;

use super::Replay;

/// Draws of an entry without experience in a row, after which the next entry with experience is taken. A replay that is
/// nearly empty would take long otherwise.
const MOST_DRAWS: u64 = 64;

/// Draws `count` entries with experience, all with the same probability.
pub(crate) fn draw_evenly(replay: &Replay, count: usize, seed: Seed, entries: &mut Vec<usize>) {
    entries.clear();
    entries.extend((0..count).map(|sample| draw_one(replay, seed.derive(sample as u64))));
}

fn draw_one(replay: &Replay, seed: Seed) -> usize {
    let (rows, steps) = (replay.shape().rows, replay.shape().steps);
    let kept = replay.kept_steps() * rows;
    // The entries from the oldest on.
    let first = (replay.head() + steps - replay.kept_steps()) % steps * rows;
    let of_draw = |draw: u64| (first + scaled(seed.derive(draw), kept)) % (steps * rows);
    let found = (0..MOST_DRAWS).map(of_draw).find(|&entry| replay.outcome(entry).is_experience());
    found.unwrap_or_else(|| {
        let start = of_draw(MOST_DRAWS);
        let all = (0..steps * rows).map(|distance| (start + distance) % (steps * rows));
        all.into_iter().find(|&entry| replay.outcome(entry).is_experience()).unwrap_or(start)
    })
}

/// Returns a whole number in `0..count`.
fn scaled(seed: Seed, count: usize) -> usize {
    ((u128::from(seed.bits()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::test_replay::{counted, replay};

    #[test]
    fn all_experience_is_drawn_alike_and_nothing_else() {
        let (replay, mut entries) = (replay(), Vec::new());
        draw_evenly(&replay, 12_000, Seed::new(1), &mut entries);
        for (entry, count) in counted(&entries).into_iter().enumerate() {
            let expected = if replay.outcome(entry).is_experience() { 900..1100 } else { 0..1 };
            assert!(expected.contains(&count), "{entry}: {count}");
        }
    }
}

//! State hashes of what a run has learned.

use ludus_learn::{SavedAlgorithm, StateTensor};
use ludus_replay::{HashPlace, LoggedHash, NO_WORLD};
use ludus_spec::StableHasher;

/// The hashes of each algorithm's weights, optimizer and statistics after this many ticks. Their names have the kind of
/// agents in front if it is given.
pub fn learned_hashes(
    algorithms: impl Iterator<Item = (Option<String>, SavedAlgorithm)>,
    tick: u64,
) -> Vec<LoggedHash> {
    let hashes = algorithms.flat_map(|(kind, saved)| {
        let name = move |part: &str| kind.as_ref().map_or_else(|| part.to_owned(), |kind| format!("{kind}/{part}"));
        hashes_of(&saved).map(|(part, hash)| (name(part), hash))
    });
    let logged = |(order, (part, hash))| LoggedHash { place: HashPlace { tick, world: NO_WORLD, order, part }, hash };
    (0..).zip(hashes).map(logged).collect()
}

fn hashes_of(SavedAlgorithm { policy, state }: &SavedAlgorithm) -> [(&'static str, u64); 3] {
    let weights = StableHasher::default().floats(&policy.parameters).finish();
    let mut optimizer = StableHasher::default();
    state.counters.values().fold(&mut optimizer, |hasher, &count| hasher.word(count));
    let mut statistics = StableHasher::default();
    for tensor in state.tensors.values() {
        match tensor {
            StateTensor::PerParameter(numbers) => drop(optimizer.floats(numbers)),
            StateTensor::Statistics(numbers) => doubles(&mut statistics, numbers),
            StateTensor::Column(numbers) => drop(statistics.floats(numbers)),
            StateTensor::Bytes(bytes) => {
                bytes.iter().fold(&mut statistics, |hasher, &byte| hasher.word(byte.into()));
            }
        }
    }
    if let Some(normalizer) = &policy.normalizer {
        let own = normalizer.statistics();
        doubles(&mut statistics, &[own.count()]);
        doubles(&mut statistics, own.mean());
        doubles(&mut statistics, own.variance());
    }
    [("weights", weights), ("optimizer", optimizer.finish()), ("statistics", statistics.finish())]
}

fn doubles(hasher: &mut StableHasher, numbers: &[f64]) {
    numbers.iter().fold(hasher, |hasher, number| hasher.word(number.to_bits()));
}

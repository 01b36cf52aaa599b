//! What an episode says of itself, with the hash that it should have; the first line is its head.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::{EPISODE_VERSIONS, EpisodeLog, sealed_episode};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (head, content) = bytes.split_at(end);
    let content = content.get(1..).unwrap_or_default();
    for version in EPISODE_VERSIONS {
        if let Ok(log) = EpisodeLog::from_bytes(&sealed_episode(version, head, content)) {
            check(&log);
        }
    }
});

/// Everything that the log says can be looked at, and is written as it was read.
fn check(log: &EpisodeLog) {
    for step in 0..log.head.steps {
        for (index, kind) in log.head.kinds.iter().enumerate() {
            assert_eq!(log.actions_of(step, index).len(), kind.rows as usize * kind.choices.len());
        }
    }
    assert_eq!(log.hashes.len(), log.head.steps as usize + 1);
    assert!(EpisodeLog::from_bytes(&log.to_bytes()).is_ok());
}

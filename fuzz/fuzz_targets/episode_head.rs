//! The heads of episodes, with the right hash. The first line of the input is the head, the rest is the content.
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

/// Checks that all parts of the log can be accessed, and that the log can be written and read again.
fn check(log: &EpisodeLog) {
    for step in 0..log.head.steps {
        for (index, kind) in log.head.kinds.iter().enumerate() {
            assert_eq!(log.actions_of(step, index).len(), kind.rows as usize * kind.choices.len());
        }
    }
    assert_eq!(log.hashes.len(), log.head.steps as usize + 1);
    assert!(EpisodeLog::from_bytes(&log.to_bytes()).is_ok());
}

//! What an episode says of itself, with the hash that it should have; the first line is its head.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::{EpisodeLog, sealed_episode};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (head, content) = bytes.split_at(end);
    let Ok(log) = EpisodeLog::from_bytes(&sealed_episode(head, content.get(1..).unwrap_or_default())) else { return };
    for step in 0..log.head.steps {
        assert_eq!(log.actions_of(step).len(), log.head.rows as usize * log.head.choices.len());
    }
    assert_eq!(log.hashes.len(), log.head.steps as usize + 1);
});

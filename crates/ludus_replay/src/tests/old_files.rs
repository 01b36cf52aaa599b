//! Files of the first version of the format, which the library wrote when a game had one kind of agents.

use super::*;
use crate::Difference;

/// Two episodes of two chasers, in steps of three ticks.
const FILES: [&[u8]; 2] = [
    include_bytes!("../../tests/version_1/truncated.episode"),
    include_bytes!("../../tests/version_1/terminated.episode"),
];

fn files() -> [EpisodeLog; 2] {
    FILES.map(|bytes| EpisodeLog::from_bytes(bytes).unwrap())
}

#[test]
fn they_are_played_again_exactly() {
    for log in files() {
        assert_eq!((names(&log), log.head.kinds[0].rows), (vec![""], 2));
        let mut replay = Replay::open(&chase(Cast::default()), log.clone()).unwrap();
        assert_eq!(replay.verify().unwrap(), None);
        assert_eq!(names(replay.log()), ["Chaser"], "as the game calls it");
        assert_eq!(replay.tick(), u64::from(3 * log.head.steps));
        check_exact(&chase(Cast::default()), &log);
        let mut altered = log;
        altered.actions[0] = -altered.actions[0];
        let difference = Replay::open(&chase(Cast::default()), altered).unwrap().verify().unwrap();
        assert_eq!(difference, Some(Difference { step: 1, tick: 3 }));
    }
}

/// In a game that has more kinds since then, the kind is found by its layout.
#[test]
fn their_kind_is_found_by_its_layout() {
    let both = Cast { has_runner: true, ..Cast::default() };
    let mut log = files()[0].clone();
    let replay = Replay::open(&chase(both), log.clone()).unwrap();
    assert_eq!(names(replay.log()), ["Chaser"]);
    log.head.kinds[0].choices = vec![0];
    let error = Replay::open(&chase(both), log).err().unwrap().to_string();
    assert!(error.contains("other agents than `Chaser`: what they see or do is laid out otherwise"), "{error}");
}

/// A recorder of one kind records the same numbers and the same hashes as the first version.
#[test]
fn an_episode_of_one_kind_is_recorded_as_it_was() {
    let mut world = world(Cast::default(), vec![chaser()]);
    let mut recorder = recorder(&world);
    let mut draws = Seed::new(8).generator();
    for step in 0..300 {
        draw(&mut world, 0, &mut draws);
        world.step().unwrap();
        recorder.wants_any |= step == 200;
        recorder.record(&world);
    }
    let mut taken = recorder.take();
    for (mut new, old) in [taken.kinds.remove(0).best.unwrap(), taken.any.unwrap()].into_iter().zip(files()) {
        assert_eq!((new.head.kinds.len(), names(&new)), (1, vec!["Chaser"]));
        new.head.kinds[0].name.clear();
        assert!(new.head.restart_step > 0);
        new.head.restart_step = 0;
        assert_eq!(new, old);
    }
}

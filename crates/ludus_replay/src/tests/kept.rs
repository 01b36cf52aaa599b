//! The episodes that a run with several kinds keeps.

use super::*;
use crate::{KeptEpisodes, kept_episode, kept_episodes};

/// Steps two worlds for some iterations, and adds their episodes to `kept`.
fn trained(cast: Cast, agents: &[AgentSettings], kept: &mut KeptEpisodes) {
    let world = |world| PooledWorld::build(&chase(cast), WorldSettings { world, ..settings(agents.to_vec()) }).unwrap();
    let mut worlds = [0, 1].map(world);
    let settings = RecorderSettings { program: "chase".to_owned(), arenas: 2 };
    let mut recorders = worlds.each_ref().map(|world| Recorder::new(world, settings.clone()));
    recorders.iter_mut().zip(&worlds).for_each(|(recorder, world)| recorder.record(world));
    let mut draws = Seed::new(8).generator();
    for iteration in 0..10 {
        kept.before(iteration, recorders.iter_mut());
        for _ in 0..100 {
            for (world, recorder) in worlds.iter_mut().zip(&mut recorders) {
                for kind in 0..agents.len() {
                    let choices = choices_of(world.spec(kind));
                    for (index, action) in world.rows_mut(kind).actions_mut().iter_mut().enumerate() {
                        let most = choices[index % choices.len()].max(2);
                        *action = draws.random_range(0..most) as f32;
                    }
                }
                world.step().unwrap();
                recorder.record(world);
            }
        }
        kept.after(recorders.iter_mut());
    }
}

fn returns(path: &std::path::Path) -> Vec<f32> {
    EpisodeLog::read(path).unwrap().head.kinds.iter().map(|kind| kind.reward).collect()
}

#[test]
fn each_kind_has_a_best_and_a_worst_episode_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = KeptEpisodes::new(Seed::new(1), ["Chaser", "Runner"].into_iter());
    trained(BOTH, &[chaser(), runner()], &mut kept);
    kept.write(folder.path()).unwrap();
    let episodes = kept_episodes(folder.path());
    let names = episodes.iter().map(|(name, _)| &**name).collect::<Vec<_>>();
    let of_kinds = ["best-Chaser", "best-Runner", "worst-Chaser", "worst-Runner"];
    assert_eq!((&names[..4], &names[4..]), (&of_kinds[..], &["1", "2", "3", "4", "5", "6", "7", "8"][..]));
    let all = episodes.iter().map(|(_, path)| returns(path)).collect::<Vec<_>>();
    for kind in 0..2 {
        assert!(all.iter().all(|returns| returns[kind] <= all[kind][kind]), "{all:?}");
        assert!(all.iter().all(|returns| returns[kind] >= all[2 + kind][kind]), "{all:?}");
    }
    for (_, path) in &episodes {
        check_exact(&chase(BOTH), &EpisodeLog::read(path).unwrap());
    }

    let meant = |name: &str| kept_episode(&episodes, name).map(|path| path.file_stem().unwrap().to_owned());
    assert_eq!(meant("best").unwrap(), "best-Chaser", "that of the game's first kind");
    assert_eq!(meant("worst").unwrap(), "worst-Chaser");
    assert_eq!(meant("best-Runner").unwrap(), "best-Runner");
    assert_eq!((meant("best-"), meant("best-Wolf"), meant("9")), (None, None, None));

    // A run that goes on keeps what is better, and nothing else.
    let mut again = KeptEpisodes::new(Seed::new(1), ["Chaser", "Runner"].into_iter());
    again.take_up(folder.path());
    trained(BOTH, &[chaser(), runner()], &mut again);
    std::fs::remove_file(folder.path().join("best-Runner.episode")).unwrap();
    again.write(folder.path()).unwrap();
    assert!(!folder.path().join("best-Runner.episode").exists(), "it is written already");
}

#[test]
fn what_one_kind_keeps_is_called_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = KeptEpisodes::new(Seed::new(1), ["Chaser"].into_iter());
    trained(Cast::default(), &[chaser()], &mut kept);
    kept.write(folder.path()).unwrap();
    let episodes = kept_episodes(folder.path());
    let names = episodes.iter().map(|(name, _)| &**name).collect::<Vec<_>>();
    assert_eq!(names, ["best", "worst", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assert!(returns(&episodes[0].1) > returns(&episodes[1].1));
}

/// Where agents restart apart, an episode counts for the kinds whose agents ended in it.
#[test]
fn an_episode_counts_for_the_kinds_that_ended_in_it() {
    let cast = Cast { is_apart: true, ..BOTH };
    let limited = AgentSettings { episode_limit: NonZeroU32::new(3), stagger: false, ..runner() };
    let mut kept = KeptEpisodes::new(Seed::new(1), ["Chaser", "Runner"].into_iter());
    trained(cast, &[AgentSettings { episode_limit: None, ..chaser() }, limited], &mut kept);
    let folder = tempfile::tempdir().unwrap();
    kept.write(folder.path()).unwrap();
    let episodes = kept_episodes(folder.path());
    let names = episodes.iter().map(|(name, _)| &**name).collect::<Vec<_>>();
    assert_eq!(names, ["best-Runner", "worst-Runner", "1"]);
    let log = EpisodeLog::read(&episodes[0].1).unwrap();
    // Three steps of the weight 0.5 · (1 − distance), as far as they had come.
    assert!(log.head.steps == 3 && log.head.kinds[0].reward != 0.0 && log.head.kinds[0].reward < 1.5);
}

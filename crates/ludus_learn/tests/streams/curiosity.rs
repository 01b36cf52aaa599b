//! Curiosity as a part of a run: same bits with any number of threads, resumed and rewound.

use ludus_learn::{Algorithm, CuriosityConfig, LearnError, NativeLearner, Ppo, PpoConfig, Schedule};
use ludus_net::{Memory, NetworkConfig};

use crate::key_door::KeyDoor;
use crate::{Curious, parameter_bits};

fn with_run<R>(threads: usize, memory: Option<Memory>, use_run: impl FnOnce(&Curious<'_>) -> R) -> R {
    let spec = KeyDoor::spec();
    let ppo = PpoConfig {
        rollout_steps: 16,
        epochs: 2,
        minibatch: 256,
        learning_rate: Schedule::Constant(3e-3).into(),
        ..PpoConfig::default()
    };
    let network = NetworkConfig { hidden: vec![16], memory, ..NetworkConfig::default() };
    let curiosity = CuriosityConfig { hidden: vec![16], outputs: 8, ..CuriosityConfig::default() };
    use_run(&Curious { spec: &spec, network, ppo, curiosity: Some(curiosity), threads, seed: 3 })
}

fn worlds() -> Vec<KeyDoor> {
    [20, 1, 7, 30].map(KeyDoor::new).to_vec()
}

fn train(ppo: &mut Ppo<NativeLearner>, worlds: &mut [KeyDoor], iterations: usize) {
    for _ in 0..iterations {
        ppo.iterate(worlds, 0.3).unwrap();
    }
}

#[test]
fn weights_do_not_depend_on_the_number_of_threads() {
    for memory in [None, Some(Memory::MinGru(8))] {
        let saved = |threads: usize| {
            with_run(threads, memory, |run| {
                let mut worlds = worlds();
                let mut ppo = run.build(&worlds);
                train(&mut ppo, &mut worlds, 3);
                (parameter_bits(&ppo), ppo.save())
            })
        };
        let alone = saved(1);
        assert_eq!(alone, saved(1), "run again");
        assert_eq!(alone, saved(2), "2 threads");
        assert_eq!(alone, saved(5), "5 threads");
    }
}

#[test]
fn a_resumed_run_is_as_curious_as_before() {
    with_run(1, None, |run| {
        let mut worlds = worlds();
        let mut ppo = run.build(&worlds);
        train(&mut ppo, &mut worlds, 2);
        let mut resumed = run.build(&worlds);
        resumed.restore(&ppo.save()).unwrap();
        assert_eq!(resumed.save(), ppo.save());
        assert_eq!(parameter_bits(&resumed), parameter_bits(&ppo));
        let before = ppo.rollout().samples().rewards.len();
        assert_eq!(before, resumed.rollout().samples().rewards.len());
    });
}

/// After a rewind, the same draws lead to the same numbers.
#[test]
fn what_was_marked_comes_back() {
    with_run(1, None, |run| {
        let mut worlds = worlds();
        let mut ppo = run.build(&worlds);
        train(&mut ppo, &mut worlds, 1);
        ppo.mark().unwrap();
        let marked = ppo.save();
        train(&mut ppo, &mut worlds.clone(), 1);
        assert_ne!(ppo.save(), marked);
        ppo.rewind();
        assert_eq!(ppo.save(), marked);
    });
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() {
    with_run(1, None, |run| {
        let mut worlds = worlds();
        let mut ppo = run.build(&worlds);
        train(&mut ppo, &mut worlds, 1);
        let before = ppo.save();
        let mut lacking = before.clone();
        lacking.state.tensors.remove("stream.curiosity.target");
        assert_eq!(ppo.restore(&lacking).unwrap_err(), LearnError::Missing { name: "target" });
        let mut broken = before.clone();
        broken.policy.parameters[0] = f32::NAN;
        assert!(ppo.restore(&broken).is_err());
        let plain = Curious { curiosity: None, network: run.network.clone(), ppo: run.ppo.clone(), ..*run };
        let other = plain.build(&worlds).save();
        assert_eq!(ppo.restore(&other).unwrap_err(), LearnError::Missing { name: "value_heads" });
        assert_eq!(ppo.save(), before);
    });
}

/// The policy that is saved and played has the value of the simulation's own rewards alone.
#[test]
fn a_saved_policy_has_one_value() {
    with_run(1, None, |run| {
        let plain = Curious { curiosity: None, network: run.network.clone(), ppo: run.ppo.clone(), ..*run };
        let (curious, plain) = (run.build(&worlds()), plain.build(&worlds()));
        assert_eq!(curious.policy(), plain.policy(), "before the first update");
        assert_eq!(curious.save().policy.parameters.len(), plain.save().policy.parameters.len());
    });
}

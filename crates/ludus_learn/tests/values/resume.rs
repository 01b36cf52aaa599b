//! A run goes on from what it saved.

use ludus_learn::{Algorithm, DqnConfig, LearnError, PqnConfig, StateTensor};

use crate::{cart_poles, dqn, learn, parameter_bits, pqn, small_dqn};

#[test]
fn pqn_resumes_twice_from_one_state() {
    let config = PqnConfig { rollout_steps: 8, minibatch: 64, ..PqnConfig::default() };
    let mut worlds = cart_poles(&[9]);
    let mut first = pqn(&config, &worlds, 1);
    learn(&mut first, &mut worlds, 3, 1);
    let saved = first.save();
    let resumed = || {
        let mut worlds = cart_poles(&[9]);
        let mut pqn = pqn(&config, &worlds, 1);
        pqn.restore(&saved).unwrap();
        assert_eq!(pqn.save(), saved);
        learn(&mut pqn, &mut worlds, 3, 1);
        parameter_bits(&pqn)
    };
    assert_eq!(resumed(), resumed());
}

#[test]
fn dqn_resumes_twice_from_one_state_with_its_replay() {
    let config = DqnConfig { save_replay: true, ..small_dqn() };
    let mut worlds = cart_poles(&[9]);
    let mut first = dqn(&config, &worlds, 1);
    learn(&mut first, &mut worlds, 8, 8);
    let saved = first.save();
    let resumed = || {
        let mut worlds = cart_poles(&[9]);
        let mut dqn = dqn(&config, &worlds, 1);
        dqn.restore(&saved).unwrap();
        let reports = learn(&mut dqn, &mut worlds, 3, 8);
        assert!(reports.iter().all(|report| report.gradient_steps > 0));
        parameter_bits(&dqn)
    };
    assert_eq!(resumed(), resumed());
}

/// Without its replay, a run fills an empty one before it learns: the stated difference.
#[test]
fn without_its_replay_dqn_waits_before_it_learns() {
    let config = small_dqn();
    let mut worlds = cart_poles(&[9]);
    let mut first = dqn(&config, &worlds, 1);
    learn(&mut first, &mut worlds, 8, 8);
    let saved = first.save();
    assert!(!saved.state.tensors.keys().any(|name| name.starts_with("replay.")));
    let mut worlds = cart_poles(&[9]);
    let mut dqn = dqn(&config, &worlds, 1);
    dqn.restore(&saved).unwrap();
    let reports = learn(&mut dqn, &mut worlds, 4, 8);
    assert_eq!(reports[0].gradient_steps, 0);
    assert!(reports[3].gradient_steps > 0);
}

#[test]
fn a_damaged_state_changes_nothing() {
    let config = DqnConfig { save_replay: true, ..small_dqn() };
    let mut worlds = cart_poles(&[9]);
    let mut dqn = dqn(&config, &worlds, 1);
    learn(&mut dqn, &mut worlds, 8, 8);
    let saved = dqn.save();
    type Damage = fn(&mut ludus_learn::SavedAlgorithm);
    let damages: [(Damage, &str); 7] = [
        (|saved| _ = saved.state.counters.remove("gradient_steps"), "gradient_steps"),
        (|saved| _ = saved.state.counters.insert("replay.head".to_owned(), 1 << 40), "steps of a replay"),
        (|saved| _ = saved.state.counters.insert("epsilon_bits".to_owned(), 0x7fc0_0000), "epsilon"),
        (|saved| drop(saved.state.tensors.remove("replay.masks")), "replay.masks"),
        (|saved| set(saved, "replay.outcomes", StateTensor::Bytes(vec![99; 603])), "replay.outcomes"),
        (|saved| set(saved, "replay.rewards", StateTensor::Column(vec![0.0])), "numbers of a replay"),
        (|saved| set(saved, "target", StateTensor::PerParameter(vec![0.0])), "target weights"),
    ];
    for (damage, expected) in damages {
        let mut damaged = saved.clone();
        damage(&mut damaged);
        let error = dqn.restore(&damaged).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(dqn.save(), saved, "{expected}");
    }
}

fn set(saved: &mut ludus_learn::SavedAlgorithm, name: &str, tensor: StateTensor) {
    saved.state.tensors.insert(name.to_owned(), tensor);
}

#[test]
fn a_rewind_restores_what_was_marked_but_for_the_replay() {
    let mut worlds = cart_poles(&[9]);
    let mut dqn = dqn(&small_dqn(), &worlds, 1);
    learn(&mut dqn, &mut worlds, 8, 8);
    dqn.mark().unwrap();
    let saved = dqn.save();
    learn(&mut dqn, &mut worlds, 2, 8);
    assert_ne!(dqn.save(), saved);
    dqn.rewind();
    assert_eq!(dqn.save(), saved);
}

#[test]
fn settings_that_do_not_fit_are_sentences() {
    let worlds = cart_poles(&[9]);
    let of = |config: DqnConfig| {
        let network = crate::network(crate::WIDTH, &[ludus_spec::Head::Categorical { choices: 2 }]);
        let made = ludus_learn::Dqn::new(
            config,
            network,
            None,
            crate::machine(1),
            &crate::lanes(&worlds),
            ludus_spec::Seed::new(1),
        );
        made.unwrap_err()
    };
    let LearnError::Config(problems) = of(DqnConfig { replay: 20, learning_starts: 10, ..DqnConfig::default() }) else {
        panic!()
    };
    assert_eq!(problems[0].0, "replay");
    assert!(problems[0].1.contains("give it 36 at least"), "{}", problems[0].1);
}

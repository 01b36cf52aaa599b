//! A run goes on from what it saved.

use ludus_learn::{Algorithm, SacConfig, SavedAlgorithm, StateTensor};

use crate::{learn, parameter_bits, pendulums, sac, small};

#[test]
fn sac_resumes_twice_from_one_state_with_its_replay() {
    let config = SacConfig { save_replay: true, ..small() };
    let mut worlds = pendulums(&[9]);
    let mut first = sac(&config, &worlds, 1);
    learn(&mut first, &mut worlds, 8, 8);
    let saved = first.save();
    let resumed = || {
        let mut worlds = pendulums(&[9]);
        let mut sac = sac(&config, &worlds, 1);
        sac.restore(&saved).unwrap();
        let reports = learn(&mut sac, &mut worlds, 3, 8);
        assert!(reports.iter().all(|report| report.gradient_steps > 0));
        (parameter_bits(&sac), sac.save().state.tensors)
    };
    assert_eq!(resumed(), resumed());
}

/// Without its replay, a run fills an empty one with its own actions before it learns: the stated difference.
#[test]
fn without_its_replay_sac_waits_before_it_learns() {
    let mut worlds = pendulums(&[9]);
    let mut first = sac(&small(), &worlds, 1);
    learn(&mut first, &mut worlds, 8, 8);
    let saved = first.save();
    assert!(!saved.state.tensors.keys().any(|name| name.starts_with("replay.")));
    let mut worlds = pendulums(&[9]);
    let mut sac = sac(&small(), &worlds, 1);
    sac.restore(&saved).unwrap();
    assert_eq!(sac.save(), saved);
    let reports = learn(&mut sac, &mut worlds, 4, 8);
    assert_eq!(reports[0].gradient_steps, 0);
    assert!(reports[3].gradient_steps > 0);
}

#[test]
fn a_damaged_state_changes_nothing() {
    let config = SacConfig { save_replay: true, ..small() };
    let mut worlds = pendulums(&[9]);
    let mut sac = sac(&config, &worlds, 1);
    learn(&mut sac, &mut worlds, 8, 8);
    let saved = sac.save();
    type Damage = fn(&mut SavedAlgorithm);
    let damages: [(Damage, &str); 9] = [
        (|saved| _ = saved.state.counters.remove("gradient_steps"), "gradient_steps"),
        (|saved| _ = saved.state.counters.insert("replay.head".to_owned(), 1 << 40), "steps of a replay"),
        (|saved| _ = saved.state.counters.insert("due_bits".to_owned(), 0x7fc0_0000), "gradient steps due"),
        (|saved| drop(saved.state.tensors.remove("replay.actions")), "replay.actions"),
        (|saved| drop(saved.state.tensors.remove("critics")), "critics"),
        (|saved| set(saved, "critics.targets", vec![0.0]), "weights of target critics"),
        (|saved| spoil(saved, "critics.adam.variance"), "moments of critics"),
        (|saved| set(saved, "temperatures", vec![0.0]), "numbers of a temperature"),
        (|saved| saved.policy.parameters.truncate(3), "parameters"),
    ];
    for (damage, expected) in damages {
        let mut damaged = saved.clone();
        damage(&mut damaged);
        let error = sac.restore(&damaged).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(sac.save(), saved, "{expected}");
    }
}

fn set(saved: &mut SavedAlgorithm, name: &str, column: Vec<f32>) {
    saved.state.tensors.insert(name.to_owned(), StateTensor::Column(column));
}

fn spoil(saved: &mut SavedAlgorithm, name: &str) {
    let Some(StateTensor::Column(column)) = saved.state.tensors.get_mut(name) else { panic!("{name}") };
    column[5] = f32::NAN;
}

#[test]
fn a_rewind_restores_what_was_marked_but_for_the_replay() {
    let mut worlds = pendulums(&[9]);
    let mut sac = sac(&small(), &worlds, 1);
    learn(&mut sac, &mut worlds, 8, 8);
    sac.mark().unwrap();
    let saved = sac.save();
    learn(&mut sac, &mut worlds, 2, 8);
    assert_ne!(sac.save(), saved);
    sac.rewind();
    assert_eq!(sac.save(), saved);
}

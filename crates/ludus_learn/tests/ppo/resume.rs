//! A resumed run is the same run.

use ludus_learn::{Algorithm, LearnError, LearningRate, PpoConfig, SavedAlgorithm};

use crate::{cart_pole_ppo, cart_poles, parameter_bits, small};

fn config() -> PpoConfig {
    // Returns in progress aren't saved: a resumed run starts with restart steps.
    PpoConfig { scale_rewards: false, ..small() }
}

#[test]
fn a_restored_run_goes_on_as_if_it_had_never_stopped() {
    check_restored(&config());
    check_restored(&PpoConfig { learning_rate: LearningRate::Adaptive { kl: 1e-4, from: 3e-3 }, ..config() });
    check_restored(&PpoConfig { normalize_values: true, value_clip: None, ..config() });
}

fn check_restored(config: &PpoConfig) {
    let mut worlds = cart_poles(&[10, 20]);
    let mut ppo = cart_pole_ppo(config, &worlds, 1);
    for _ in 0..2 {
        ppo.iterate(&mut worlds, 0.2).unwrap();
    }
    let mut resumed = cart_pole_ppo(config, &worlds, 2);
    resumed.restore(&ppo.save()).unwrap();
    assert_eq!(resumed.state(), ppo.state());
    assert_eq!(resumed.iteration(), 2);
    let mut worlds_again = worlds.clone();
    for _ in 0..2 {
        ppo.iterate(&mut worlds, 0.4).unwrap();
        resumed.iterate(&mut worlds_again, 0.4).unwrap();
    }
    assert_eq!(parameter_bits(&ppo), parameter_bits(&resumed));
}

/// After a rewind, the same draws lead to the same weights.
#[test]
fn what_was_marked_comes_back() {
    check_marked(&config());
    check_marked(&PpoConfig { normalize_values: true, value_clip: None, ..config() });
}

fn check_marked(config: &PpoConfig) {
    let mut worlds = cart_poles(&[10, 20]);
    let mut ppo = cart_pole_ppo(config, &worlds, 1);
    let fresh = ppo.state();
    ppo.rewind();
    assert_eq!(ppo.state(), fresh, "nothing was marked");
    ppo.iterate(&mut worlds, 0.0).unwrap();
    let (good, mut worlds_then) = (ppo.state(), worlds.clone());
    ppo.mark().unwrap();
    ppo.iterate(&mut worlds, 0.2).unwrap();
    let once = ppo.state();
    assert!(once.learner != good.learner);
    ppo.rewind();
    assert_eq!(ppo.state(), good);
    ppo.iterate(&mut worlds_then, 0.2).unwrap();
    assert_eq!(ppo.state(), once);
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let worlds = cart_poles(&[3]);
    let mut ppo = cart_pole_ppo(&config(), &worlds, 1);
    let good = ppo.state();
    let mut check = |change: &dyn Fn(&mut ludus_learn::PpoState)| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = ppo.restore(&SavedAlgorithm::from(bad)).unwrap_err();
        assert_eq!(ppo.state(), good);
        error
    };
    check(&|state| state.learner.parameters.truncate(5));
    check(&|state| state.learner.second_moments.truncate(5));
    check(&|state| state.learner.first_moments[0] = f32::NAN);
    check(&|state| state.learner.parameters[0] = f32::INFINITY);
    let error = check(&|state| state.learner.normalizer = None);
    assert!(matches!(error, LearnError::Checkpoint { what: "observation normalisers", was: 0, now: 1 }), "{error}");
    let mut saved = ppo.save();
    saved.state.tensors.remove("adam.mean");
    assert_eq!(ppo.restore(&saved).unwrap_err(), LearnError::Missing { name: "adam.mean" });
}

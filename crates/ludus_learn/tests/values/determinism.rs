//! The number of threads changes nothing.

use ludus_learn::PqnConfig;

use crate::{cart_poles, dqn, learn, parameter_bits, pqn, small_dqn};

#[test]
fn pqn_learns_the_same_with_any_number_of_threads() {
    let config = PqnConfig { rollout_steps: 16, minibatch: 300, dueling: true, ..PqnConfig::default() };
    let trained = |threads| {
        let mut worlds = cart_poles(&[20, 7, 13]);
        let mut pqn = pqn(&config, &worlds, threads);
        learn(&mut pqn, &mut worlds, 4, 1);
        parameter_bits(&pqn)
    };
    let alone = trained(1);
    assert_eq!((trained(2), trained(5)), (alone.clone(), alone));
}

#[test]
fn dqn_learns_the_same_with_any_number_of_threads() {
    let config = ludus_learn::DqnConfig { minibatch: 300, ..small_dqn() };
    let trained = |threads| {
        let mut worlds = cart_poles(&[20, 7, 13]);
        let mut dqn = dqn(&config, &worlds, threads);
        learn(&mut dqn, &mut worlds, 4, 8);
        parameter_bits(&dqn)
    };
    let alone = trained(1);
    assert_eq!((trained(2), trained(5)), (alone.clone(), alone));
}

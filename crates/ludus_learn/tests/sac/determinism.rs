//! The number of threads changes nothing.

use ludus_learn::SacConfig;

use crate::{learn, parameter_bits, pendulums, sac, small};

#[test]
fn sac_learns_the_same_with_any_number_of_threads() {
    let config = SacConfig { minibatch: 300, replay_ratio: 0.05, ..small() };
    let trained = |threads| {
        let mut worlds = pendulums(&[20, 7, 13]);
        let mut sac = sac(&config, &worlds, threads);
        learn(&mut sac, &mut worlds, 4, 8);
        parameter_bits(&sac)
    };
    let alone = trained(1);
    assert_eq!((trained(2), trained(5)), (alone.clone(), alone));
}

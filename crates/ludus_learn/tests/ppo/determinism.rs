//! The same seed gives the same weights.

use ludus_learn::{Algorithm, PpoConfig, Schedule};

use crate::{cart_pole_ppo, cart_poles, small, trained};

fn bits(sizes: &[u64], threads: usize) -> Vec<u32> {
    let mut worlds = cart_poles(sizes);
    trained(&mut cart_pole_ppo(&small(), &worlds, threads), &mut worlds, 4)
}

#[test]
fn weights_do_not_depend_on_the_number_of_threads() {
    let sizes = [20, 1, 7, 30, 6];
    let alone = bits(&sizes, 1);
    assert_eq!(alone, bits(&sizes, 1), "run again");
    assert_eq!(alone, bits(&sizes, 2), "2 threads");
    assert_eq!(alone, bits(&sizes, 5), "5 threads");
}

/// Draws depend on a row's index among all rows, not on the simulation that it is in.
#[test]
fn actions_do_not_depend_on_how_rows_are_grouped() {
    let first_actions = |sizes: &[u64]| {
        let mut worlds = cart_poles(sizes);
        let mut ppo = cart_pole_ppo(&small(), &worlds, 1);
        ppo.iterate(&mut worlds, 0.0).unwrap();
        let (mut actions, mut first) = (Vec::new(), 0);
        for &rows in &ppo.rollout().shape().rows {
            // Step 1: step 0 is the restart step.
            actions.extend_from_slice(&ppo.rollout().samples().actions[first + rows..first + 2 * rows]);
            first += rows * (ppo.config().rollout_steps + 1);
        }
        actions
    };
    assert_eq!(first_actions(&[12]), first_actions(&[3, 8, 1]));
}

#[test]
fn every_iteration_draws_anew() {
    let config = PpoConfig { learning_rate: Schedule::Constant(0.0).into(), ..small() };
    let actions = |iterations: usize| {
        let mut worlds = cart_poles(&[40]);
        let mut ppo = cart_pole_ppo(&config, &worlds, 1);
        // The worlds are the same in every iteration, so that only the iteration's seed differs.
        for _ in 0..iterations {
            ppo.iterate(&mut worlds, 0.0).unwrap();
            worlds = cart_poles(&[40]);
        }
        ppo.rollout().samples().actions[40..80].to_vec()
    };
    assert_ne!(actions(1), actions(2));
}

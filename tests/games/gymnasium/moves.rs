//! Games move, score and end as Gymnasium's do. The numbers are what Gymnasium 1.4.0 prints, in double precision except
//! for the continuous mountain car.

use bevy::ecs::component::Mutable;
use bevy::prelude::*;
use bevy_ludus::spec::Outcome;

use super::{ACROBOT, CART_POLE, Game, MOUNTAIN_CAR, MOUNTAIN_CAR_CONTINUOUS, PENDULUM};
use crate::examples::{acrobot, cart_pole, mountain_car::valley, pendulum};

/// The action as the policy gives it, then the observation and the reward that follow.
type Step<const WIDTH: usize> = (f32, [f32; WIDTH], f32);

/// The most by which a number may differ, in parts of it, and at least of 1: single precision, over some steps.
const TOLERANCE: f32 = 4e-6;

/// Plays steps from a state, and checks what follows from them. All steps but the last leave the episode running.
fn check<M, const WIDTH: usize>(game: Game, start: M, steps: &[Step<WIDTH>], end: Outcome)
where
    M: Component<Mutability = Mutable> + Copy,
{
    let mut world = game.world(1);
    let ecs = world.world_mut();
    for mut motion in ecs.query::<&mut M>().iter_mut(ecs) {
        *motion = start;
    }
    for (index, (action, expected, reward)) in steps.iter().enumerate() {
        world.rows_mut(0).actions_mut().fill(*action);
        world.step().expect("the game doesn't panic");
        let rows = world.rows(0);
        let found = rows.observations().iter().chain(rows.rewards());
        for (found, expected) in found.zip(expected.iter().chain([reward])) {
            let tolerance = TOLERANCE * expected.abs().max(1.0);
            assert!((found - expected).abs() <= tolerance, "step {index}: {found} instead of {expected}");
        }
        let outcome = if index + 1 == steps.len() { end } else { Outcome::Running };
        assert_eq!(rows.outcomes(), [outcome], "step {index}");
    }
}

#[test]
fn a_cart_and_its_pole_move_as_gymnasium_s_do() {
    let cart_motion =
        |position, velocity, angle, angular_velocity| cart_pole::Motion { position, velocity, angle, angular_velocity };
    let steps = [
        (0.0, [0.0096, -0.215539, 0.0308, 0.341995], 1.0),
        (1.0, [0.005289, -0.020868, 0.03764, 0.059182], 1.0),
        (1.0, [0.004872, 0.173694, 0.038824, -0.221392], 1.0),
        (1.0, [0.008346, 0.36824, 0.034396, -0.50158], 1.0),
        (0.0, [0.015711, 0.172651, 0.024364, -0.198259], 1.0),
        (0.0, [0.019164, -0.022811, 0.020399, 0.102009], 1.0),
    ];
    check(CART_POLE, cart_motion(0.01, -0.02, 0.03, 0.04), &steps, Outcome::Running);
    // It leaves the track.
    let steps = [
        (1.0, [2.32, 1.193581, 0.11, 0.240431], 1.0),
        (1.0, [2.343872, 1.386973, 0.114809, -0.01563], 1.0),
        (1.0, [2.371611, 1.580278, 0.114496, -0.269998], 1.0),
        (1.0, [2.403217, 1.773595, 0.109096, -0.524488], 1.0),
    ];
    check(CART_POLE, cart_motion(2.3, 1.0, 0.1, 0.5), &steps, Outcome::Terminated);
    // The pole falls.
    let steps =
        [(1.0, [-0.496, 0.397327, -0.206, -0.648499], 1.0), (1.0, [-0.488053, 0.594633, -0.21897, -0.998337], 1.0)];
    check(CART_POLE, cart_motion(-0.5, 0.2, -0.2, -0.3), &steps, Outcome::Terminated);
}

#[test]
fn an_acrobot_moves_as_gymnasium_s_does() {
    let links = |angles: [f32; 2], velocities: [f32; 2]| acrobot::Motion {
        angles: angles.into(),
        velocities: velocities.into(),
    };
    let steps = [
        (2.0, [0.999451, 0.033145, 0.999881, -0.015402, -0.182836, 0.541831], -1.0),
        (2.0, [0.999824, -0.018743, 0.991965, 0.12651, -0.320634, 0.847141], -1.0),
        (1.0, [0.997234, -0.074325, 0.962885, 0.269912, -0.220617, 0.584918], -1.0),
        (0.0, [0.996026, -0.089069, 0.950206, 0.311623, 0.075967, -0.156514], -1.0),
        (0.0, [0.998969, -0.045387, 0.977343, 0.211663, 0.350639, -0.857207], -1.0),
        (0.0, [0.99905, 0.043581, 0.999943, -0.010656, 0.513988, -1.329235], -1.0),
        (2.0, [0.992626, 0.121218, 0.974967, -0.222348, 0.243356, -0.758982], -1.0),
        (2.0, [0.990849, 0.134975, 0.954888, -0.296968, -0.108364, -0.001463], -1.0),
        (2.0, [0.996808, 0.079838, 0.974581, -0.224036, -0.433108, 0.736998], -1.0),
        (0.0, [0.999996, -0.00291, 0.99598, -0.08958, -0.374123, 0.588945], -1.0),
        (1.0, [0.997174, -0.075131, 0.999531, 0.030619, -0.330399, 0.58225], -1.0),
        (0.0, [0.99341, -0.114618, 0.995342, 0.096412, -0.056715, 0.060659], -1.0),
    ];
    check(ACROBOT, links([0.05, -0.08], [0.02, 0.09]), &steps, Outcome::Running);
    // At the highest speeds, through π, to the end.
    let steps = [
        (0.0, [0.335089, -0.942187, -0.084149, -0.996453, 12.287926, -28.274334], -1.0),
        (2.0, [0.415015, 0.909814, 0.708484, -0.705727, 10.508906, -24.029526], -1.0),
        (1.0, [-0.918188, 0.396144, -0.061622, 0.9981, 7.255474, -18.088127], 0.0),
    ];
    check(ACROBOT, links([2.5, -2.0], [12.0, -28.0]), &steps, Outcome::Terminated);
    // The step that reaches the line costs nothing.
    let steps = [(2.0, [-0.515217, 0.85706, 0.863422, 0.504483, 3.156336, 1.297534], 0.0)];
    check(ACROBOT, links([1.4, 0.3], [4.0, 1.0]), &steps, Outcome::Terminated);
}

#[test]
fn a_pendulum_moves_as_gymnasium_s_does() {
    let rod = |angle, velocity| pendulum::Motion { angle, velocity };
    // Actions are half of the torque.
    let steps = [
        (1.0, [-0.802603, 0.596513, 0.048854], -6.303),
        (-1.0, [-0.808417, 0.58861, 0.196239], -6.266458),
        (0.5, [-0.830967, 0.556322, 0.787696], -6.316274),
        (0.25, [-0.864844, 0.50204, 1.279938], -6.573161),
        (0.0, [-0.903413, 0.428772, 1.656468], -7.005378),
        (-0.75, [-0.937479, 0.348041, 1.753047], -7.558324),
    ];
    check(PENDULUM, rod(2.5, -0.7), &steps, Outcome::Running);
    // At the highest speed, more than half a turn from upright.
    let steps = [
        (1.0, [-0.896758, 0.44252, 8.0], -11.457935),
        (1.0, [-0.998295, 0.058374, 8.0], -13.603483),
        (-1.0, [-0.946436, -0.32289, 7.743781], -15.910032),
    ];
    check(PENDULUM, rod(-4.0, 7.9), &steps, Outcome::Running);
    // Through hanging.
    let steps = [(0.0, [-0.99995, -0.009966, 1.031186], -9.71), (0.0, [-0.998131, -0.061114, 1.023711], -9.913416)];
    check(PENDULUM, rod(3.1, 1.0), &steps, Outcome::Running);
}

#[test]
fn a_mountain_car_moves_as_gymnasium_s_does() {
    let car = |position, velocity| valley::Motion { position, velocity };
    let steps = [
        (2.0, [-0.499177, 0.000823], -1.0),
        (2.0, [-0.497537, 0.00164], -1.0),
        (0.0, [-0.497092, 0.000445], -1.0),
        (1.0, [-0.496846, 0.000246], -1.0),
        (0.0, [-0.4978, -0.000954], -1.0),
        (0.0, [-0.499947, -0.002147], -1.0),
    ];
    check(MOUNTAIN_CAR, car(-0.5, 0.0), &steps, Outcome::Running);
    // Into the wall.
    let steps = [(0.0, [-1.2, 0.0], -1.0), (0.0, [-1.198758, 0.001242], -1.0), (1.0, [-1.19527, 0.003488], -1.0)];
    check(MOUNTAIN_CAR, car(-1.15, -0.06), &steps, Outcome::Running);
    // To the goal, which is beyond the continuous one.
    let steps = [(2.0, [0.465235, 0.045235], -1.0), (2.0, [0.511035, 0.0458], -1.0)];
    check(MOUNTAIN_CAR, car(0.42, 0.045), &steps, Outcome::Terminated);
    // At the highest speed.
    let steps = [(2.0, [-0.48, 0.07], -1.0), (2.0, [-0.41, 0.07], -1.0)];
    check(MOUNTAIN_CAR, car(-0.55, 0.07), &steps, Outcome::Running);
}

#[test]
fn a_continuous_mountain_car_moves_as_gymnasium_s_does() {
    let car = |position, velocity| valley::Motion { position, velocity };
    let steps = [
        (1.0, [-0.498677, 0.001323], -0.1),
        (0.5, [-0.49679, 0.001886], -0.025),
        (-1.0, [-0.496605, 0.000186], -0.1),
        (-0.25, [-0.496996, -0.000392], -0.00625),
        (0.0, [-0.497587, -0.000591], 0.0),
    ];
    check(MOUNTAIN_CAR_CONTINUOUS, car(-0.5, 0.0), &steps, Outcome::Running);
    // Into the wall.
    let steps = [(-1.0, [-1.2, 0.0], -0.1), (-1.0, [-1.199258, 0.000742], -0.1), (0.5, [-1.195522, 0.003736], -0.025)];
    check(MOUNTAIN_CAR_CONTINUOUS, car(-1.15, -0.06), &steps, Outcome::Running);
    // To the goal.
    let steps = [(0.5, [0.444844, 0.044844], -0.025), (0.5, [0.489853, 0.045009], 99.975)];
    check(MOUNTAIN_CAR_CONTINUOUS, car(0.4, 0.045), &steps, Outcome::Terminated);
    // At the highest speed.
    let steps = [(1.0, [-0.48, 0.07], -0.1), (1.0, [-0.41, 0.07], -0.1)];
    check(MOUNTAIN_CAR_CONTINUOUS, car(-0.55, 0.07), &steps, Outcome::Running);
}

//! Both learners learn equally well.

use ludus_learn::{Learner, PpoConfig, Schedule};

use crate::{PLAIN, cart_pole_network, cart_poles, native, ppo, torch};

const SEEDS: u64 = 10;
const ITERATIONS: usize = 60;
/// Iterations whose episodes make a point of the curve.
const STRETCH: usize = 20;

fn config() -> PpoConfig {
    PpoConfig {
        rollout_steps: 32,
        epochs: 4,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.005).into(),
        gamma: 0.98,
        gae_lambda: 0.9,
        normalize_observations: false,
        ..PpoConfig::default()
    }
}

/// Returns the mean episode length of each stretch of the training.
fn curve<L: Learner>(learner: L, seed: u64) -> Vec<f32> {
    let mut worlds = cart_poles(&[32], seed);
    let mut ppo = ppo(&config(), learner, &worlds, seed);
    let mut points = Vec::new();
    for _ in 0..ITERATIONS / STRETCH {
        for _ in 0..STRETCH {
            ppo.iterate(&mut worlds, 0.0).unwrap();
        }
        let lengths = std::mem::take(&mut worlds[0].finished);
        points.push(lengths.iter().sum::<u32>() as f32 / lengths.len().max(1) as f32);
    }
    points
}

#[test]
fn curves_overlap() {
    let seeds = 0..SEEDS;
    let by_torch: Vec<_> = seeds.clone().map(|seed| curve(torch(cart_pole_network(seed), None, PLAIN), seed)).collect();
    let by_native: Vec<_> = seeds.map(|seed| curve(native(cart_pole_network(seed), None), seed)).collect();
    for point in 0..ITERATIONS / STRETCH {
        let [torch, native] = [&by_torch, &by_native].map(|curves| Span::of(curves.iter().map(|curve| curve[point])));
        assert!(torch.least <= native.most && native.least <= torch.most, "{by_torch:?} against {by_native:?}");
        let distance = (torch.mean - native.mean).abs();
        assert!(distance <= 0.2 * native.mean, "{by_torch:?} against {by_native:?}");
    }
    let last = Span::of(by_torch.iter().map(|curve| curve[ITERATIONS / STRETCH - 1]));
    assert!(last.mean > 150.0, "{by_torch:?}");
}

#[derive(Debug)]
struct Span {
    least: f32,
    most: f32,
    mean: f32,
}

impl Span {
    fn of(points: impl Iterator<Item = f32>) -> Self {
        let points: Vec<f32> = points.collect();
        Self {
            least: points.iter().copied().fold(f32::INFINITY, f32::min),
            most: points.iter().copied().fold(0.0, f32::max),
            mean: points.iter().sum::<f32>() / points.len() as f32,
        }
    }
}

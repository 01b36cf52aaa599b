//! A density over the places of a range, estimated from a few of them.

use ludus_spec::Generator;
use rand::RngExt;

/// A mixture of Gaussians that are cut off at 0 and 1: one around each point, and a wide one.
///
/// A Gaussian is as wide as the distance to the farther one of its neighbours, so few points leave room for others. The
/// wide one lets every place have some density.
///
/// # Source
///
/// Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4.2.
pub(super) struct Density {
    kernels: Vec<Kernel>,
}

#[derive(Clone, Copy)]
struct Kernel {
    mean: f64,
    /// The standard deviation.
    width: f64,
    /// The part of the Gaussian that is between 0 and 1.
    mass: f64,
}

impl Density {
    /// The density around these points in `0.0..=1.0`.
    pub fn of(mut points: Vec<f64>) -> Self {
        points.sort_unstable_by(f64::total_cmp);
        let narrowest = 1.0 / (1.0 + points.len() as f64);
        let kernel = |index: usize| {
            let before = index.checked_sub(1).map_or(0.0, |before| points[before]);
            let after = points.get(index + 1).copied().unwrap_or(1.0);
            let width = (points[index] - before).max(after - points[index]);
            Kernel::new(points[index], width.clamp(narrowest, 1.0))
        };
        Self { kernels: (0..points.len()).map(kernel).chain([Kernel::new(0.5, 1.0)]).collect() }
    }

    /// The density at a place.
    pub fn at(&self, place: f64) -> f64 {
        self.kernels.iter().map(|kernel| kernel.at(place)).sum::<f64>() / self.kernels.len() as f64
    }

    /// Draws a place.
    pub fn draw(&self, rng: &mut Generator) -> f64 {
        let kernel = self.kernels[rng.random_range(0..self.kernels.len())];
        loop {
            let place = kernel.mean + kernel.width * gaussian(rng);
            // At least a third of a Gaussian whose mean is in between is in between.
            if (0.0..=1.0).contains(&place) {
                return place;
            }
        }
    }
}

impl Kernel {
    fn new(mean: f64, width: f64) -> Self {
        let mass = below((1.0 - mean) / width) - below(-mean / width);
        Self { mean, width, mass }
    }

    fn at(&self, place: f64) -> f64 {
        let distance = (place - self.mean) / self.width;
        (-0.5 * distance * distance).exp() / (self.width * self.mass * std::f64::consts::TAU.sqrt())
    }
}

/// A draw of the standard normal distribution, by the method of Box and Muller.
fn gaussian(rng: &mut Generator) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// The part of the standard normal distribution below `x`, to 1e-7.
///
/// # Source
///
/// Abramowitz and Stegun 1964, "Handbook of Mathematical Functions", 26.2.17.
fn below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let factors = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = factors.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let above = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() * sum;
    if x < 0.0 { above } else { 1.0 - above }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_tables() {
        for (x, expected) in
            [(0.0, 0.5), (1.0, 0.841_344_7), (-1.0, 0.158_655_3), (1.96, 0.975_002_1), (4.0, 0.999_968_3)]
        {
            assert!((below(x) - expected).abs() < 1e-6, "{x}: {}", below(x));
        }
    }

    #[test]
    fn a_density_adds_up_to_one() {
        for points in [vec![], vec![0.3], vec![0.0, 1.0], vec![0.1, 0.11, 0.12, 0.9]] {
            let density = Density::of(points.clone());
            let sum: f64 = (0..10_000).map(|step| density.at((f64::from(step) + 0.5) * 1e-4) * 1e-4).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{points:?}: {sum}");
        }
    }

    #[test]
    fn places_are_drawn_as_dense_as_they_are() {
        let density = Density::of(vec![0.2, 0.25, 0.3, 0.35]);
        let mut rng = Seed::new(1).generator();
        let draws: Vec<_> = (0..10_000).map(|_| density.draw(&mut rng)).collect();
        let expected: f64 = (0..5_000).map(|step| density.at((f64::from(step) + 0.5) * 1e-4) * 1e-4).sum();
        let below = draws.iter().filter(|&&place| place < 0.5).count() as f64 / 10_000.0;
        assert!((below - expected).abs() < 0.02, "{below}, expected {expected}");
        assert!(draws.iter().all(|place| (0.0..=1.0).contains(place)));
    }
}

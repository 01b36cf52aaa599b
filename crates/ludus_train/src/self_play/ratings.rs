//! Ratings: the strengths of players, fitted to all of their matches at once.

use super::results::Results;

/// Points of a rating per unit of strength: a player with 400 points more wins ten times as often as the other.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

/// The deviation of strengths before any match. It is wide: only pairs that have hardly played feel it.
const PRIOR_DEVIATION: f64 = 10.0;

/// Newton's steps; few are needed, since the likelihood is concave.
const STEPS: usize = 50;

/// A step below this ends the fit.
const TOLERANCE: f64 = 1e-9;

/// The strength of a player, in points as in chess: the first player has 0, and one with 400 points more than another
/// wins ten times as often.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rating {
    /// The strength.
    pub points: f64,
    /// The standard error, relative to the mean of all players.
    pub error: f64,
}

/// Fits the ratings of `players` players to all results: those of the model of Bradley and Terry (1952,
/// doi:10.1093/biomet/39.3-4.324) with the greatest probability, in which a draw is half a victory.
///
/// They do not depend on the order of the matches.
pub fn fit_ratings(results: &Results, players: usize) -> Vec<Rating> {
    let mut strengths = vec![0.0; players];
    for _ in 0..STEPS {
        let (gradient, hessian) = slopes(results, &strengths);
        let step = Cholesky::of(hessian, players).solve(gradient);
        // A step is cut, so that the fit does not overshoot where a player has won everything.
        let longest = step.iter().fold(0.0_f64, |longest, part| longest.max(part.abs()));
        let scale = (2.0 / longest).min(1.0);
        strengths.iter_mut().zip(&step).for_each(|(strength, step)| *strength += scale * step);
        if longest < TOLERANCE {
            break;
        }
    }
    let (_, hessian) = slopes(results, &strengths);
    let errors = centred_errors(&Cholesky::of(hessian, players), players);
    let first = strengths.first().copied().unwrap_or(0.0);
    let rating = |(strength, error): (&f64, f64)| Rating { points: POINTS * (strength - first), error: POINTS * error };
    strengths.iter().zip(errors).map(rating).collect()
}

/// The gradient of the logarithm of the probability of all results, and its negative second derivative
/// `[players, players]`.
fn slopes(results: &Results, strengths: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let players = strengths.len();
    let prior = PRIOR_DEVIATION.powi(-2);
    let mut gradient: Vec<f64> = strengths.iter().map(|strength| -prior * strength).collect();
    let mut hessian = vec![0.0; players * players];
    (0..players).for_each(|player| hessian[player * players + player] = prior);
    for (one, other, tally) in results.iter().filter(|(one, other, _)| one != other) {
        let (one, other, matches) = (one as usize, other as usize, tally.matches() as f64);
        let expected = 1.0 / (1.0 + (strengths[other] - strengths[one]).exp());
        let surplus = tally.points() - matches * expected;
        gradient[one] += surplus;
        gradient[other] -= surplus;
        let weight = matches * expected * (1.0 - expected);
        hessian[one * players + one] += weight;
        hessian[other * players + other] += weight;
        hessian[one * players + other] -= weight;
        hessian[other * players + one] -= weight;
    }
    (gradient, hessian)
}

/// The standard error of each strength relative to the mean of all.
fn centred_errors(hessian: &Cholesky, players: usize) -> Vec<f64> {
    let error = |player: usize| {
        let mut direction = vec![-1.0 / players as f64; players];
        direction[player] += 1.0;
        let spread = hessian.solve(direction.clone());
        direction.iter().zip(spread).map(|(one, other)| one * other).sum::<f64>().sqrt()
    };
    (0..players).map(error).collect()
}

/// The lower triangle L of a positive definite matrix L Lᵀ.
struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    fn of(mut matrix: Vec<f64>, size: usize) -> Self {
        for row in 0..size {
            for column in 0..=row {
                let known: f64 = (0..column).map(|k| matrix[row * size + k] * matrix[column * size + k]).sum();
                let rest = matrix[row * size + column] - known;
                matrix[row * size + column] =
                    if row == column { rest.sqrt() } else { rest / matrix[column * size + column] };
            }
        }
        Self { lower: matrix, size }
    }

    /// Solves L Lᵀ x = `right`.
    fn solve(&self, mut right: Vec<f64>) -> Vec<f64> {
        let Self { lower, size } = self;
        for row in 0..*size {
            let known: f64 = (0..row).map(|k| lower[row * size + k] * right[k]).sum();
            right[row] = (right[row] - known) / lower[row * size + row];
        }
        for row in (0..*size).rev() {
            let known: f64 = (row + 1..*size).map(|k| lower[k * size + row] * right[k]).sum();
            right[row] = (right[row] - known) / lower[row * size + row];
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::super::results::Tally;
    use super::*;

    /// 30 players of known strengths play 5,000 matches, 20 times over.
    #[test]
    fn true_strengths_are_within_the_errors() {
        let mut good = 0;
        for seed in 0..20 {
            let seed = Seed::new(seed);
            let strengths: Vec<f64> = (0..30).map(|player| f64::from(seed.derive(0).derive(player).normal())).collect();
            let mut results = Results::default();
            for number in 0..5_000 {
                let draw = seed.derive(1).derive(number);
                let one = (draw.derive(0).uniform() * 30.0) as usize;
                let other = (one + 1 + (draw.derive(1).uniform() * 29.0) as usize) % 30;
                let wins = 1.0 / (1.0 + (strengths[other] - strengths[one]).exp());
                let has_won = f64::from(draw.derive(2).uniform()) < wins;
                let tally = Tally { wins: has_won.into(), draws: 0, losses: (!has_won).into() };
                results.add_tally(one as u32, other as u32, tally);
            }
            let ratings = fit_ratings(&results, 30);
            let mean = |numbers: &mut dyn Iterator<Item = f64>| numbers.sum::<f64>() / 30.0;
            let true_mean = mean(&mut strengths.iter().copied());
            let fitted_mean = mean(&mut ratings.iter().map(|rating| rating.points));
            let within = strengths.iter().zip(&ratings).filter(|(strength, rating)| {
                let [truth, fitted] = [POINTS * (*strength - true_mean), rating.points - fitted_mean];
                (truth - fitted).abs() <= 1.96 * rating.error
            });
            let within = within.count();
            assert!(within >= 25, "{within} of 30 for {seed:?}");
            good += u32::from(within >= 27);
        }
        // By chance, 27 or more are within in 19 of 20.
        assert!(good >= 17, "at least 27 of 30 within the errors in {good} of 20");
    }

    #[test]
    fn the_odds_of_two_players_are_their_results() {
        let results = Results::of([(0, 1, Tally { wins: 10, draws: 0, losses: 100 })], 0);
        let ratings = fit_ratings(&results, 2);
        assert_eq!(ratings[0].points, 0.0);
        assert!((ratings[1].points - 400.0).abs() < 1.0, "{ratings:?}");
    }

    #[test]
    fn a_cycle_has_equal_ratings() {
        let wins = Tally { wins: 90, draws: 0, losses: 10 };
        let ratings = fit_ratings(&Results::of([(0, 1, wins), (1, 2, wins), (2, 0, wins)], 0), 3);
        assert!(ratings.iter().all(|rating| rating.points.abs() < 1e-6), "{ratings:?}");
    }

    #[test]
    fn a_player_that_wins_everything_has_a_finite_rating() {
        let results = Results::of([(0, 1, Tally { wins: 0, draws: 0, losses: 1000 })], 0);
        let ratings = fit_ratings(&results, 3);
        assert!(ratings[1].points > 1000.0 && ratings[1].points.is_finite(), "{ratings:?}");
        assert!(ratings[2].error.is_finite(), "{ratings:?}");
    }
}

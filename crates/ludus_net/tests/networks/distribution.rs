//! Comparison of distributions with closed forms and with their own samples.

use ludus_net::{Distribution, Upstream};
use ludus_spec::{Head, Seed};

const DRAWS: usize = 100_000;

/// Returns actions and log-probabilities of many draws from one output row.
fn draw(heads: &[Head], log_std: &[f32], output: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let distribution = Distribution::new(heads, log_std);
    let mut actions = vec![0.0; DRAWS * distribution.action_width()];
    let mut log_probs = vec![0.0; DRAWS];
    distribution.sample(&output.repeat(DRAWS), |row| Seed::new(5).derive(row as u64), &mut actions, &mut log_probs);
    (actions, log_probs)
}

/// Returns the log-probability of one action, and the entropy.
fn evaluate(heads: &[Head], log_std: &[f32], output: &[f32], action: &[f32]) -> (f32, f32) {
    let (mut log_prob, mut entropy) = ([0.0], [0.0]);
    Distribution::new(heads, log_std).evaluate(output, action, &mut log_prob, &mut entropy);
    (log_prob[0], entropy[0])
}

#[track_caller]
fn assert_close(actual: f32, expected: f64, tolerance: f64) {
    assert!((f64::from(actual) - expected).abs() < tolerance, "{actual} instead of {expected}");
}

#[test]
fn choices_are_drawn_as_often_as_their_logits_say() {
    let probabilities = [0.5_f32, 0.2, 0.3];
    let heads = [Head::Categorical { choices: 3 }];
    let (actions, log_probs) = draw(&heads, &[], &probabilities.map(f32::ln));
    for (choice, probability) in probabilities.into_iter().enumerate() {
        let frequency = actions.iter().filter(|&&action| action == choice as f32).count() as f64 / DRAWS as f64;
        // Four standard deviations of a frequency are at most 4·√(0.25/DRAWS) = 0.0063.
        assert!((frequency - f64::from(probability)).abs() < 0.0064, "{choice}: {frequency}");
    }
    for (action, log_prob) in actions.iter().zip(log_probs) {
        assert_close(log_prob.exp(), f64::from(probabilities[*action as usize]), 1e-6);
    }
}

#[test]
fn numbers_are_drawn_normally() {
    let (actions, log_probs) = draw(&[Head::Gaussian { width: 1 }], &[0.5_f32.ln()], &[3.0]);
    let z = |action: &f32| (f64::from(*action) - 3.0) / 0.5;
    let moment = |power: i32| actions.iter().map(|action| z(action).powi(power)).sum::<f64>() / DRAWS as f64;
    // Standard errors: √(1, 2, 15, 96)/√DRAWS; four of them.
    for (power, expected, variance) in [(1, 0.0, 1.0_f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let error = (moment(power) - expected).abs();
        assert!(error < 4.0 * (variance / DRAWS as f64).sqrt(), "moment {power}: {error}");
    }
    for (action, log_prob) in actions.iter().zip(log_probs) {
        let expected = -0.5 * z(action).powi(2) - 0.5_f64.ln() - 0.5 * std::f64::consts::TAU.ln();
        assert_close(log_prob, expected, 1e-5);
    }
}

#[test]
fn dimensions_and_heads_are_drawn_independently() {
    let heads = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 2 }, Head::Categorical { choices: 2 }];
    let (actions, _) = draw(&heads, &[0.0, 0.0], &[0.0; 6]);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
        let centre = |column: usize| if column < 2 { 0.0 } else { 0.5 };
        let products = actions.chunks(4).map(|row| f64::from((row[a] - centre(a)) * (row[b] - centre(b))));
        let covariance = products.sum::<f64>() / DRAWS as f64;
        assert!(covariance.abs() < 4.0 / (DRAWS as f64).sqrt(), "{a} and {b}: {covariance}");
    }
}

#[test]
fn log_probabilities_and_entropies_have_closed_forms() {
    // p = (1/4, 3/4)
    let coin = [Head::Categorical { choices: 2 }];
    let (log_prob, entropy) = evaluate(&coin, &[], &[5.0, 5.0 + 3.0_f32.ln()], &[1.0]);
    assert_close(log_prob, 0.75_f64.ln(), 1e-6);
    assert_close(entropy, -(0.25 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln()), 1e-6);

    let bell = [Head::Gaussian { width: 1 }];
    let (log_prob, entropy) = evaluate(&bell, &[2.0_f32.ln()], &[1.0], &[3.0]);
    assert_close(log_prob, -0.5 - 2.0_f64.ln() - 0.5 * std::f64::consts::TAU.ln(), 1e-6);
    assert_close(entropy, 0.5 * (std::f64::consts::TAU * std::f64::consts::E * 4.0).ln(), 1e-6);
}

#[test]
fn several_heads_add_up() {
    let (coin, bell) = (Head::Categorical { choices: 2 }, Head::Gaussian { width: 1 });
    let apart = [evaluate(&[coin], &[], &[0.3, 1.0], &[0.0]), evaluate(&[bell], &[-0.2], &[0.7], &[0.1])];
    let together = evaluate(&[coin, bell], &[-0.2], &[0.3, 1.0, 0.7], &[0.0, 0.1]);
    assert_close(together.0, f64::from(apart[0].0 + apart[1].0), 1e-6);
    assert_close(together.1, f64::from(apart[0].1 + apart[1].1), 1e-6);
}

#[test]
fn extreme_logits_stay_finite() {
    let heads = [Head::Categorical { choices: 3 }];
    let output = [1000.0, -1000.0, 999.0];
    let (actions, log_probs) = draw(&heads, &[], &output);
    assert!(log_probs.iter().all(|log_prob| log_prob.is_finite()));
    assert!(actions.iter().all(|&action| action != 1.0), "what can't happen was drawn");
    let (log_prob, entropy) = evaluate(&heads, &[], &output, &[1.0]);
    assert_close(log_prob, -2000.0 - (1.0 + (-1.0_f64).exp()).ln(), 1e-3);
    assert!(entropy > 0.5 && entropy < 0.6, "{entropy}");
}

#[test]
fn a_logit_that_is_not_a_number_is_told() {
    let heads = [Head::Categorical { choices: 3 }];
    for position in 0..3 {
        let mut output = [0.5; 3];
        output[position] = f32::NAN;
        let (_, log_probs) = draw(&heads, &[], &output);
        assert!(log_probs.iter().all(|log_prob| log_prob.is_nan()), "drawn with logit {position}");
        for choice in [0.0, 1.0, 2.0] {
            let (log_prob, entropy) = evaluate(&heads, &[], &output, &[choice]);
            assert!(log_prob.is_nan() && entropy.is_nan(), "logit {position}: {log_prob}, {entropy}");
        }
    }
}

/// Heads of three choices, of which the second is not allowed, one Gaussian dimension, and two choices, of which the
/// first is not allowed.
const BRANCHES: [Head; 3] =
    [Head::Categorical { choices: 3 }, Head::Gaussian { width: 1 }, Head::Categorical { choices: 2 }];

/// The choices that are not allowed have by far the greatest logits.
const BRANCHES_OUTPUT: [f32; 6] = [0.0, 9.0, 2.0, 0.5, 80.0, -80.0];
const BRANCHES_MASK: [bool; 5] = [true, false, true, false, true];

#[test]
fn what_is_not_allowed_is_never_drawn() {
    let masks = BRANCHES_MASK.repeat(DRAWS);
    let distribution = Distribution::new(&BRANCHES, &[0.0]).masked(&masks);
    let (mut actions, mut log_probs) = (vec![0.0; DRAWS * 3], vec![0.0; DRAWS]);
    let seed_of = |row| Seed::new(6).derive(row as u64);
    distribution.sample(&BRANCHES_OUTPUT.repeat(DRAWS), seed_of, &mut actions, &mut log_probs);
    assert!(actions.chunks(3).all(|row| row[0] != 1.0 && row[2] == 1.0));
    // Of logits 0 and 2, the first is drawn with probability 1 / (1 + e²).
    let frequency = actions.chunks(3).filter(|row| row[0] == 0.0).count() as f64 / DRAWS as f64;
    let expected = 1.0 / (1.0 + 2.0_f64.exp());
    assert!((frequency - expected).abs() < 0.0064, "{frequency} instead of {expected}");
    let (mut again, mut entropies) = (vec![0.0; DRAWS], vec![0.0; DRAWS]);
    distribution.evaluate(&BRANCHES_OUTPUT.repeat(DRAWS), &actions, &mut again, &mut entropies);
    for (drawn, evaluated) in log_probs.iter().zip(again) {
        assert_close(evaluated, f64::from(*drawn), 1e-5);
    }
}

#[test]
fn what_is_not_allowed_is_no_mode() {
    let mut action = [0.0; 3];
    let distribution = Distribution::new(&BRANCHES, &[0.0]).masked(&BRANCHES_MASK);
    distribution.mode(&BRANCHES_OUTPUT, &mut action);
    assert_eq!(action, [2.0, 0.5, 1.0]);
    distribution.mode(&[f32::NAN; 6], &mut action);
    assert_eq!((action[0], action[2]), (0.0, 1.0), "not even where logits say nothing");
}

#[test]
fn a_masked_head_is_the_head_of_what_is_allowed() {
    let allowed = evaluate(&[Head::Categorical { choices: 2 }], &[], &[0.3, 1.7], &[1.0]);
    let (mut log_prob, mut entropy) = ([0.0], [0.0]);
    let heads = [Head::Categorical { choices: 4 }];
    let distribution = Distribution::new(&heads, &[]).masked(&[false, true, false, true]);
    distribution.evaluate(&[99.0, 0.3, -99.0, 1.7], &[3.0], &mut log_prob, &mut entropy);
    assert_close(log_prob[0], f64::from(allowed.0), 1e-6);
    assert_close(entropy[0], f64::from(allowed.1), 1e-6);
}

#[test]
fn a_single_choice_is_certain() {
    let heads = [Head::Categorical { choices: 3 }];
    let distribution = Distribution::new(&heads, &[]).masked(&[false, true, false]);
    let (mut log_prob, mut entropy, mut d_outputs) = ([1.0], [1.0], [0.0; 3]);
    distribution.evaluate(&[5.0, -2.0, 7.0], &[1.0], &mut log_prob, &mut entropy);
    assert_eq!((log_prob, entropy), ([0.0], [0.0]));
    let upstream = Upstream { d_log_probs: &[1.0], d_entropies: &[1.0] };
    distribution.backward(&[5.0, -2.0, 7.0], &[1.0], upstream, &mut d_outputs, &mut []);
    assert_eq!(d_outputs, [0.0; 3]);
}

#[test]
fn a_mask_that_allows_everything_changes_nothing() {
    let output = [0.4, -1.0, 2.5, 0.5, 0.1, 0.2];
    let everything = [true; 5];
    let draw = |distribution: Distribution| {
        let (mut actions, mut log_probs) = ([0.0; 3], [0.0]);
        distribution.sample(&output, |_| Seed::new(7), &mut actions, &mut log_probs);
        (actions, log_probs)
    };
    let distribution = Distribution::new(&BRANCHES, &[0.0]);
    assert_eq!(draw(distribution.masked(&everything)), draw(distribution));
}

#[test]
fn a_head_with_nothing_allowed_is_told() {
    let heads = [Head::Categorical { choices: 3 }];
    let (mut log_prob, mut entropy) = ([0.0], [0.0]);
    Distribution::new(&heads, &[]).masked(&[false; 3]).evaluate(&[0.5; 3], &[1.0], &mut log_prob, &mut entropy);
    assert!(log_prob[0].is_nan() && entropy[0].is_nan());
}

#[test]
fn the_mode_is_the_most_probable_action() {
    let heads = [Head::Categorical { choices: 3 }, Head::Gaussian { width: 2 }];
    let mut actions = [0.0; 6];
    let outputs = [0.1, 0.3, 0.2, 7.0, -8.0, -1.0, -2.0, -1.0, 0.5, 0.25];
    Distribution::new(&heads, &[0.0, 0.0]).mode(&outputs, &mut actions);
    assert_eq!(actions, [1.0, 7.0, -8.0, 0.0, 0.5, 0.25]);
}

//! The command `eval`.

use crate::blueprint::Purpose;
use crate::checkpoint::Checkpoint;
use crate::checkpoints;
use crate::episodes::Spread;
use crate::error::TrainError;
use crate::evaluation::{Contestants, Evaluation, EvaluationSettings, KindEvaluation, evaluate};
use crate::fit::check_fit;
use crate::interrupt;
use crate::record::{KindRecord, RunRecord};
use crate::report::{ActionsTaken, Report};

use super::arguments::EvalArguments;
use super::demonstrations::{CompareRequest, compare, record};
use super::opponents::{OpponentPolicies, actors_of};
use super::outlet::{note, say, warn};
use super::policies::{LocatedPolicy, PolicyLocation, find, find_config, with_intervals};
use super::{LoadedConfig, Program};

/// The least relative difference between the returns of an evaluation and of training that is reported.
const LEAST_DIFFERENCE: f64 = 0.1;

/// Runs `eval`: scores policies, and prints the results.
pub(super) fn eval(program: &Program, arguments: &EvalArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    found.check(&specs)?;
    let run = &arguments.run;
    let LoadedConfig { config, file: config_file } = find_config(program, &found, run, &specs)?;
    let policies = found.policies(&config, &specs)?;
    if let Some(file) = &arguments.demonstrations {
        return compare(&CompareRequest { file, config: &config, specs: &specs, policies: &policies });
    }
    let config = with_intervals(config.shrunk_to(arguments.episodes), &policies, &specs);
    let blueprint = program.blueprint(specs, config, run)?;
    for LocatedPolicy { kind, path, file } in &policies {
        check_fit(file, path, &blueprint, *kind)?;
    }
    let actors = actors_of(&policies, &blueprint)?;
    let opponents = arguments.against.as_deref().map(|named| OpponentPolicies::find(program, named, &blueprint, run));
    let opponents = opponents.transpose()?;
    let contestants =
        Contestants { policies: &actors, opponents: opponents.as_ref().map(OpponentPolicies::as_opponents) };
    let settings = EvaluationSettings {
        episodes: arguments.episodes.get(),
        sampled: arguments.sample,
        purpose: Purpose::Evaluation,
        recorded: arguments.record.is_some(),
    };
    let interrupted = interrupt::listen(|| note("ending with the episodes so far; again to end at once"));
    let evaluation = evaluate(&blueprint, contestants, settings, interrupted, &mut |sentence| warn(&sentence))?;
    policies.iter().for_each(|LocatedPolicy { path, .. }| say(format_args!("policy: {}", path.display())));
    tell(&evaluation, settings);
    if let (Some(opponents), Some(matches)) = (&opponents, evaluation.matches) {
        say(opponents.sentence(matches));
    }
    if let Some(path) = &arguments.record {
        record(path, &evaluation, &policies, &blueprint.specs)?;
    }
    if !settings.sampled && found.is_as_trained(run) {
        tell_differences(&evaluation, &found, &policies);
    }
    let actions = if settings.sampled { ActionsTaken::Drawn } else { ActionsTaken::Greedy };
    Ok(Report {
        run_dir: found.folder.map(|folder| folder.path().to_owned()),
        config: config_file,
        actions: Some(actions),
        ..Report::from(&evaluation)
    })
}

/// Prints the return in training, where actions are drawn, for kinds whose return differs from it.
fn tell_differences(evaluation: &Evaluation, found: &PolicyLocation, policies: &[LocatedPolicy]) {
    let Some(steps) = policies.first().map(|policy| policy.file.origin.steps) else { return };
    let Some(record) = training_record(found, steps) else { return };
    for kind in &evaluation.kinds {
        let trained = record.kinds.get(&kind.name).and_then(KindRecord::mean_return);
        trained.and_then(|trained| other_than_drawn(kind, trained)).into_iter().for_each(say);
    }
}

/// The record of the training run after `steps` steps, if there is a checkpoint of that time.
fn training_record(found: &PolicyLocation, steps: u64) -> Option<RunRecord> {
    let folder = found.folder.as_ref()?;
    let is_checkpoint = found.is_file && !folder.policy_files().contains(&found.path);
    let checkpoint = if is_checkpoint {
        Checkpoint::read(&found.path).ok()?
    } else {
        checkpoints::FoundCheckpoints::newest_good(&folder.checkpoints(), &folder.read_id()).ok()?.checkpoint?.1
    };
    (checkpoint.steps() == steps).then_some(checkpoint.record)
}

/// A sentence about the return in training, if the return of the most probable actions differs by more than noise.
fn other_than_drawn(evaluation: &KindEvaluation, trained: f64) -> Option<String> {
    let Spread { mean, std } = evaluation.returns;
    // Three standard errors of a difference of means. The mean of training is over some 100 episodes.
    let noise = 3.0 * std * (1.0 / evaluation.episodes as f64 + 1.0 / 100.0).sqrt();
    let least = noise.max(LEAST_DIFFERENCE * mean.abs().max(trained.abs()));
    ((mean - trained).abs() > least).then(|| {
        format!(
            "in training, where actions are drawn, the return was {trained:.2}: --sample scores the policy like that, and \
             `PolicyRunner::sampled` plays it"
        )
    })
}

fn tell(evaluation: &Evaluation, settings: EvaluationSettings) {
    say(if settings.sampled {
        "actions: drawn, as in training; without --sample, the most probable ones"
    } else {
        "actions: the most probable ones; with --sample, drawn as in training"
    });
    for kind in &evaluation.kinds {
        let name = if evaluation.kinds.len() > 1 { format!("{}: ", kind.name) } else { String::new() };
        tell_kind(kind, &name, settings);
    }
    if evaluation.faults > 0 {
        say(format_args!("{} numbers were not finite; zeros took their place", evaluation.faults));
    }
}

/// `, success 93.0 %`
pub(super) fn success_words(rate: f64) -> String {
    format!(", success {:.1} %", 100.0 * rate)
}

/// Prints the results of a kind, with the prefix `name`.
fn tell_kind(kind: &KindEvaluation, name: &str, settings: EvaluationSettings) {
    let KindEvaluation { returns, lengths, episodes, .. } = kind;
    match returns.shown() {
        None => say(format_args!("{name}no episode has ended")),
        Some(returns) => {
            let success = kind.success.map_or_else(String::new, success_words);
            say(format_args!(
                "{name}return {returns}{success}, length {:.1} ± {:.1}, {episodes} episodes",
                lengths.mean, lengths.std
            ));
            for (term, spread) in &kind.terms {
                say(format_args!("  {term}: {:.3} ± {:.3}", spread.mean, spread.std));
            }
        }
    }
    if *episodes < settings.episodes as usize {
        say(format_args!("{name}{} episodes were asked for; the others did not end", settings.episodes));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn drawn_actions_are_pointed_to_only_where_they_come_to_something_else() {
        let check = |mean: f64, std: f64, trained: f64, expected: bool| {
            let evaluation = KindEvaluation {
                name: String::new(),
                returns: Spread { mean, std },
                lengths: Spread { mean: 1.0, std: 0.0 },
                terms: BTreeMap::new(),
                success: None,
                episodes: 100,
                steps: 100,
                demonstrations: Vec::new(),
            };
            assert_eq!(other_than_drawn(&evaluation, trained).is_some(), expected, "{mean} ± {std}, {trained}");
        };
        check(100.0, 0.0, 99.0, false);
        check(100.0, 0.0, 80.0, true);
        check(-1.0, 0.0, 0.9, true);
        check(0.5, 1.0, 0.8, false);
        check(0.2, 0.5, 0.8, true);
        check(f64::NAN, f64::NAN, 0.8, false);
        check(0.8, 0.1, f64::NAN, false);
    }
}

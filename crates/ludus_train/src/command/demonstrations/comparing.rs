//! `eval --demonstrations`: a policy's decisions beside those of demonstrations.

use std::path::Path;
use std::sync::Arc;

use ludus_demonstrations::{Demonstration, DemonstrationError, DemonstrationFile};
use ludus_policy::Policy;
use ludus_spec::AgentSpec;

use crate::agreement::{Agreement, ChoiceAgreement, NumberAgreement, agreement};
use crate::command::outlet::{say, warn};
use crate::command::policies::LocatedPolicy;
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::report::Report;
use crate::shipped::shipped;

/// Policies, and the file that one of them is compared with.
pub(in crate::command) struct CompareRequest<'a> {
    pub file: &'a Path,
    pub config: &'a RunConfig,
    pub specs: &'a [Arc<AgentSpec>],
    pub policies: &'a [LocatedPolicy],
}

/// The episodes that a policy is compared with, and others of the same file.
struct Judged {
    episodes: Vec<Demonstration>,
    /// Episodes that the baselines know.
    others: Vec<Demonstration>,
    /// The choice of the episodes, in words.
    which: &'static str,
}

/// Compares the policy of the demonstrations' kind of agents with them, and prints the results.
pub(in crate::command) fn compare(request: &CompareRequest<'_>) -> Result<Report, TrainError> {
    let CompareRequest { file: path, config, specs, policies } = *request;
    let recorded = DemonstrationFile::read(path)?;
    recorded.damage.iter().for_each(|problem| warn(&format!("`{}`: {problem}", path.display())));
    let name = &recorded.header.agent.name;
    let policy = policies.iter().find(|policy| specs[policy.kind].name == *name).ok_or_else(|| {
        let agent = specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>().join("` and `");
        let difference = format!("they are of `{name}`");
        DemonstrationError::OtherLayout { path: path.to_owned(), agent, difference }
    })?;
    let spec = &specs[policy.kind];
    let demonstrations = DemonstrationFile::read_for(path, spec, policy.file.decision_interval)?;
    demonstrations.header.check_time(path, policy.file.decision_interval, policy.file.tick_rate_hz)?;
    let judged = judged(demonstrations.episodes, path, config, spec);
    let found = agreement(&Policy::new(&policy.file)?, spec, &judged.episodes, &judged.others);
    say(format_args!("policy: {}", policy.path.display()));
    say(format_args!("demonstrations: {}, {}", path.display(), judged.which));
    tell(&found);
    Ok(Report { episodes: found.episodes, env_steps: found.steps, agreement: Some(found), ..Report::default() })
}

/// Chooses the episodes that the run held out, if it has learned from the file.
fn judged(all: Vec<Demonstration>, path: &Path, config: &RunConfig, spec: &AgentSpec) -> Judged {
    let same = |named: &Path| {
        let named = shipped(named).unwrap_or_else(|| named.to_owned());
        named == path || matches!((named.canonicalize(), path.canonicalize()), (Ok(one), Ok(other)) if one == other)
    };
    let pretrain = config.agent(spec).pretrain.as_ref();
    let pretrain = pretrain.filter(|pretrain| pretrain.demonstrations.iter().any(|named| same(named)));
    let Some(pretrain) = pretrain else {
        return Judged {
            episodes: all,
            others: Vec::new(),
            which: "all episodes; the run has not learned from the file",
        };
    };
    let count = all.len();
    let split = all.into_iter().enumerate().partition::<Vec<_>, _>(|(index, _)| pretrain.is_held_out(*index, count));
    let [held_out, learned] = [split.0, split.1].map(|part| part.into_iter().map(|(_, episode)| episode).collect());
    let held_out: Vec<Demonstration> = held_out;
    if held_out.is_empty() {
        return Judged { episodes: learned, others: Vec::new(), which: "all episodes; the run has learned from them" };
    }
    Judged { episodes: held_out, others: learned, which: "the episodes that the run has not learned from" }
}

fn tell(agreement: &Agreement) {
    let Agreement { episodes, steps, negative_log_likelihood, choices, numbers } = agreement;
    say(format_args!(
        "{episodes} episodes, {steps} steps: negative log-likelihood {negative_log_likelihood:.4} nats per step"
    ));
    choices.iter().for_each(tell_choices);
    numbers.iter().for_each(tell_number);
}

fn tell_choices(field: &ChoiceAgreement) {
    say(format_args!(
        "{}: accuracy {:.1} % (most frequent {:.1} %, same as before {:.1} %)",
        field.name,
        100.0 * field.accuracy,
        100.0 * field.most_frequent_accuracy,
        100.0 * field.same_as_before_accuracy
    ));
    for choice in &field.choices {
        say(format_args!(
            "  {}: precision {:.3}, recall {:.3}, F1 {:.3}, {} steps",
            choice.name, choice.precision, choice.recall, choice.f1, choice.steps
        ));
    }
    say("  confusion, shown in rows and chosen by the policy in columns:");
    for (choice, row) in field.choices.iter().zip(&field.confusion) {
        let counts = row.iter().map(|count| format!("{count:>7}")).collect::<String>();
        say(format_args!("  {counts}  {}", choice.name));
    }
}

fn tell_number(number: &NumberAgreement) {
    say(format_args!(
        "{}: mean absolute error {:.4} (mean {:.4}, same as before {:.4}), R² {:.4} (same as before {:.4})",
        number.name,
        number.mean_absolute_error,
        number.mean_baseline_error,
        number.same_as_before_error,
        number.r_squared,
        number.same_as_before_r_squared
    ));
}

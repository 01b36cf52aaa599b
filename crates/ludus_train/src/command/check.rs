//! The command `check`.

use crate::check::{CheckResult, CheckSettings, Scope, check_game};
use crate::error::TrainError;
use crate::finding::Finding;
use crate::report::Report;

use super::arguments::CheckArguments;
use super::outlet::say;
use super::{LoadedConfig, MissingConfig, Program};

/// Runs `check`: checks the game, and prints the findings.
pub(super) fn check(program: &Program, arguments: &CheckArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    let LoadedConfig { config, file } = program.config(&arguments.run, &specs, MissingConfig::Defaults)?;
    let blueprint = program.blueprint(specs, config, &arguments.run)?;
    let settings = CheckSettings { ticks: arguments.ticks.get(), seconds: f64::INFINITY, scope: Scope::Patient };
    let CheckResult { findings, random_play } = check_game(&blueprint, settings)?;
    tell(&findings, arguments.ticks.get());
    random_play.iter().for_each(|kind| say(kind.sentence(random_play.len() > 1)));
    Ok(Report { findings: Some(findings), config: file, ..Report::from(&random_play[..]) })
}

fn tell(findings: &[Finding], ticks: u32) {
    for Finding { what, remedy } in findings {
        say(format_args!("{what}\n    {remedy}"));
    }
    match findings.len() {
        0 => say(format_args!("nothing was found in {ticks} ticks of random actions")),
        1 => say("1 finding"),
        count => say(format_args!("{count} findings")),
    }
}

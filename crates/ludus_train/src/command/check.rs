//! `check`

use crate::check::{Exam, Examined, Finding, Scope, examine};
use crate::error::TrainError;
use crate::report::Report;

use super::arguments::CheckArguments;
use super::outlet::say;
use super::{LoadedConfig, MissingConfig, Program};

/// Looks for what is wrong with a game, and shows it.
pub(super) fn check(program: &Program, arguments: &CheckArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    let LoadedConfig { config, file } = program.config(&arguments.run, &specs, MissingConfig::Defaults)?;
    let blueprint = program.blueprint(specs, config, &arguments.run)?;
    let exam = Exam { ticks: arguments.ticks.get(), seconds: f64::INFINITY, scope: Scope::Patient };
    let Examined { findings, random_play } = examine(&blueprint, exam)?;
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

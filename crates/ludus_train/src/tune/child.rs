//! The process of a trial, seen from the search.
//!
//! The search starts its own program again, with the same arguments and the order in an environment variable. So a
//! program that handles its arguments itself before it passes them on comes to the same command. A panic, an abort or a
//! lack of memory ends the trial's process alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use ludus_policy::files::{self, LONGEST_FILE, LONGEST_TEXT, Links};

use super::TuneError;
use super::trial::{TrialOrder, TrialReport};

/// The environment variable with the order of a trial, in JSON.
const ORDER: &str = "LUDUS_TRIAL";

/// The pipes to the processes that run. Each process ends when its pipe does, so none outlives the search.
#[derive(Debug, Default)]
pub(crate) struct Lifelines {
    pipes: Mutex<Option<BTreeMap<u32, ChildStdin>>>,
}

impl Lifelines {
    /// Ends all processes, and every one that is started from now on.
    pub fn cut(&self) {
        *self.pipes.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn new() -> Self {
        Self { pipes: Mutex::new(Some(BTreeMap::new())) }
    }

    fn add(&self, process: u32, pipe: Option<ChildStdin>) {
        if let (Some(pipes), Some(pipe)) = (&mut *self.pipes.lock().unwrap_or_else(PoisonError::into_inner), pipe) {
            pipes.insert(process, pipe);
        }
    }

    fn remove(&self, process: u32) {
        if let Some(pipes) = &mut *self.pipes.lock().unwrap_or_else(PoisonError::into_inner) {
            pipes.remove(&process);
        }
    }
}

/// The order of this process, if it is that of a trial.
pub(crate) fn own_order() -> Option<TrialOrder> {
    serde_json::from_str(&std::env::var(ORDER).ok()?).ok()
}

/// Ends this process, which is that of a trial, as soon as the search that started it is gone.
pub(crate) fn end_with_the_search() {
    std::thread::spawn(|| {
        // Nothing is ever written to it: it ends, or it fails.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

/// Carries out an order in a process of its own, and waits for it.
///
/// # Errors
///
/// If the process can't be started. Whatever ends it is in the report.
pub(super) fn carry_out(order: &TrialOrder, lifelines: &Lifelines) -> Result<TrialReport, TuneError> {
    let no_process = |error: std::io::Error| TuneError::NoProcess { message: error.to_string() };
    let log = order.report.with_extension("log");
    // Those of a process that was killed.
    let _ = (fs::remove_file(&order.report), fs::remove_file(&log));
    let text = serde_json::to_string(order).expect("numbers and names are JSON");
    let mut child = Command::new(own_program().map_err(no_process)?)
        .args(std::env::args_os().skip(1))
        .env(ORDER, text)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(files::create_new(&log).map_err(no_process)?)
        .spawn()
        .map_err(no_process)?;
    lifelines.add(child.id(), child.stdin.take());
    let status = child.wait().map_err(no_process)?;
    lifelines.remove(child.id());
    let report = read_report(&order.report).unwrap_or_else(|| TrialReport::Failed(reason(status, &log)));
    // A file that is left does no harm.
    let _ = fs::remove_file(&order.report);
    if matches!(report, TrialReport::Done(_)) {
        let _ = fs::remove_file(&log);
    }
    Ok(report)
}

/// The file of this program; on Linux the one that runs, even if another one has taken its place meanwhile.
fn own_program() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() }
}

fn read_report(path: &Path) -> Option<TrialReport> {
    serde_json::from_slice(&files::read(path, Links::Refuse, LONGEST_FILE).ok()?).ok()
}

/// The reason that a process ended without a report.
fn reason(status: ExitStatus, log: &Path) -> String {
    let said = files::read_text(log, Links::Refuse, LONGEST_TEXT).unwrap_or_default();
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    let last = last.map_or_else(String::new, |line| format!("; it last printed: {}", line.trim()));
    format!("its process ended with {status}{last}")
}

//! Training for a long time takes no more memory than training for a short one.

use std::fs;
use std::io::Read;
use std::process::Child;
use std::time::Duration;

use super::crash::lines_up_to;
use super::program::start;

/// Time between two measurements of the memory.
const INTERVAL: Duration = Duration::from_millis(500);

/// The command line of a run that lasts until it is killed.
const ENDLESS: [&str; 9] = [
    "train",
    "--threads",
    "1",
    "--set",
    "worlds=2",
    "--set",
    "stop.steps=1_000_000_000_000",
    "--set",
    "checkpoints=(every: 200_000, every_seconds: 5.0, keep: 2)",
];

/// Memory that a process occupies [MiB].
fn resident(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Reads and drops the output: a full pipe would block the run, a closed one would end its test harness.
fn drain(pipe: Option<impl Read + Send + 'static>) {
    if let Some(mut pipe) = pipe {
        std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
    }
}

/// The slope of the line that fits the values best, per value.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let offsets = values.iter().enumerate().map(|(index, value)| (index as f64 - middle, value - mean));
    let (products, squares) = offsets
        .fold((0.0, 0.0), |(products, squares), (index, value)| (products + index * value, squares + index * index));
    products / squares
}

/// The time to measure [s]: `LUDUS_TORTURE_SECONDS` if it is set, an hour with `LUDUS_TORTURE`, else a minute.
fn seconds() -> u64 {
    let told = std::env::var("LUDUS_TORTURE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    told.unwrap_or(if std::env::var_os("LUDUS_TORTURE").is_some() { 3600 } else { 60 })
}

#[test]
fn an_hour_of_training_does_not_grow_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("arrows", folder.path(), &ENDLESS);
    lines_up_to(&mut child, "training ");
    drain(child.stdout.take());
    drain(child.stderr.take());
    let total = seconds() * 2;
    let mut memory = Vec::new();
    for _ in 0..total {
        std::thread::sleep(INTERVAL);
        memory.push(resident(&child));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Caches and the allocator's pools fill at first.
    let settled = &memory[memory.len() / 4..];
    let per_hour = slope(settled) * 7200.0;
    let growth = slope(settled) * settled.len() as f64;
    println!(
        "memory: {:.1} MiB after {} s, {growth:+.3} MiB since the first quarter, {per_hour:+.2} MiB/h",
        memory.last().unwrap(),
        total / 2
    );
    assert!(growth < 1.0, "{growth} MiB, {per_hour} MiB/h: {memory:?}");
}

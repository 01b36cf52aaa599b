//! `--learner`, `--device` and `doctor`.

use super::program::run;

#[test]
fn what_can_t_be_had_is_refused_in_a_sentence_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], expected: &str| {
        let done = run("arrows", folder.path(), &[&["train", "--set", "worlds=1"], arguments].concat());
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.errors);
        assert!(done.errors.contains(expected), "{arguments:?}: {}", done.errors);
        assert!(!folder.path().join("runs").exists(), "{arguments:?}");
    };
    check(&["--learner", "native", "--device", "cuda:0"], "choose `--learner torch`, or `--device cpu`");
    check(&["--device", "gpu"], "valid: auto, cpu, cuda:0");
    check(&["--set", "convolutions=[16]"], "`convolutions` need a grid, and `Reader` observes none; leave them out");
    let encoders = "network.encoders={\"arrow\": Convolve([16])}";
    check(&["--set", encoders], "`Convolve([16])` reads a grid, and `arrow` has 1 values; leave it out");
    #[cfg(not(feature = "torch"))]
    check(&["--learner", "torch"], "this program was built without libtorch");
    // No machine has as many GPUs.
    #[cfg(feature = "torch")]
    check(&["--device", "cuda:999"], "--device cpu");
}

#[test]
fn doctor_says_what_there_is() {
    let done = run("arrows", tempfile::tempdir().unwrap().path(), &["doctor"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    for what in ["libtorch ", "CUDA driver ", "torch ", "the feature `torch`"] {
        assert!(done.out.lines().any(|line| line.contains(what)), "{what}: {}", done.out);
    }
}

#[cfg(feature = "torch")]
mod torch {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::LazyLock;

    use ludus_learn::AlgorithmState;
    use ludus_train::Checkpoint;
    use serde_json::Value;

    use crate::program::{run, run_after};
    use crate::resume::{copy, numbered};
    use crate::values::{DQN, PQN, SAC, check_numbers_and_choices, train};
    use crate::work::QUICK;

    /// The environment variable with the device of learners on libtorch, such as `cuda:0`; the CPU if it is not set.
    const DEVICE: &str = "LUDUS_TEST_DEVICE";

    static TORCH: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let device = std::env::var(DEVICE).map_or("cpu", |device| device.leak());
        vec!["--learner", "torch", "--device", device]
    });

    /// The report of a command, which has to succeed.
    fn report(game: &str, folder: &Path, parts: &[&[&str]]) -> Value {
        let done = run(game, folder, &parts.concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        done.json()
    }

    fn run_dir(folder: &Path, report: &Value) -> PathBuf {
        folder.join(report["run_dir"].as_str().unwrap())
    }

    fn mean_return(report: &Value) -> f64 {
        report["mean_return"].as_f64().unwrap()
    }

    /// The problems of a GPU are simulated on the GPU in software. Without a GPU, training on one is refused.
    #[test]
    fn a_gpu_is_used_and_what_it_lacks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let uses_cuda = run("arrows", folder.path(), &["doctor"]).out.contains("uses CUDA");
        if TORCH[3] == "cpu" {
            let device = ["--learner", "torch", "--device", "cuda:0"];
            let done = run("arrows", folder.path(), &[QUICK.as_slice(), &device].concat());
            assert_eq!(done.code == 0, uses_cuda, "`doctor` and `train` agree: {}", done.errors);
            assert!(uses_cuda || done.errors.contains("--device cpu"), "{}", done.errors);
            return;
        }
        assert!(uses_cuda);
        let refused = |setting: &str, expected: &str| {
            let train = ["train", "--learner", "torch", "--device", "cuda:0"];
            let done = run_after(&format!("export {setting}"), "arrows", folder.path(), &train);
            assert_eq!(done.code, 2, "{setting}: {}", done.errors);
            let (config, error) = done.errors.split_once('\n').unwrap();
            assert!(config.starts_with("config: "), "{}", done.errors);
            assert!(error.starts_with("error: ") && error.lines().count() == 1, "{}", done.errors);
            assert!(done.errors.contains(expected), "{setting}: {}", done.errors);
            assert!(!folder.path().join("runs").exists());
        };
        if std::env::var_os("SOFTWARE_GPU_KERNELS").is_some() {
            refused("SOFTWARE_GPU_COUNT=0", "the CUDA driver finds no GPU");
            refused("SOFTWARE_GPU_CUDA=12080", "the CUDA driver serves CUDA 12.8, but libtorch needs 13.0");
            refused("SOFTWARE_GPU_MEMORY=1000000000", "of GPU memory, and 500 MB are free; ");
        }
        let done = run("arrows", folder.path(), &[QUICK.as_slice(), &TORCH].concat());
        assert!(done.errors.contains("learner: torch, on cuda:0 (as asked for)"), "{}", done.errors);
        assert!(!done.errors.contains("can't be had"), "{}", done.errors);
    }

    /// Each learner scores and resumes runs of the other one, in a game with masks.
    #[test]
    fn the_learners_go_on_from_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let train = ["train", "--json", "--set", "worlds=2", "--set", "stop.steps=20_000"];
        report("gates", folder, &[&train, &TORCH]);
        let check = || {
            let scored = report("gates", folder, &[&["eval", "--json", "--episodes", "200"]]);
            assert!(mean_return(&scored) > 7.5, "{scored}");
        };
        check();
        let more = ["train", "--json", "--resume", "latest", "--learner", "native", "--set", "stop.steps=30_000"];
        report("gates", folder, &[&more]);
        check();
        let again = ["train", "--json", "--resume", "latest", "--set", "stop.steps=40_000"];
        report("gates", folder, &[&again, &TORCH]);
        check();
    }

    /// Moments, statistics and counters go on, and the bits are the same again on the same device.
    #[test]
    fn a_resumed_run_goes_on_with_everything_that_was_learned() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let first = report("arrows", folder, &[&QUICK, &TORCH, &["--set", "stop.steps=10_000"]]);
        let dir = run_dir(folder, &first);
        let last = |dir: &Path| Checkpoint::read(numbered(dir).last().unwrap()).unwrap();
        let before = last(&dir);
        let resumed = |name: &str, threads: &str| {
            let copied = folder.join(name);
            copy(&dir, &copied);
            let options = ["train", "--json", "--resume", name, "--threads", threads, "--set", "stop.steps=30_000"];
            report("arrows", folder, &[&options, &TORCH]);
            (last(&copied), fs::read(copied.join("policy.safetensors")).unwrap())
        };
        let (after, policy) = resumed("one", "1");
        assert!(policy == resumed("two", "2").1, "the same bits again, with another number of threads");
        let [then, now] = [&before, &after].map(|checkpoint| &checkpoint.policies[0].state);
        let steps = |state: &AlgorithmState| state.counters["optimizer_steps"];
        assert!(now.iteration > then.iteration && steps(now) > steps(then));
        let count =
            |checkpoint: &Checkpoint| checkpoint.policies[0].policy.normalizer.as_ref().unwrap().statistics().count();
        assert!(count(&after) > 2.5 * count(&before), "observations of both parts are in the statistics");
        assert!(then.per_parameter("adam.variance").unwrap().iter().any(|&moment| moment != 0.0));
        assert!(
            after.record.kinds.values().next().unwrap().episodes
                > before.record.kinds.values().next().unwrap().episodes
                && after.steps() >= 30_000
        );
    }

    /// Demonstrations, and then a teacher, whose policy a run imitates that is paid for the opposite.
    #[test]
    fn demonstrations_and_a_teacher_are_learned_from() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let first = run_dir(folder, &report("arrows", folder, &[&QUICK]));
        fs::copy(first.join("policy.safetensors"), folder.join("teacher")).unwrap();
        report("arrows", folder, &[&["eval", "--json", "--episodes", "20", "--record", "shown"]]);
        let opposite = ["--set", "reward={\"right\": -1, \"wrong\": 1}"];
        let shown = ["pretrain=(demonstrations: [\"shown\"], epochs: 60, minibatch: 32)", "stop.steps=1"];
        let taught =
            ["pretrain=(teacher: (policy: \"teacher\", updates: 1000, learning_rate: 0.01))", "stop.steps=20_000"];
        let beside = [
            "pretrain=(demonstrations: [\"shown\"], epochs: 0, critic_warm_up: 0, weight: 100.0, gail: (hidden: [8]))",
            "stop.steps=20_000",
        ];
        for [pretrain, steps] in [shown, taught, beside] {
            let set = ["--set", pretrain, "--set", steps];
            let done = run("arrows", folder, &[QUICK.as_slice(), &TORCH, &set, &opposite].concat());
            assert_eq!(done.code, 0, "{}", done.errors);
            assert!(done.errors.contains("learner: torch, on "), "{}", done.errors);
            let dir = run_dir(folder, &done.json());
            let eval = ["eval", dir.to_str().unwrap(), "--json", "--episodes", "50"];
            let scored = report("arrows", folder, &[&eval, &["--set", "reward={\"right\": 1, \"wrong\": 0}"]]);
            assert!(mean_return(&scored) == 8.0, "{pretrain}: {scored}");
        }
    }

    #[test]
    fn a_run_starts_from_what_either_learner_has_learned() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let native = run_dir(folder, &report("arrows", folder, &[&QUICK]));
        let once = ["--set", "stop.steps=100", "--set", "ppo.epochs=1", "--initialize-from", native.to_str().unwrap()];
        let inherited = report("arrows", folder, &[&QUICK, &TORCH, &once]);
        assert!(mean_return(&inherited) > 7.0, "{inherited}");
        let torch = run_dir(folder, &inherited);
        let once = [&once[..5], &[torch.to_str().unwrap()]].concat();
        let inherited = report("arrows", folder, &[&QUICK, &once]);
        assert!(mean_return(&inherited) > 7.0, "{inherited}");
    }

    /// The greedy policy makes no mistakes. Each learner scores and resumes runs of the other one.
    #[test]
    fn values_are_learned_by_either_learner() {
        for (settings, parts) in [(DQN, [12, 13, 14]), (SAC, [12, 13, 14]), (PQN, [30, 32, 34])] {
            let [steps, more, again] = parts.map(|steps| format!("stop.steps={steps}_000"));
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            let done = run("arrows", folder, &[&train(settings, &steps)[..], &TORCH].concat());
            assert_eq!(done.code, 0, "{}", done.errors);
            assert!(done.errors.contains("learner: torch, on "), "{}", done.errors);
            assert_eq!(done.errors.contains("; the replay takes "), settings != PQN, "{}", done.errors);
            let check = || {
                let scored = report("arrows", folder, &[&["eval", "--json", "--episodes", "50"]]);
                assert!(mean_return(&scored) == 8.0, "{settings}: {scored}");
            };
            check();
            let resume = ["train", "--json", "--resume", "latest", "--set"];
            report("arrows", folder, &[&resume, &[&more, "--learner", "native"]]);
            check();
            report("arrows", folder, &[&resume, &[&again], &TORCH]);
            check();
        }
    }

    #[test]
    fn numbers_are_learned_by_soft_actor_critic_on_libtorch() {
        check_numbers_and_choices(&TORCH);
    }

    #[test]
    fn the_same_values_are_learned_with_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let saved = "dqn=(learning_starts: 200, replay: 2_000, n_step: 2, priorities: ())";
        let policy = |threads: &str| {
            let arguments = [&train(saved, "stop.steps=3_000")[..], &TORCH, &["--threads", threads]];
            fs::read(run_dir(folder, &report("arrows", folder, &arguments)).join("policy.safetensors")).unwrap()
        };
        assert!(policy("1") == policy("3"), "the same bits");
    }

    /// TF32 changes nothing without a GPU.
    #[test]
    fn less_precise_arithmetic_learns_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        for device in ["device=(bf16: true)", "device=(tf32: true)", "device=(splits: 2, bf16: true, tf32: true)"] {
            let learned = report("arrows", folder.path(), &[&QUICK, &TORCH, &["--set", device]]);
            assert!(mean_return(&learned) > 7.0, "{device}: {learned}");
        }
    }

    #[test]
    fn an_update_that_is_not_finite_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let skip = ["train", "--set", "worlds=1", "--set", "stop.steps=10_000", "--set", "faults.bad_updates=Skip"];
        let done = run("huge", folder.path(), &[&skip[..], &TORCH].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(done.errors.contains("learned was undone, the run goes on"), "{}", done.errors);
        let done = run("huge", folder.path(), &[&skip[..skip.len() - 2], &TORCH].concat());
        assert_eq!(done.code, 1, "{}", done.errors);
        assert!(done.errors.contains("the last good checkpoint is `"), "{}", done.errors);
    }
}

//! A training run: config, loop, metrics, checkpoints, command line.

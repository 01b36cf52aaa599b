//! Small networks on the CPU in plain Rust: forward, backward, Adam.

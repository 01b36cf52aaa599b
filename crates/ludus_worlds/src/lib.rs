//! Many headless worlds, stepped in parallel.

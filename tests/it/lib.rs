//! Nothing ships from here: see `main.rs`.

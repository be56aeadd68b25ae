//! The `sohoa` program.

fn main() {}

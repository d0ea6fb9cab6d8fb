//! The oneshelf binary.
fn main() {}

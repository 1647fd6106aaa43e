//! Written later.
fn main() {}

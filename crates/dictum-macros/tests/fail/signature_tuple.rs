use dictum::prelude::*;

#[derive(Signature)]
struct Ask(String, String);

fn main() {}

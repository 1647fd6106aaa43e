use dictum::prelude::*;

#[derive(Signature)]
struct Ask;

fn main() {}

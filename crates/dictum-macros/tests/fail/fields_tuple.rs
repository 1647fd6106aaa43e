use dictum::prelude::*;

#[derive(Fields)]
struct Question(String);

fn main() {}

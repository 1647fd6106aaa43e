use dictum::prelude::*;

#[derive(Fields)]
struct Question<'a> {
    text: &'a str,
}

fn main() {}

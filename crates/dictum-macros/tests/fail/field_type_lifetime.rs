use dictum::prelude::*;

#[derive(FieldType)]
struct Quote<'a> {
    text: &'a str,
}

fn main() {}

use dictum::prelude::*;

#[derive(FieldType)]
enum Event {
    Moved { by: i128 },
    Said(&'static str),
}

fn main() {}

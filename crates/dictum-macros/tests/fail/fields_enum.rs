use dictum::prelude::*;

#[derive(Fields)]
enum Question {
    Short,
    Long,
}

fn main() {}

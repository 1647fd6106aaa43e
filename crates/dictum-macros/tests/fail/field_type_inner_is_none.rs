use dictum::prelude::*;

struct Meters(f64);

#[derive(FieldType)]
struct Tree {
    height: Meters,
}

fn main() {}

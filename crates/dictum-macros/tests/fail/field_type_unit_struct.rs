use dictum::prelude::*;

#[derive(FieldType)]
struct Marker;

fn main() {}

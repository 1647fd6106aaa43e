use dictum::prelude::*;

#[derive(FieldType)]
enum Nothing {}

fn main() {}

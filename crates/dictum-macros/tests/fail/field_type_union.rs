use dictum::prelude::*;

#[derive(FieldType)]
union Either {
    a: u8,
    b: u8,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
union Answer {
    text: u8,
    number: u8,
}

fn main() {}

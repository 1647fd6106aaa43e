use dictum::prelude::*;

#[derive(Signature)]
struct Price {
    #[input]
    text: String,
    #[output(multiple_of = 0)]
    cents: u32,
}

fn main() {}

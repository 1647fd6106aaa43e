use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(min = 1, min = 2)]
    stars: u8,
}

fn main() {}

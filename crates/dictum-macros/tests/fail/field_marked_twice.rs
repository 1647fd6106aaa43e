use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(min = 1)]
    #[output(max = 5)]
    stars: u8,
}

fn main() {}

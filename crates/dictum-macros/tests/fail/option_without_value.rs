use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(min)]
    stars: u8,
}

fn main() {}

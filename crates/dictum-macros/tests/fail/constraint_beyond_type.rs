use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(max = 300)]
    stars: u8,
    #[output(min = -1)]
    votes: u32,
    #[output(min = 0.5)]
    rank: i32,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[input(default = 3)]
    review: String,
    #[output(default = "3")]
    stars: u8,
    #[output(default = 256)]
    votes: u8,
    #[output(default = "none")]
    reasons: Vec<String>,
}

fn main() {}

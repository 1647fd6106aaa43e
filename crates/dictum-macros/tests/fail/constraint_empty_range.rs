use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(min = 5, max = 1)]
    stars: u8,
    #[output(exclusive_min = 0.5, max = 0.5)]
    score: f64,
    #[output(min_length = 10, max_length = 5)]
    reason: String,
    #[output(min = 0, exclusive_min = 0)]
    weight: f64,
}

fn main() {}

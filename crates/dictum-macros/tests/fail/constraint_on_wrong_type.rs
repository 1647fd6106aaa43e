use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[input(min = 10)]
    review: String,
    #[output(pattern = "^[1-5]$")]
    stars: u8,
    #[output(max_length = 3)]
    score: f64,
    #[output(max = 3)]
    reasons: Vec<String>,
    #[output(pattern = "^#")]
    tags: Option<Vec<String>>,
    #[output(min = 0)]
    sure: bool,
}

fn main() {}

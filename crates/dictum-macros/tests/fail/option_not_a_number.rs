use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[output(max = "5")]
    stars: u8,
    #[output(max_length = -1)]
    reason: String,
    #[output(desc = 5)]
    label: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[input(descr = "what was said")]
    review: String,
    #[output(minimum = 1, max = 5)]
    stars: u8,
    #[output(colour = "red")]
    label: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Rate {
    #[input]
    review: String,
    #[output(min = 1, max = 5, default = 0)]
    stars: u8,
    #[output(pattern = "^[a-z]+$", default = "N/A")]
    label: String,
}

fn main() {}

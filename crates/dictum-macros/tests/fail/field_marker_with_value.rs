use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[output = "the answer"]
    answer: String,
}

fn main() {}

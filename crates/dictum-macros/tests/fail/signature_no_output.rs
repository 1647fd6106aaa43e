use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[input]
    question: String,
    #[input]
    answer: String,
}

fn main() {}

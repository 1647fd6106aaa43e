use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[inputs]
    question: String,
    #[output]
    answer: String,
}

fn main() {}

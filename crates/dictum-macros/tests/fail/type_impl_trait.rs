use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[input]
    question: impl Into<String>,
    #[output]
    answer: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[input]
    question: &'static str,
    #[input]
    passages: &'static [String],
    #[output]
    answer: Box<str>,
}

fn main() {}

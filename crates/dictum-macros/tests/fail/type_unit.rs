use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[input]
    question: String,
    #[output]
    answer: (),
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Ask {
    #[input]
    question: String,
    context: Vec<String>,
    #[output]
    answer: String,
    score: f64,
}

fn main() {}

use dictum::modules::Predict;
use dictum::prelude::*;

struct Retriever {
    rewrite: Predict,
}

#[derive(Parameters)]
struct Rag {
    retrieve: Retriever,
    answer: Predict,
    rank: fn(&str) -> f64,
}

fn main() {}

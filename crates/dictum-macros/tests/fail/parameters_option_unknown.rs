use dictum::modules::Predict;
use dictum::prelude::*;

#[derive(Parameters)]
struct Rag {
    #[parameters(skipp)]
    limit: usize,
    #[parameters]
    depth: usize,
    answer: Predict,
}

fn main() {}

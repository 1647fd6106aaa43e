use dictum::prelude::*;

#[derive(Signature)]
struct Ask<T> {
    #[input]
    question: T,
    #[output]
    answer: String,
}

fn main() {}

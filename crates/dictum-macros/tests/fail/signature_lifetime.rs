use dictum::prelude::*;

#[derive(Signature)]
struct Ask<'a> {
    #[input]
    question: &'a str,
    #[output]
    answer: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Find {
    #[input]
    text: String,
    #[output(pattern = "([a-z]+")]
    word: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Apply {
    #[input]
    function: fn(String) -> String,
    #[output]
    answer: String,
}

fn main() {}

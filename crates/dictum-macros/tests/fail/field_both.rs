use dictum::prelude::*;

#[derive(Signature)]
struct Revise {
    #[input]
    #[output]
    draft: String,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Split {
    #[input]
    task: String,
    #[output]
    parts: Vec<Self>,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
struct Count {
    #[input]
    text: String,
    #[output]
    atoms: u128,
    #[output]
    change: Option<i128>,
}

fn main() {}

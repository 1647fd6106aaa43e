use dictum::prelude::*;

#[derive(Signature)]
struct Draw {
    #[input]
    text: String,
    #[output]
    shape: Box<dyn std::fmt::Debug>,
}

fn main() {}

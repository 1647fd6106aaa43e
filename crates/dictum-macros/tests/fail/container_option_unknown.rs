use dictum::prelude::*;

#[derive(Signature)]
#[dictum(path = "dictum")]
struct Ask {
    #[output]
    answer: String,
}

fn main() {}

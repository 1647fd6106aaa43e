use dictum::prelude::*;

#[derive(Signature)]
struct Wait {
    #[input]
    text: String,
    #[output]
    until: std::time::Instant,
}

fn main() {}

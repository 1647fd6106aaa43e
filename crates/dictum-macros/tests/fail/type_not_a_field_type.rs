use dictum::prelude::*;

struct Meters(f64);

#[derive(Signature)]
struct Measure {
    #[input]
    text: String,
    #[output]
    height: Meters,
}

fn main() {}

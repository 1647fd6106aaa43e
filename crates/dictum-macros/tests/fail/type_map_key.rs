use std::collections::HashMap;

use dictum::prelude::*;

#[derive(Signature)]
struct Distances {
    #[input]
    text: String,
    #[output]
    between: HashMap<(String, String), f64>,
}

fn main() {}

use dictum::prelude::*;

#[derive(Signature)]
enum Team {
    Billing,
    Sales,
}

fn main() {}

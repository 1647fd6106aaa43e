use dictum::prelude::*;

#[derive(Signature)]
struct Check {
    #[input]
    task: String,
    #[output]
    completed: bool,
}

fn main() {}

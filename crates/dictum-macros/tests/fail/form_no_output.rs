use dictum::prelude::*;

fn main() {
    let _ = signature!("question -> ");
}

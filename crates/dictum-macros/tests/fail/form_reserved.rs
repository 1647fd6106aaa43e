use dictum::prelude::*;

fn main() {
    let _ = signature!("task -> completed: bool");
}

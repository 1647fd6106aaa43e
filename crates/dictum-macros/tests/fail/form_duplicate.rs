use dictum::prelude::*;

fn main() {
    let _ = signature!("text -> summary, text");
}

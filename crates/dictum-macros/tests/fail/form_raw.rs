use dictum::prelude::*;

fn main() {
    let _ = signature!(r"text -> label: Literal[a, b]");
}

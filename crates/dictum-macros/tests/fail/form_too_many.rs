use dictum::prelude::*;

fn main() {
    let _ = signature!("question -> answer", "Be brief.", 3);
}

use dictum::prelude::*;

fn main() {
    let _ = signature!(format!("{} -> answer", "question"));
}

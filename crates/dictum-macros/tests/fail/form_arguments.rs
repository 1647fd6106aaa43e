use dictum::prelude::*;

fn main() {
    let _ = signature!(format!("{} -> answer", "question"));
    let _ = signature!("question -> answer", INSTRUCTIONS);
    let _ = signature!("question -> answer", "Be brief.", 3);
}

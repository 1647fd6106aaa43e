use dictum::prelude::*;

fn main() {
    let _ = signature!("text -> labels: list[str, score: float");
}

use dictum::prelude::*;

fn main() {
    let _ = signature!("question, answer");
    let _ = signature!("question -> ");
    let _ = signature!("question -> answer: flaot");
    let _ = signature!("text -> labels: list[str, score: float");
    let _ = signature!("text -> summary, text");
    let _ = signature!("task -> completed: bool");
    let _ = signature!(r"text -> label: Literal[a, b]");
}

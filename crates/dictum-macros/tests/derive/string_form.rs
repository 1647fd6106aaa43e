//! `signature!`: the same spec as reading the string at run time.

use dictum::prelude::*;

#[test]
fn the_macro_makes_what_reading_the_string_makes() {
    macro_rules! same {
        ($($text:literal),* $(,)?) => {
            $( assert_eq!(signature!($text), SignatureSpec::parse($text).unwrap(), "{}", $text); )*
        };
    }
    same!(
        "question -> answer: float",
        "text, hints: list[str] -> label: Literal['a', 'b'], score: float",
        "a: int, b: bool, c: dict[str, int] -> d: Optional[str], e: int | None, f: str | list[int]",
        "image: Image -> caption, tags: set[str], pair: tuple[str, float]",
        "x: Any -> n: Literal[1, -2, True, None, 'it\\'s \"quoted\"']",
        "history: History, question -> code: Code['python'], calls: ToolCalls",
        "ask: dict[Literal['de', 'en'], list[Optional[dict[str, float]]]]
         -> größe: int",
    );
}

#[test]
fn instructions_may_stand_beside_it() {
    let spec = signature!("question -> answer", "Answer in one word.");
    assert_eq!(spec.explicit_instructions(), Some("Answer in one word."));
    assert_eq!(signature!("question -> answer").explicit_instructions(), None);
}

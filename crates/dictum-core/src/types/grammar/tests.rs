use super::*;

fn show(text: &str) -> String {
    match SignatureSpec::parse(text) {
        Ok(spec) => spec.to_string(),
        Err(SignatureError::Syntax { column, problem, .. }) => format!("{column}: {problem}"),
        Err(other) => format!("?? {other}"),
    }
}

#[test]
fn the_grammar_of_dspy_is_read() {
    let cases = [
        ("question -> answer", "question -> answer"),
        (
            "text, hints: list[str] -> label: Literal['a','b'], score: float",
            "text, hints: list[str] -> label: Literal['a', 'b'], score: float",
        ),
        ("->a", "-> a"),
        (
            " a ,\n b : dict [ str , list[ int ] ] , -> c : int | None ,",
            "a, b: dict[str, list[int]] -> c: Optional[int]",
        ),
        (
            "a: dspy.Image, h: dspy.History -> c: dspy.Code['java'], d: Code, t: typing.Optional[bool]",
            "a: Image, h: History -> c: Code['java'], d: Code['python'], t: Optional[bool]",
        ),
        (
            "a -> b: list, c: dict, d: tuple[int, ...], e: tuple[str, int], f: set[str], g: Any",
            "a -> b: list[Any], c: dict[str, Any], d: list[int], e: tuple[str, int], f: set[str], g: Any",
        ),
        (
            "a -> b: Union[int, None, list[str]] | bool",
            "a -> b: Optional[Union[int, list[str], bool]]",
        ),
        ("a -> b: Optional[Optional[int]]", "a -> b: Optional[int]"),
        (
            r#"a -> b: Literal["it's", 'say \"x\"', 3, -1, True, None, 'a->b', '\u00e4\d']"#,
            r#"a -> b: Literal['it\'s', 'say "x"', 3, -1, True, None, 'a->b', 'ä\\d']"#,
        ),
        ("größe -> naïve_bayes", "größe -> naïve_bayes"),
    ];
    for (text, wanted) in cases {
        assert_eq!(show(text), wanted, "{text}");
    }
}

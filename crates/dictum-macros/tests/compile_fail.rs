//! What the compiler says about mistakes. Each case in `fail/` has its message beside it; to renew them after a change
//! of wording, run with `TRYBUILD=overwrite` and read the difference.

#[test]
fn mistakes_say_what_to_write_instead() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}

//! Any text, in any layout, for any type: no panic, and what is read is a value of its type.
//!
//! The first byte chooses the type, the second the layout; the rest is the answer. What is checked is what the property
//! tests check.
#![no_main]

#[path = "../../crates/dictum-core/tests/parse/any_answer.rs"]
mod any_answer;

use std::sync::LazyLock;

use dictum_core::parse::Layout;
use dictum_core::types::Schema;
use libfuzzer_sys::fuzz_target;

static TYPES: LazyLock<Vec<Schema>> = LazyLock::new(any_answer::types);

fuzz_target!(|data: &[u8]| {
    let [ty, layout, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let schema = &TYPES[usize::from(*ty) % TYPES.len()];
    let layout = [Layout::Chat, Layout::Json, Layout::Xml][usize::from(*layout) % 3];
    any_answer::check(text, schema, layout);
});

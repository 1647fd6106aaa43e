//! The repairs the parser knows, each with its words and its cost.
//!
//! The words are part of the interface: programs count by them. The costs order readings: the cheapest is taken.

/// A kind of repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Its words, as in [`super::RepairNote::what`].
    pub(crate) what: &'static str,
    /// What it adds to the cost of a reading.
    pub(crate) cost: u32,
}

const fn repair(what: &'static str, cost: u32) -> Repair {
    Repair { what, cost }
}

/// Readings this close in cost compete: when they disagree, there is no answer.
pub(crate) const MARGIN: u32 = 8;

// Syntax of JSON.
pub(crate) const TRAILING_COMMA: Repair = repair("trailing comma", 1);
pub(crate) const EXTRA_COMMA: Repair = repair("extra comma", 1);
pub(crate) const MISSING_COMMA: Repair = repair("missing comma", 2);
pub(crate) const WRONG_SEPARATOR: Repair = repair("wrong separator", 2);
pub(crate) const MISSING_COLON: Repair = repair("missing colon", 2);
pub(crate) const MISSING_VALUE: Repair = repair("missing value", 6);
pub(crate) const MISSING_BRACKET: Repair = repair("missing bracket", 4);
pub(crate) const STRAY_BRACKET: Repair = repair("stray bracket", 4);
pub(crate) const SINGLE_QUOTES: Repair = repair("single quotes", 1);
pub(crate) const SMART_QUOTES: Repair = repair("smart quotes", 1);
pub(crate) const BACKTICKS: Repair = repair("backtick quotes", 1);
pub(crate) const TRIPLE_QUOTES: Repair = repair("triple quotes", 1);
pub(crate) const MISSING_QUOTE: Repair = repair("missing quote", 4);
pub(crate) const INNER_QUOTES: Repair = repair("unescaped quotes", 2);
pub(crate) const UNQUOTED_KEY: Repair = repair("unquoted key", 1);
pub(crate) const UNQUOTED_TEXT: Repair = repair("unquoted text", 2);
pub(crate) const COMMENT: Repair = repair("comment", 1);
pub(crate) const PYTHON_LITERAL: Repair = repair("Python literal", 1);
pub(crate) const TUPLE: Repair = repair("Python tuple", 1);
pub(crate) const SET: Repair = repair("Python set", 1);
pub(crate) const STRING_PREFIX: Repair = repair("string prefix", 1);
pub(crate) const JOINED_STRINGS: Repair = repair("joined strings", 2);
pub(crate) const RAW_CONTROL: Repair = repair("raw newline in text", 1);
pub(crate) const BAD_ESCAPE: Repair = repair("bad escape", 1);
pub(crate) const LONE_SURROGATE: Repair = repair("broken unicode escape", 2);
pub(crate) const TRUNCATED: Repair = repair("truncated", 40);
pub(crate) const CUT_DROPPED: Repair = repair("incomplete value dropped", 5);
pub(crate) const DUPLICATE_KEY: Repair = repair("duplicate key", 2);
pub(crate) const CONCATENATED: Repair = repair("values one after another", 10);
pub(crate) const JSON_IN_STRING: Repair = repair("JSON inside a string", 3);

// What surrounds a value.
pub(crate) const FENCE: Repair = repair("code fence", 20);
pub(crate) const PROSE: Repair = repair("text around the value", 40);
pub(crate) const EXPLANATION: Repair = repair("explanation dropped", 6);
pub(crate) const LEAD_IN: Repair = repair("lead-in dropped", 4);
pub(crate) const MARKUP: Repair = repair("markup", 1);
pub(crate) const PUNCTUATION: Repair = repair("punctuation", 1);
pub(crate) const THINKING: Repair = repair("thinking", 0);

// Coercion.
pub(crate) const CASE: Repair = repair("letter case", 1);
pub(crate) const SPELLING: Repair = repair("spelling of the name", 2);
pub(crate) const NUMBERING: Repair = repair("numbering", 2);
pub(crate) const MEMBER_NAME: Repair = repair("member name for its value", 1);
pub(crate) const NUMBER_AS_TEXT: Repair = repair("number as text", 9);
pub(crate) const VALUE_AS_TEXT: Repair = repair("value as text", 12);
pub(crate) const STRUCTURE_AS_TEXT: Repair = repair("structure as text", 30);
pub(crate) const QUOTED_NUMBER: Repair = repair("quoted number", 3);
pub(crate) const WHOLE_FLOAT: Repair = repair("whole number written with a fraction", 2);
pub(crate) const SEPARATORS: Repair = repair("digit separators", 2);
pub(crate) const NUMBER_FORM: Repair = repair("number form", 1);
pub(crate) const UNIT: Repair = repair("unit dropped", 4);
pub(crate) const PERCENT: Repair = repair("per cent", 4);
pub(crate) const APPROXIMATE: Repair = repair("approximate number", 5);
pub(crate) const YES_NO: Repair = repair("yes or no", 4);
pub(crate) const BIT: Repair = repair("1 or 0 for a boolean", 6);
pub(crate) const QUOTED_BOOL: Repair = repair("quoted boolean", 3);
pub(crate) const NOT_APPLICABLE: Repair = repair("N/A", 3);
pub(crate) const NOT_A_NUMBER: Repair = repair("NaN as null", 6);
pub(crate) const EMPTY: Repair = repair("empty", 3);
pub(crate) const BULLETS: Repair = repair("bullet list", 4);
pub(crate) const LINES: Repair = repair("one item per line", 6);
pub(crate) const COMMA_LIST: Repair = repair("comma list", 5);
pub(crate) const SINGLE_ITEM: Repair = repair("single value for a list", 9);
pub(crate) const WRAPPED: Repair = repair("wrapped value", 9);
pub(crate) const DUPLICATE_ITEM: Repair = repair("duplicate item", 2);
pub(crate) const PAIRS: Repair = repair("list of pairs for a map", 6);
pub(crate) const KEY_LINES: Repair = repair("key and value lines", 8);
pub(crate) const KEY_SPELLING: Repair = repair("spelling of a key", 2);
pub(crate) const EXTRA_KEY: Repair = repair("unknown key dropped", 1);
pub(crate) const MISSING_KEY: Repair = repair("missing key", 5);
pub(crate) const CODE_FENCE: Repair = repair("code fence", 1);
pub(crate) const TOOL_SHAPE: Repair = repair("shape of a tool call", 3);
pub(crate) const MEDIA_SHAPE: Repair = repair("shape of media", 3);
pub(crate) const NESTED_XML: Repair = repair("XML elements", 4);

// Layout of an answer.
pub(crate) const HEADER_FORM: Repair = repair("form of a field header", 1);
pub(crate) const MISSING_HEADER: Repair = repair("missing field header", 10);
pub(crate) const TWICE: Repair = repair("field given twice", 5);
pub(crate) const AS_CHAT: Repair = repair("answered in the chat layout", 10);
pub(crate) const AS_JSON: Repair = repair("answered as JSON", 10);
pub(crate) const AS_XML: Repair = repair("answered as XML", 10);
pub(crate) const AS_HEADINGS: Repair = repair("answered under headings", 15);
pub(crate) const WHOLE_ANSWER: Repair = repair("whole answer as the field", 20);
pub(crate) const UNCLOSED_TAG: Repair = repair("unclosed tag", 4);
pub(crate) const BY_DEFAULT: Repair = repair("default", 3);

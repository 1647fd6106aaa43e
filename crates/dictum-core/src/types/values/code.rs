//! Source code as a field type.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::special;
use crate::types::Kind;

/// A language that [`Code`] is written in. Implement it for an empty type of your own to add one.
pub trait Language: Send + Sync + 'static {
    /// The name, as written behind a code fence: `python`.
    const NAME: &'static str;
}

/// Languages for [`Code`].
pub mod languages {
    use super::Language;

    macro_rules! languages {
        ($($name:ident = $text:literal),* $(,)?) => { $(
            #[doc = concat!("The language `", $text, "`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $name {}

            impl Language for $name {
                const NAME: &'static str = $text;
            }
        )* };
    }

    languages!(
        Bash = "bash",
        Go = "go",
        Java = "java",
        JavaScript = "javascript",
        Python = "python",
        Rust = "rust",
        Sql = "sql",
        TypeScript = "typescript",
    );
}

/// Source code in a language; Python unless said otherwise.
pub struct Code<L: Language = languages::Python> {
    text: String,
    language: PhantomData<fn() -> L>,
}

impl<L: Language> Code<L> {
    /// Code with this text, which has no fence around it.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            language: PhantomData,
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// The language's name, as written behind a code fence.
    #[must_use]
    pub fn language(&self) -> &'static str {
        L::NAME
    }
}

// Not derived: that would ask the same of the language.
impl<L: Language> Clone for Code<L> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<L: Language> PartialEq for Code<L> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<L: Language> Eq for Code<L> {}

impl<L: Language> fmt::Debug for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Code").field(&L::NAME).field(&self.text).finish()
    }
}

impl<L: Language> fmt::Display for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<L: Language> AsRef<str> for Code<L> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<L: Language, S: Into<String>> From<S> for Code<L> {
    fn from(text: S) -> Self {
        Self::new(text)
    }
}

impl<L: Language> Serialize for Code<L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, L: Language> Deserialize<'de> for Code<L> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

special!(Code<L>, Kind::Code { language: L::NAME.to_owned() }, L: Language);

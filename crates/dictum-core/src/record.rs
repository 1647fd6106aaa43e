//! Named values: what goes into a program and comes out of it, when types are known only at run time.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;

/// An ordered map from field names to values.
///
/// Build one with [`record!`](crate::record!). Media values are [`crate::lm::Media`] as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(IndexMap<String, Value>);

impl Record {
    /// An empty record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of a field as text, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Whether a field is present (a `null` is).
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a field, in place if it was there, else at the end. Gives back the old value.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name)
    }

    /// The same record with one more field.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Record {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(iter: I) -> Self {
        Self(
            iter.into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl IntoIterator for Record {
    type Item = (String, Value);
    type IntoIter = indexmap::map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Typed values that can be written as a [`Record`] and read from one.
///
/// `derive(Signature)` implements it for the input and output types it makes; `derive(Fields)` for a struct of your own.
pub trait Fields: Sized + Send {
    /// Writes the value as a record, one entry per field.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when a field can't be written as JSON (a map with keys that are not text, say).
    fn into_record(self) -> Result<Record>;

    /// Reads the value from a record. Entries it does not know are ignored.
    ///
    /// # Errors
    /// [`crate::Error::Input`] naming the field that is missing or has the wrong type.
    fn from_record(record: Record) -> Result<Self>;
}

impl Fields for Record {
    fn into_record(self) -> Result<Record> {
        Ok(self)
    }

    fn from_record(record: Record) -> Result<Self> {
        Ok(record)
    }
}

/// A [`Record`] from names and values: `record! { question: "Why?", tries: 3, tags: ["a", null] }`.
///
/// Values are anything `serde_json::json!` takes.
#[macro_export]
macro_rules! record {
    (@fields $record:ident) => {};
    (@fields $record:ident $name:ident : null $(, $($rest:tt)*)?) => {
        $record.insert(stringify!($name), $crate::__private::serde_json::Value::Null);
        $( $crate::record!(@fields $record $($rest)*); )?
    };
    (@fields $record:ident $name:ident : [$($items:tt)*] $(, $($rest:tt)*)?) => {
        $record.insert(stringify!($name), $crate::__private::serde_json::json!([$($items)*]));
        $( $crate::record!(@fields $record $($rest)*); )?
    };
    (@fields $record:ident $name:ident : {$($entries:tt)*} $(, $($rest:tt)*)?) => {
        $record.insert(stringify!($name), $crate::__private::serde_json::json!({$($entries)*}));
        $( $crate::record!(@fields $record $($rest)*); )?
    };
    (@fields $record:ident $name:ident : $value:expr $(, $($rest:tt)*)?) => {
        $record.insert(stringify!($name), $crate::__private::serde_json::json!($value));
        $( $crate::record!(@fields $record $($rest)*); )?
    };
    ($($fields:tt)*) => {{
        #[allow(unused_mut)]
        let mut record = $crate::Record::new();
        $crate::record!(@fields record $($fields)*);
        record
    }};
}

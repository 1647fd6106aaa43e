//! JSON that is read, whichever tree holds it.
//!
//! A whole answer is read as a tree that borrows from its body: most of its texts are never looked at, and copying them all took
//! a quarter of a call. What is put together from a stream is a tree of its own. One reading serves both.

use std::sync::LazyLock;

use serde_json::Value;

/// A tree whose texts and names stand in the body it was read from.
pub(crate) type Borrowed<'a> = serde_json_borrow::Value<'a>;

/// Whether the borrowing tree can read all numbers. With serde_json's feature `arbitrary_precision`, which any crate of a program
/// turns on for all, those with a fraction are objects to it; answers are read as the other tree then.
pub(crate) fn borrows_numbers() -> bool {
    static OF_THIS_BUILD: LazyLock<bool> =
        LazyLock::new(|| serde_json::from_str("0.1").is_ok_and(|tenth: Borrowed<'_>| tenth.is_number()));
    *OF_THIS_BUILD
}

/// What reading an answer needs of a value. Where a name is repeated the last one counts.
pub(crate) trait Json: Sized {
    /// The member of an object.
    fn get(&self, name: &str) -> Option<&Self>;
    /// The elements of a list.
    fn as_array(&self) -> Option<&[Self]>;
    /// The first member of an object, with its name.
    fn first_member(&self) -> Option<(&str, &Self)>;
    fn as_str(&self) -> Option<&str>;
    fn as_bool(&self) -> Option<bool>;
    fn as_u64(&self) -> Option<u64>;
    fn as_f64(&self) -> Option<f64>;
    fn is_null(&self) -> bool;
    fn is_object(&self) -> bool;
    /// A copy to keep.
    fn to_value(&self) -> Value;

    /// The first element of a list.
    fn first(&self) -> Option<&Self> {
        self.as_array()?.first()
    }

    /// The value that stands at these names, one inside the other. Unlike a pointer it is no path to take apart, which for an
    /// answer's dozen places costs as much as the rest of reading it.
    fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |value, name| value.get(name))
    }
}

/// What both trees have under the same name.
macro_rules! own_methods {
    () => {
        fn as_str(&self) -> Option<&str> {
            Self::as_str(self)
        }
        fn as_bool(&self) -> Option<bool> {
            Self::as_bool(self)
        }
        fn as_u64(&self) -> Option<u64> {
            Self::as_u64(self)
        }
        fn as_f64(&self) -> Option<f64> {
            Self::as_f64(self)
        }
        fn is_null(&self) -> bool {
            Self::is_null(self)
        }
        fn is_object(&self) -> bool {
            Self::is_object(self)
        }
    };
}

impl Json for Value {
    fn get(&self, name: &str) -> Option<&Self> {
        Self::get(self, name)
    }

    fn as_array(&self) -> Option<&[Self]> {
        Self::as_array(self).map(Vec::as_slice)
    }

    fn first_member(&self) -> Option<(&str, &Self)> {
        let (name, value) = self.as_object()?.iter().next()?;
        Some((name, value))
    }

    own_methods!();

    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl Json for Borrowed<'_> {
    fn get(&self, name: &str) -> Option<&Self> {
        let mut members = self.as_object()?.as_vec().iter().rev();
        members.find_map(|(known, value)| (**known == *name).then_some(value))
    }

    fn as_array(&self) -> Option<&[Self]> {
        Self::as_array(self)
    }

    fn first_member(&self) -> Option<(&str, &Self)> {
        let (name, _) = self.as_object()?.as_vec().first()?;
        Some((name, Json::get(self, name)?))
    }

    own_methods!();

    fn to_value(&self) -> Value {
        Value::from(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Number;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            any::<f64>().prop_filter_map("JSON has no such number", Number::from_f64),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            number.prop_map(Value::Number),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((".{0,6}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_borrowed_is_what_is_there(value in any_json(), spaced in any::<bool>()) {
            let text = if spaced {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let borrowed: Borrowed<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(borrowed.to_value(), serde_json::from_str::<Value>(&text).unwrap());
        }
    }

    const ANSWER: &str = r#"{"id": "a\u00e9\n", "n": [1, -2, 18446744073709551615, 0.1, 1e-7, true, null, {}],
        "in": {"deep": "er", "": "empty"}, "usage": {"total": 7, "cost": 0.25}}"#;

    fn read<J: Json>(tree: &J) -> [String; 7] {
        let n = tree.get("n").unwrap();
        let numbers = n.as_array().unwrap().iter().map(J::as_u64);
        [
            tree.get("id").and_then(J::as_str).unwrap().to_owned(),
            format!("{:?}", numbers.collect::<Vec<_>>()),
            format!("{:?}", tree.at(&["in", "deep"]).and_then(J::as_str)),
            format!("{:?}", tree.at(&["usage", "cost"]).and_then(J::as_f64)),
            format!("{:?} {:?}", n.first().and_then(J::as_u64), n.get("n").is_none()),
            format!(
                "{:?}",
                tree.get("in").and_then(J::first_member).map(|(name, _)| name)
            ),
            tree.to_value().to_string(),
        ]
    }

    #[test]
    fn both_trees_are_read_alike() {
        assert!(borrows_numbers());
        let borrowed: Borrowed<'_> = serde_json::from_str(ANSWER).unwrap();
        let owned: Value = serde_json::from_str(ANSWER).unwrap();
        assert_eq!(read(&borrowed), read(&owned));
        assert_eq!(borrowed.to_value(), owned);
    }

    #[test]
    fn of_a_repeated_name_the_last_counts_in_both() {
        let text = r#"{"model": "first", "b": 1, "model": "last", "b\u0061": 2, "ba": 3}"#;
        let borrowed: Borrowed<'_> = serde_json::from_str(text).unwrap();
        let owned: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Json::get(&borrowed, "model").and_then(Json::as_str), Some("last"));
        assert_eq!(Json::get(&borrowed, "ba").and_then(Json::as_u64), Some(3));
        assert_eq!(
            borrowed.first_member().map(|(_, value)| value.to_value()),
            owned.get("model").cloned()
        );
        assert_eq!(borrowed.to_value(), owned);
    }
}

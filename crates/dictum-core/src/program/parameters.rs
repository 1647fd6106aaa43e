//! Finding the parameters of a program: its predictors, texts and thresholds.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Predictor, TextParameter, Threshold};

/// What can be learned about a program, as a visit finds it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Parameter<'a> {
    /// A step that asks a model: it learns instructions, demonstrations and settings.
    Predictor(&'a Predictor),
    /// A text the program uses as it likes, such as the description of a tool.
    Text(&'a TextParameter),
    /// A number that the program compares values with.
    Threshold(&'a Threshold),
}

/// A [`Parameter`] that may be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterMut<'a> {
    /// A step that asks a model.
    Predictor(&'a mut Predictor),
    /// A text.
    Text(&'a mut TextParameter),
    /// A threshold.
    Threshold(&'a mut Threshold),
}

impl<'a> Parameter<'a> {
    /// The predictor, if it is one.
    #[must_use]
    pub fn predictor(self) -> Option<&'a Predictor> {
        match self {
            Self::Predictor(predictor) => Some(predictor),
            Self::Text(_) | Self::Threshold(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(self) -> Option<&'a TextParameter> {
        match self {
            Self::Text(text) => Some(text),
            Self::Predictor(_) | Self::Threshold(_) => None,
        }
    }

    /// The threshold, if it is one.
    #[must_use]
    pub fn threshold(self) -> Option<&'a Threshold> {
        match self {
            Self::Threshold(threshold) => Some(threshold),
            Self::Predictor(_) | Self::Text(_) => None,
        }
    }
}

impl<'a> ParameterMut<'a> {
    /// The predictor, if it is one.
    #[must_use]
    pub fn predictor(self) -> Option<&'a mut Predictor> {
        match self {
            Self::Predictor(predictor) => Some(predictor),
            Self::Text(_) | Self::Threshold(_) => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(self) -> Option<&'a mut TextParameter> {
        match self {
            Self::Text(text) => Some(text),
            Self::Predictor(_) | Self::Threshold(_) => None,
        }
    }

    /// The threshold, if it is one.
    #[must_use]
    pub fn threshold(self) -> Option<&'a mut Threshold> {
        match self {
            Self::Threshold(threshold) => Some(threshold),
            Self::Predictor(_) | Self::Text(_) => None,
        }
    }
}

/// What has parameters inside: predictors, texts and numbers that can be learned ([`TextParameter`], [`Threshold`]). `derive(Parameters)` implements
/// it for a struct by visiting every field, so that none can be forgotten: a field that has none by nature is marked
/// `#[parameters(skip)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which predictors it has",
    label = "may hold predictors that nothing would find",
    note = "write `#[parameters(skip)]` before a field of this type if it holds none",
    note = "add `#[derive(Parameters)]` to the definition of `{Self}` if it is yours and holds some"
)]
pub trait Parameters {
    /// Visits every parameter with its path, in a fixed order.
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>));

    /// Visits every parameter for change, in the same order.
    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    );
}

/// The path to a parameter: field names joined by dots, places in lists as `[0]`, keys of maps as `['key']`; a predictor
/// that is the whole program is `self`. These are DSPy's names, so that states can be exchanged.
#[derive(Debug, Clone, Default)]
pub struct ParameterPath(String);

impl ParameterPath {
    /// Runs `inside` with a field's name added.
    pub fn field<T>(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.0.is_empty() { "" } else { "." };
        self.with(format_args!("{dot}{name}"), inside)
    }

    /// Runs `inside` with a place in a list added.
    pub fn index<T>(&mut self, index: usize, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.with(format_args!("[{index}]"), inside)
    }

    /// Runs `inside` with a key of a map added.
    pub fn key<T>(&mut self, key: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let key = key.replace('\\', "\\\\").replace('\'', "\\'");
        self.with(format_args!("['{key}']"), inside)
    }

    fn with<T>(&mut self, segment: fmt::Arguments<'_>, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.0.len();
        self.0.push_str(&segment.to_string());
        let result = inside(self);
        self.0.truncate(length);
        result
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "self" } else { &self.0 })
    }
}

/// All predictors of a program with their paths, in a fixed order.
pub fn predictors<P: Parameters + ?Sized>(program: &P) -> Vec<(String, &Predictor)> {
    let mut all = Vec::new();
    program.visit(&mut ParameterPath::default(), &mut |path, parameter| {
        if let Parameter::Predictor(predictor) = parameter {
            all.push((path.to_string(), predictor));
        }
    });
    all
}

/// All texts of a program that can be learned, with their paths, in a fixed order.
pub fn texts<P: Parameters + ?Sized>(program: &P) -> Vec<(String, &TextParameter)> {
    let mut all = Vec::new();
    program.visit(&mut ParameterPath::default(), &mut |path, parameter| {
        if let Parameter::Text(text) = parameter {
            all.push((path.to_string(), text));
        }
    });
    all
}

/// All thresholds of a program, with their paths, in a fixed order.
pub fn thresholds<P: Parameters + ?Sized>(program: &P) -> Vec<(String, &Threshold)> {
    let mut all = Vec::new();
    program.visit(&mut ParameterPath::default(), &mut |path, parameter| {
        if let Parameter::Threshold(threshold) = parameter {
            all.push((path.to_string(), threshold));
        }
    });
    all
}

impl Parameters for Predictor {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        visit(path, Parameter::Predictor(self));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        visit(path, ParameterMut::Predictor(self));
    }
}

/// Containers: `each` enters the path of one element.
macro_rules! container {
    ([$($generics:tt)*] $type:ty, |$path:ident, $this:ident, $inside:ident| $shared:expr, $unique:expr) => {
        impl<$($generics)*> Parameters for $type {
            fn visit<'a>(
                &'a self,
                $path: &mut ParameterPath,
                $inside: &mut dyn FnMut(&ParameterPath, Parameter<'a>),
            ) {
                let $this = self;
                $shared
            }

            fn visit_mut(
                &mut self,
                $path: &mut ParameterPath,
                $inside: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
            ) {
                let $this = self;
                $unique
            }
        }
    };
}

container!([T: Parameters + ?Sized] Box<T>, |path, this, inside| (**this).visit(path, inside), (**this).visit_mut(path, inside));
container!([T: Parameters] Option<T>, |path, this, inside| {
    if let Some(item) = this { item.visit(path, inside); }
}, {
    if let Some(item) = this { item.visit_mut(path, inside); }
});
container!([T: Parameters] Vec<T>, |path, this, inside| {
    for (index, item) in this.iter().enumerate() { path.index(index, |path| item.visit(path, inside)); }
}, {
    for (index, item) in this.iter_mut().enumerate() { path.index(index, |path| item.visit_mut(path, inside)); }
});
container!([T: Parameters, const N: usize] [T; N], |path, this, inside| {
    for (index, item) in this.iter().enumerate() { path.index(index, |path| item.visit(path, inside)); }
}, {
    for (index, item) in this.iter_mut().enumerate() { path.index(index, |path| item.visit_mut(path, inside)); }
});
container!([T: Parameters] BTreeMap<String, T>, |path, this, inside| {
    for (key, item) in this { path.key(key, |path| item.visit(path, inside)); }
}, {
    for (key, item) in this { path.key(key, |path| item.visit_mut(path, inside)); }
});
container!([T: Parameters] indexmap::IndexMap<String, T>, |path, this, inside| {
    for (key, item) in this { path.key(key, |path| item.visit(path, inside)); }
}, {
    for (key, item) in this { path.key(key, |path| item.visit_mut(path, inside)); }
});
container!([T: Parameters, S] HashMap<String, T, S>, |path, this, inside| {
    // A hash map's own order changes from run to run.
    let mut items: Vec<_> = this.iter().collect();
    items.sort_by_key(|(key, _)| *key);
    for (key, item) in items { path.key(key, |path| item.visit(path, inside)); }
}, {
    let mut items: Vec<_> = this.iter_mut().collect();
    items.sort_by_key(|(key, _)| *key);
    for (key, item) in items { path.key(key, |path| item.visit_mut(path, inside)); }
});

/// What never has parameters inside.
macro_rules! none {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        container!([$($generics)*] $type, |path, this, inside| { let _ = (path, this, inside); }, {
            let _ = (path, this, inside);
        });
    )*};
}

none!(
    [] (), [] bool, [] char, [] u8, [] u16, [] u32, [] u64, [] usize, [] i8, [] i16, [] i32, [] i64, [] isize,
    [] f32, [] f64, [] String, [] &'static str, [] std::time::Duration, [T: ?Sized] PhantomData<T>,
    [] crate::signature::SignatureSpec, [] crate::lm::Lm, [] crate::lm::Settings, [] Arc<str>,
);

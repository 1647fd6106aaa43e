//! Texts of a program that can be learned beside its predictors.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Context, Parameter, ParameterMut, ParameterPath, Parameters};

/// A text that a program declares as something to be learned: the description of a tool, a rubric, a template of a query.
///
/// It is a field of the program like a predictor is, found by `derive(Parameters)`, saved and loaded with the program's state
/// under its path, and changed by the optimizers that propose instructions. They are told its purpose. Read it with
/// [`TextParameter::get`], which gives the text of the candidate that is being tried.
///
/// A tool whose description is learned: what builds the definition for a request reads the text in the call's context.
///
/// ```
/// use dictum_core::lm::{Capabilities, Lm, ToolSpec, Offline};
/// use dictum_core::program::{Context, Overlay, TextParameter};
/// use serde_json::json;
///
/// // In a program: `#[derive(Parameters)] struct Lookup { description: TextParameter, ... }`.
/// let description = TextParameter::new("Looks a word up.", "tells the model when to call the tool `lookup`");
/// let tool = |ctx: &Context| ToolSpec {
///     name: "lookup".into(),
///     description: description.get(ctx).into(),
///     parameters: json!({ "type": "object", "properties": { "word": { "type": "string" } } }),
/// };
/// let ctx = Context::new(Lm::new(Offline::new("none", Capabilities::default())));
/// assert_eq!(tool(&ctx).description, "Looks a word up.");
///
/// // A candidate has another one. Here the parameter is the whole program, and its path is `self`.
/// let overlay = Overlay::new().with_text("self", "Looks up words that are older than 1900.");
/// let ctx = ctx.with_overlay(&description, &overlay)?;
/// assert_eq!(tool(&ctx).description, "Looks up words that are older than 1900.");
/// # Ok::<(), dictum_core::Error>(())
/// ```
///
/// A clone is another parameter with the same text.
pub struct TextParameter {
    id: ValueId,
    purpose: Arc<str>,
    declared: Arc<str>,
    learned: Option<Arc<str>>,
}

/// The identity of a text or a threshold: equal for itself alone, as long as anybody holds it.
#[derive(Clone)]
pub(super) struct ValueId(Arc<u8>);

impl ValueId {
    /// Another one.
    pub(super) fn fresh() -> Self {
        Self(Arc::new(0))
    }
}

impl PartialEq for ValueId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ValueId {}

impl Hash for ValueId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueId({:p})", Arc::as_ptr(&self.0))
    }
}

impl TextParameter {
    /// A text as the program declares it, and what it is for, in words for whoever is to write a better one: who reads it,
    /// when, and what it should bring about.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>, purpose: impl Into<Arc<str>>) -> Self {
        Self {
            id: ValueId::fresh(),
            purpose: purpose.into(),
            declared: text.into(),
            learned: None,
        }
    }

    /// The text that holds in this context: that of the candidate it is for, else its own.
    #[must_use]
    pub fn get<'a>(&'a self, ctx: &'a Context) -> &'a str {
        let over = ctx.bound().and_then(|bound| bound.text(&self.id));
        over.unwrap_or_else(|| self.text())
    }

    /// Its own text: what was learned, else what was declared.
    #[must_use]
    pub fn text(&self) -> &str {
        self.learned.as_deref().unwrap_or(&self.declared)
    }

    /// The text as the program declares it.
    #[must_use]
    pub fn declared(&self) -> &str {
        &self.declared
    }

    /// What was learned in its place; `None` if nothing was.
    #[must_use]
    pub fn learned(&self) -> Option<&str> {
        self.learned.as_deref()
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Puts a text in place of the declared one. The declared one itself, and `None`, are nothing learned.
    pub fn set_learned(&mut self, text: Option<&str>) {
        self.learned = text.filter(|text| **text != *self.declared).map(Arc::from);
    }

    pub(super) fn id(&self) -> &ValueId {
        &self.id
    }
}

impl Parameters for TextParameter {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        visit(path, Parameter::Text(self));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        visit(path, ParameterMut::Text(self));
    }
}

impl Clone for TextParameter {
    fn clone(&self) -> Self {
        Self {
            id: ValueId::fresh(),
            purpose: self.purpose.clone(),
            declared: self.declared.clone(),
            learned: self.learned.clone(),
        }
    }
}

impl fmt::Debug for TextParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextParameter")
            .field("text", &self.text())
            .field("purpose", &self.purpose)
            .finish()
    }
}

//! [`Predict`]: one call of the model, typed.

use std::fmt;
use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::lm::Request;
use crate::parse::{AnswerError, FailureReason, FieldFailure, ParseError};
use crate::program::stream::ProgramStream;
use crate::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters, Predictor};
use crate::record::{Fields, Record};
use crate::signature::{Dynamic, Signature, SignatureError, SignatureSpec, StaticSignature};

/// Asks the model for the outputs of a signature.
///
/// `Predict::<Triage>::new()` is typed at compile time; [`Predict::parse`] and [`Predict::from_spec`] take records and give
/// records. A clone is another predictor with the same state.
pub struct Predict<S: Signature = Dynamic> {
    predictor: Predictor,
    signature: PhantomData<fn() -> S>,
}

impl<S: StaticSignature> Predict<S> {
    /// A predictor of a derived signature.
    #[must_use]
    pub fn new() -> Self {
        Self::of(S::spec())
    }
}

impl Predict<Dynamic> {
    /// A predictor of a signature in its string form: `question, hints: list[str] -> answer: float`.
    ///
    /// # Errors
    /// [`SignatureError`] pointing at the column.
    pub fn parse(signature: &str) -> Result<Self, SignatureError> {
        Ok(Self::of(SignatureSpec::parse(signature)?))
    }

    /// A predictor of a signature made at run time.
    #[must_use]
    pub fn from_spec(spec: SignatureSpec) -> Self {
        Self::of(spec)
    }
}

impl<S: Signature> Predict<S> {
    pub(super) fn of(spec: SignatureSpec) -> Self {
        Self {
            predictor: Predictor::new(spec),
            signature: PhantomData,
        }
    }

    /// The predictor inside: its signature and state.
    #[must_use]
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// The predictor inside, for change.
    pub fn predictor_mut(&mut self) -> &mut Predictor {
        &mut self.predictor
    }

    /// The same with these instructions in place of the signature's. Empty ones are none: the signature's stand.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.predictor.set_instructions(instructions);
        self
    }

    /// The exact request a call would send, without sending it.
    ///
    /// # Errors
    /// [`Error::Input`] when the input does not fit the signature.
    pub fn render(&self, ctx: &Context, input: S::Input) -> Result<Request> {
        self.predictor.render(ctx, &input.into_record()?)
    }

    /// Calls the model as a stream: the output fields as they come, then the output. See [`crate::program::stream`].
    pub fn stream<'a>(&'a self, ctx: &Context, input: S::Input) -> ProgramStream<'a, S::Output> {
        Module::stream(self, ctx, input)
    }

    /// Calls the model.
    ///
    /// # Errors
    /// See [`Predictor::call`].
    pub async fn call(&self, ctx: &Context, input: S::Input) -> Result<S::Output> {
        typed(self.predictor.call(ctx, input.into_record()?).await?)
    }
}

/// The typed outputs. A type may refuse what its schema allows: that is an unreadable answer, not a bad input.
fn typed<O: Fields>(outputs: Record) -> Result<O> {
    // Kept for the error alone; a clone of a small record costs less than reading it twice.
    O::from_record(outputs.clone()).map_err(|error| match error {
        Error::Input(error) => Error::Answer(Box::new(AnswerError {
            adapter: "typed".into(),
            text: serde_json::to_string(&outputs).unwrap_or_default(),
            fields: outputs,
            failures: vec![FieldFailure {
                field: error.field,
                reason: FailureReason::Unreadable(ParseError {
                    at: String::new(),
                    problem: error.problem,
                    excerpt: String::new(),
                    column: 0,
                    line: 1,
                }),
            }],
            truncated: false,
        })),
        other => other,
    })
}

impl<S: Signature> Module for Predict<S> {
    type Input = S::Input;
    type Output = S::Output;

    async fn forward(&self, ctx: &Context, input: S::Input) -> Result<S::Output> {
        self.call(ctx, input).await
    }

    // The predictor has a span of its own.
    fn call(&self, ctx: &Context, input: S::Input) -> impl Future<Output = Result<S::Output>> + Send {
        self.forward(ctx, input)
    }
}

impl<S: Signature> Parameters for Predict<S> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        self.predictor.visit(path, visit);
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        self.predictor.visit_mut(path, visit);
    }
}

impl<S: StaticSignature> Default for Predict<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Signature> Clone for Predict<S> {
    fn clone(&self) -> Self {
        Self {
            predictor: self.predictor.clone(),
            signature: PhantomData,
        }
    }
}

impl<S: Signature> fmt::Debug for Predict<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Predict").field(&self.predictor).finish()
    }
}

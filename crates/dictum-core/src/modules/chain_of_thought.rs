//! [`ChainOfThought`]: the model reasons before it answers.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use super::Predict;
use crate::error::{Error, Result};
use crate::lm::Request;
use crate::program::reasoning::{self, REASONING};
use crate::program::stream::ProgramStream;
use crate::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters, Predictor};
use crate::record::{Fields, Record};
use crate::signature::{Dynamic, Signature, SignatureError, SignatureSpec, StaticSignature};

/// Asks the model to reason step by step before it gives the outputs of a signature (Wei et al. 2022): the same call with
/// one more output, `reasoning`, in front. A state can turn that off ([`PredictorState::reasoning`]
/// (crate::program::PredictorState::reasoning)); the reasoning is then empty.
pub struct ChainOfThought<S: Signature = Dynamic> {
    predict: Predict<Reasoned<S>>,
}

/// The signature with the reasoning before its outputs.
struct Reasoned<S>(PhantomData<fn() -> S>);

impl<S: Signature> Signature for Reasoned<S> {
    type Input = S::Input;
    type Output = WithReasoning<S::Output>;
}

/// The outputs of a signature with the reasoning before them. Dereferences to the outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct WithReasoning<O> {
    /// How the model came to the outputs.
    pub reasoning: String,
    /// The outputs of the signature.
    pub output: O,
}

impl<S: StaticSignature> ChainOfThought<S> {
    /// A predictor of a derived signature.
    ///
    /// A signature that has an output `reasoning` itself keeps its own: none is added.
    #[must_use]
    pub fn new() -> Self {
        Self::of(S::spec())
    }
}

impl ChainOfThought<Dynamic> {
    /// A predictor of a signature in its string form.
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

impl<S: Signature> ChainOfThought<S> {
    fn of(spec: SignatureSpec) -> Self {
        // One that has such a field already keeps its own.
        let spec = reasoning::with(&spec).unwrap_or(spec);
        Self {
            predict: Predict::of(spec),
        }
    }

    /// The predictor inside: its signature and state.
    #[must_use]
    pub fn predictor(&self) -> &Predictor {
        self.predict.predictor()
    }

    /// The predictor inside, for change.
    pub fn predictor_mut(&mut self) -> &mut Predictor {
        self.predict.predictor_mut()
    }

    /// The same with these instructions in place of the signature's. Empty ones are none: the signature's stand.
    #[must_use]
    pub fn with_instructions(self, instructions: impl Into<String>) -> Self {
        Self {
            predict: self.predict.with_instructions(instructions),
        }
    }

    /// The exact request a call would send, without sending it.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the input does not fit the signature.
    pub fn render(&self, ctx: &Context, input: S::Input) -> Result<Request> {
        self.predict.render(ctx, input)
    }

    /// Calls the model as a stream: the output fields as they come, then the output. See [`crate::program::stream`].
    pub fn stream<'a>(
        &'a self,
        ctx: &Context,
        input: S::Input,
    ) -> ProgramStream<'a, WithReasoning<S::Output>> {
        Module::stream(self, ctx, input)
    }

    /// Calls the model.
    ///
    /// # Errors
    /// See [`Predictor::call`].
    pub async fn call(&self, ctx: &Context, input: S::Input) -> Result<WithReasoning<S::Output>> {
        self.predict.call(ctx, input).await
    }
}

impl<O: Fields> Fields for WithReasoning<O> {
    fn into_record(self) -> Result<Record> {
        let mut record = Record::new().with(REASONING, self.reasoning);
        for (name, value) in self.output.into_record()? {
            record.insert(name, value);
        }
        Ok(record)
    }

    fn from_record(record: Record) -> Result<Self> {
        // Left in the record for signatures that have an output of this name themselves.
        let reasoning = match record.get(REASONING) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => return Err(Error::input(REASONING, "is missing")),
        };
        Ok(Self {
            reasoning,
            output: O::from_record(record)?,
        })
    }
}

impl<O> Deref for WithReasoning<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.output
    }
}

impl<O> DerefMut for WithReasoning<O> {
    fn deref_mut(&mut self) -> &mut O {
        &mut self.output
    }
}

impl<S: Signature> Module for ChainOfThought<S> {
    type Input = S::Input;
    type Output = WithReasoning<S::Output>;

    async fn forward(&self, ctx: &Context, input: S::Input) -> Result<WithReasoning<S::Output>> {
        self.call(ctx, input).await
    }

    // The predictor has a span of its own.
    fn call(
        &self,
        ctx: &Context,
        input: S::Input,
    ) -> impl Future<Output = Result<WithReasoning<S::Output>>> + Send {
        self.forward(ctx, input)
    }
}

/// The predictor's path is `predict` inside the module's own, as in DSPy.
impl<S: Signature> Parameters for ChainOfThought<S> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("predict", |path| self.predict.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("predict", |path| self.predict.visit_mut(path, visit));
    }
}

impl<S: StaticSignature> Default for ChainOfThought<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Signature> Clone for ChainOfThought<S> {
    fn clone(&self) -> Self {
        Self {
            predict: self.predict.clone(),
        }
    }
}

impl<S: Signature> fmt::Debug for ChainOfThought<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChainOfThought").field(self.predictor()).finish()
    }
}

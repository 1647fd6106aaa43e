//! The predictor: one signature, its learned state, and the way from an input to outputs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use tracing::Instrument;

use super::repair::Repair;
use super::spans;
use super::stream::Live;
use super::{CallRecord, Context, PredictorState, Purpose, Step, reasoning};
use crate::adapter::{Adapter, Expects, Prepared};
use crate::error::{Error, Result};
use crate::lm::{Capabilities, FinishReason, Lm, Message, Prefix, Request, Response};
use crate::parse::{Answer, AnswerError, RepairNote};
use crate::record::Record;
use crate::signature::{FieldSpec, SignatureSpec};

/// One step of a program: a signature with its learned state. [`crate::modules::Predict`] is its typed face.
///
/// A clone is another predictor with the same state.
pub struct Predictor {
    id: PredictorId,
    spec: SignatureSpec,
    /// What traces call it where its path is not known: the signature's name, or its string form.
    label: Arc<str>,
    live: Arc<LiveState>,
}

/// The identity of a predictor: equal for itself alone, as long as anybody holds it.
#[derive(Clone)]
pub struct PredictorId(Arc<u8>);

impl PredictorId {
    pub(super) fn new() -> Self {
        Self(Arc::new(0))
    }
}

impl PartialEq for PredictorId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for PredictorId {}

impl std::hash::Hash for PredictorId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for PredictorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PredictorId({:p})", Arc::as_ptr(&self.0))
    }
}

/// A state with what was prepared from it, by adapter and capabilities: demonstrations are rendered once, not per call.
#[derive(Debug)]
pub(super) struct LiveState {
    state: PredictorState,
    /// What the model is asked for, where that is not the predictor's signature.
    asked: Option<SignatureSpec>,
    prepared: RwLock<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    adapter: Arc<dyn Adapter>,
    capabilities: Capabilities,
    prepared: Arc<Prepared>,
}

/// How many adapters' renderings are kept; beyond that the oldest goes.
const KEPT: usize = 4;

impl LiveState {
    pub(super) fn state(&self) -> &PredictorState {
        &self.state
    }

    /// The state of a predictor of this signature.
    pub(super) fn new(spec: &SignatureSpec, state: PredictorState) -> Self {
        Self {
            asked: state.asked(spec),
            state,
            prepared: RwLock::default(),
        }
    }

    fn prepared(
        &self,
        spec: &SignatureSpec,
        adapter: &Arc<dyn Adapter>,
        capabilities: Capabilities,
    ) -> Arc<Prepared> {
        let is_it =
            |entry: &&Entry| Arc::ptr_eq(&entry.adapter, adapter) && entry.capabilities == capabilities;
        let find = |entries: &[Entry]| entries.iter().find(is_it).map(|entry| entry.prepared.clone());
        if let Some(prepared) = find(&self.prepared.read().unwrap_or_else(PoisonError::into_inner)) {
            return prepared;
        }
        let prepared = Arc::new(adapter.prepare(spec, &self.state, capabilities));
        let mut entries = self.prepared.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = find(&entries) {
            return prepared;
        }
        if entries.len() >= KEPT {
            entries.remove(0);
        }
        entries.push(Entry {
            adapter: adapter.clone(),
            capabilities,
            prepared: prepared.clone(),
        });
        prepared
    }
}

impl Predictor {
    /// A predictor of this signature, with nothing learned.
    #[must_use]
    pub fn new(spec: SignatureSpec) -> Self {
        let live = LiveState::new(&spec, PredictorState::default());
        Self::with_live(spec, Arc::new(live))
    }

    fn with_live(spec: SignatureSpec, live: Arc<LiveState>) -> Self {
        let label = if spec.name().is_empty() {
            spec.to_string().into()
        } else {
            spec.name().into()
        };
        Self {
            id: PredictorId::new(),
            spec,
            label,
            live,
        }
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> PredictorId {
        self.id.clone()
    }

    /// Its signature.
    #[must_use]
    pub fn spec(&self) -> &SignatureSpec {
        &self.spec
    }

    /// What it has learned.
    #[must_use]
    pub fn state(&self) -> &PredictorState {
        &self.live.state
    }

    /// Puts another state in place of what it has learned.
    pub fn set_state(&mut self, state: PredictorState) {
        self.live = Arc::new(LiveState::new(&self.spec, state));
    }

    /// Puts other instructions in place of the signature's, or of those learned. Empty ones are none: the signature's stand.
    pub fn set_instructions(&mut self, instructions: impl Into<String>) {
        let instructions = instructions.into();
        self.set_state(PredictorState {
            instructions: (!instructions.trim().is_empty()).then_some(instructions),
            ..self.state().clone()
        });
    }

    /// The model that [`Predictor::call`] would ask in this context: the one its state names, else the context's.
    ///
    /// # Errors
    /// [`Error::Input`] when the state names a model that the context does not have.
    pub fn lm<'a>(&'a self, ctx: &'a Context) -> Result<&'a Lm> {
        Ok(self.using(ctx)?.lm)
    }

    /// The exact request that [`Predictor::call`] would send, without sending it.
    ///
    /// # Errors
    /// [`Error::Input`] when the input does not fit the signature, or the state names a model or adapter that the context
    /// does not have.
    pub fn render(&self, ctx: &Context, input: &Record) -> Result<Request> {
        self.check_input(input)?;
        let using = self.using(ctx)?;
        Ok(using.request(ctx, using.adapter, input))
    }

    /// Calls the model and reads the outputs from its answer.
    ///
    /// # Errors
    /// [`Error::Input`] when the input does not fit or the state names a model or adapter that the context does not have,
    /// [`Error::Lm`] when the model can't be called, [`Error::Answer`] when
    /// the answer can't be used and the context's [`Repair`] policy did not help.
    pub async fn call(&self, ctx: &Context, input: Record) -> Result<Record> {
        self.check_input(&input)?;
        let using = self.using(ctx)?;
        let path = self.path(ctx);
        let span = spans::predictor(&path, ctx, using.adapter.name());
        let (began, clock) = (SystemTime::now(), Instant::now());
        let mut run = Run {
            using,
            ctx,
            path: &path,
            calls: Vec::with_capacity(1),
            repairs: Vec::new(),
            live: ctx
                .streaming()
                .map(|streaming| Box::new(Live::new(streaming, path.clone()))),
        };
        // The span goes around the calls alone: every future around this one would make each call in flight larger.
        let outcome = run.outputs(&input).instrument(span.clone()).await;
        let Run { calls, repairs, .. } = run;
        let took = clock.elapsed();
        spans::ended(&span, outcome.as_ref().err());
        let step = Step {
            predictor: self.id.clone(),
            path,
            scope: ctx.scope().cloned(),
            began,
            took,
            adapter: using.adapter.name(),
            sample: ctx.sample(),
            inputs: input,
            outcome: outcome.as_ref().map(Clone::clone).map_err(ToString::to_string),
            repairs,
            calls,
        };
        span.in_scope(|| ctx.note_step(Arc::new(step)));
        match using.live.asked {
            Some(_) => outcome.map(|outputs| reasoning::declared(&self.spec, outputs)),
            None => outcome,
        }
    }

    /// Its path, where the context knows the program.
    fn path(&self, ctx: &Context) -> Arc<str> {
        let path = ctx.bound().and_then(|bound| bound.path(&self.id));
        path.unwrap_or_else(|| self.label.clone())
    }

    fn check_input(&self, input: &Record) -> Result<()> {
        for field in self.spec.inputs() {
            match input.get(&field.name) {
                Some(value) => {
                    if let Some(violation) = field.schema.check(value).first() {
                        return Err(Error::input(
                            &field.name,
                            format!("does not fit its type: {violation}"),
                        ));
                    }
                }
                None if field.when_absent().is_some() => {}
                None => return Err(Error::input(&field.name, "is missing")),
            }
        }
        for name in input.names() {
            if !self.spec.inputs().iter().any(|field| field.name == name) {
                let known: Vec<&str> = self
                    .spec
                    .inputs()
                    .iter()
                    .map(|field| field.name.as_str())
                    .collect();
                let known = known.join("`, `");
                return Err(Error::input(
                    name,
                    format!("is no input of the signature, which takes `{known}`"),
                ));
            }
        }
        Ok(())
    }

    /// What a call in this context uses.
    fn using<'a>(&'a self, ctx: &'a Context) -> Result<Using<'a>> {
        let live = ctx
            .bound()
            .and_then(|bound| bound.state(&self.id))
            .unwrap_or(&self.live);
        Ok(Using {
            lm: match &live.state.lm {
                None => ctx.lm(),
                Some(name) => ctx.roster().lm(name, &self.path(ctx))?,
            },
            adapter: match &live.state.adapter {
                None => ctx.adapter(),
                Some(name) => ctx.roster().adapter(name, &self.path(ctx))?,
            },
            spec: live.asked.as_ref().unwrap_or(&self.spec),
            live,
        })
    }
}

/// What a call uses: the state that holds, and the model, adapter and signature it names.
#[derive(Clone, Copy)]
struct Using<'a> {
    live: &'a LiveState,
    lm: &'a Lm,
    adapter: &'a Arc<dyn Adapter>,
    spec: &'a SignatureSpec,
}

impl Using<'_> {
    fn request(&self, ctx: &Context, adapter: &Arc<dyn Adapter>, input: &Record) -> Request {
        let prepared = self.live.prepared(self.spec, adapter, self.lm.capabilities());
        let turns = adapter.turns(self.spec, input, prepared.expects.reminder.as_deref());
        let settings = &self.live.state.settings;
        let request = request(ctx, prepared.prefix.clone(), turns, &prepared.expects);
        Request {
            settings: settings.over(ctx.settings()),
            ..request
        }
    }
}

fn request(ctx: &Context, prefix: Arc<Prefix>, turns: Vec<Message>, expects: &Expects) -> Request {
    Request {
        prefix,
        turns,
        response_format: expects.response_format.clone(),
        output: expects.output.clone(),
        sample: ctx.sample(),
        ..Request::default()
    }
}

/// One call of a predictor under way.
struct Run<'a> {
    using: Using<'a>,
    ctx: &'a Context,
    path: &'a str,
    calls: Vec<CallRecord>,
    repairs: Vec<RepairNote>,
    /// Where the call is streamed or guarded.
    live: Option<Box<Live<'a>>>,
}

impl Run<'_> {
    async fn outputs(&mut self, input: &Record) -> Result<Record> {
        let Using { adapter, spec, .. } = self.using;
        let request = Arc::new(self.using.request(self.ctx, adapter, input));
        let (response, answer) = self.ask(adapter, spec, request.clone(), Purpose::Ask).await?;
        if answer.failures.is_empty() {
            return Ok(answer.fields);
        }
        let truncated = response.finish == FinishReason::Length;
        match self.ctx.repair() {
            Repair::Reask(times) if !truncated => self.reask(*times, request, response, answer).await,
            Repair::Fallback(fallback) => {
                let request = Arc::new(self.using.request(self.ctx, fallback, input));
                let (response, answer) = self.ask(fallback, spec, request, Purpose::Fallback).await?;
                finished(fallback, answer, &response)
            }
            Repair::Off | Repair::Reask(_) => finished(adapter, answer, &response),
        }
    }

    /// Asks for the failing fields only, each time for those that still fail.
    async fn reask(
        &mut self,
        times: u32,
        mut request: Arc<Request>,
        mut response: Arc<Response>,
        mut answer: Answer,
    ) -> Result<Record> {
        let Using {
            adapter, spec, lm, ..
        } = self.using;
        for _ in 0..times {
            let failing =
                |field: &&FieldSpec| answer.failures.iter().any(|failure| failure.field == field.name);
            let missing = spec
                .inputs()
                .iter()
                .chain(spec.outputs().iter().filter(failing))
                .cloned();
            let missing = SignatureSpec::new(spec.name(), None, missing)?;
            let expects = adapter.expects(&missing, lm.capabilities());
            let mut turns = request.turns.clone();
            turns.extend(adapter.ask_again(&missing, &response.to_text(), &answer.failures));
            let next = Request {
                settings: request.settings.clone(),
                ..self::request(self.ctx, request.prefix.clone(), turns, &expects)
            };
            request = Arc::new(next);
            let (again, corrected) = self
                .ask(adapter, &missing, request.clone(), Purpose::Reask)
                .await?;
            response = again;
            answer.failures = corrected.failures;
            for (name, value) in corrected.fields {
                answer.fields.insert(name, value);
            }
            if answer.failures.is_empty() {
                // In the order of the signature, whatever order they were had in.
                let order = spec.outputs().iter();
                return Ok(order
                    .filter_map(|f| Some((f.name.clone(), answer.fields.remove(&f.name)?)))
                    .collect());
            }
        }
        finished(adapter, answer, &response)
    }

    async fn ask(
        &mut self,
        adapter: &Arc<dyn Adapter>,
        spec: &SignatureSpec,
        request: Arc<Request>,
        purpose: Purpose,
    ) -> Result<(Arc<Response>, Answer)> {
        let lm = self.using.lm;
        let begun = Instant::now();
        let mut stopped = None;
        let result = match &mut self.live {
            None => lm.complete(&request, &self.ctx.call()).await,
            // On the heap, so that calls that don't stream stay small.
            Some(live) => Box::pin(live.complete(self.ctx, lm, adapter, spec, &request, purpose))
                .await
                .map(|ended| {
                    stopped = ended.stopped;
                    ended.response
                }),
        };
        let result = result.map(Arc::new);
        let call = CallRecord {
            purpose,
            model: lm.name().into(),
            request,
            result: result.clone(),
            took: begun.elapsed(),
        };
        self.ctx.note_call(self.path, &call);
        self.calls.push(call);
        if let Some(stopped) = stopped {
            return Err(Error::Stopped(stopped));
        }
        let response = result?;
        let mut answer = adapter.parse(spec, &response.to_text());
        self.repairs.append(&mut answer.repairs);
        if let Some(live) = &mut self.live {
            Box::pin(live.settle(&answer)).await?;
        }
        Ok((response, answer))
    }
}

fn finished(adapter: &Arc<dyn Adapter>, answer: Answer, response: &Response) -> Result<Record> {
    if answer.failures.is_empty() {
        return Ok(answer.fields);
    }
    Err(Error::Answer(Box::new(AnswerError {
        adapter: adapter.name().into(),
        text: response.to_text(),
        fields: answer.fields,
        failures: answer.failures,
        truncated: response.finish == FinishReason::Length,
    })))
}

impl Clone for Predictor {
    fn clone(&self) -> Self {
        Self::with_live(self.spec.clone(), self.live.clone())
    }
}

impl fmt::Debug for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predictor")
            .field("spec", &self.spec)
            .field("state", &self.live.state)
            .finish()
    }
}

//! [`NearestDemos`]: a program that is shown the demonstrations nearest to its input.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::embed::Embedder;
use crate::error::{Error, FileError, Result};
use crate::lm::Call;
use crate::program::{
    Context, Demo, Module, Overlay, Parameter, ParameterMut, ParameterPath, Parameters, predictors,
};
use crate::record::{Fields, Record};
use crate::state::ProgramState;

/// A program whose predictors are shown, in each call, the demonstrations of the `k` examples nearest to the input, the
/// nearest last. They stand in place of those the predictors have.
///
/// Near is what an [`Embedder`] says: the cosine of the vectors of the inputs. An input that is asked as it stands in the
/// index is not shown its own demonstrations. `KnnFewShot` of `dictum-optimize` makes the index.
///
/// The request to the embedder counts as the embedder's wrappers say (see [`crate::embed::Metered`]); put a
/// [`crate::embed::Cached`] around it where inputs come again.
pub struct NearestDemos<M> {
    program: M,
    index: DemoIndex,
    embedder: Arc<dyn Embedder>,
}

/// Demonstrations by the vectors of the inputs they were made for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoIndex {
    /// The embedder's name: vectors of another one mean something else.
    embedder: String,
    k: usize,
    entries: Vec<Entry>,
}

/// What is known of one example: its inputs, and a demonstration for each predictor that has one, by path.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    /// The program's inputs.
    pub inputs: Record,
    /// Demonstrations by the paths of their predictors.
    pub demos: BTreeMap<String, Demo>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    text: String,
    #[serde(serialize_with = "short")]
    vector: Vec<f32>,
    demos: BTreeMap<String, Demo>,
}

/// Numbers as short as they can be told apart: as they are, a third of their digits would say nothing.
fn short<S: Serializer>(vector: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        vector
            .iter()
            .map(|number| number.to_string().parse().unwrap_or(f64::from(*number))),
    )
}

/// The name under which a state keeps the index.
pub(crate) const KEY: &str = "nearest_demos";

/// Inputs as the text that is embedded: the same for the same values, in whatever order they come.
fn text(inputs: &Record) -> String {
    let sorted: BTreeMap<&str, &Value> = inputs.iter().collect();
    let line = |(name, value): (&str, &Value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    };
    sorted.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

impl DemoIndex {
    /// Embeds the inputs of these examples, all in one go, under the budget and deadline of `call`. `k` demonstrations are
    /// shown in each call.
    ///
    /// # Errors
    /// [`Error::Lm`] when the embedder fails; [`Error::Program`] when it gives vectors that can't be compared.
    pub async fn new(
        embedder: &dyn Embedder,
        call: &Call,
        k: usize,
        examples: impl IntoIterator<Item = Indexed> + Send,
    ) -> Result<Self> {
        let (texts, demos): (Vec<String>, Vec<_>) = examples
            .into_iter()
            .map(|example| (text(&example.inputs), example.demos))
            .unzip();
        let vectors = embedder.embed(&texts, call).await?.vectors;
        let length = vectors.first().map_or(0, Vec::len);
        if vectors.len() != texts.len() || vectors.iter().any(|vector| vector.len() != length) {
            return Err(Error::program(format!(
                "`{}` gave {} vectors for {} texts, or not all of one length",
                embedder.name(),
                vectors.len(),
                texts.len()
            )));
        }
        let entries = texts.into_iter().zip(vectors).zip(demos);
        Ok(Self {
            embedder: embedder.name().to_owned(),
            k,
            entries: entries
                .map(|((text, vector), demos)| Entry { text, vector, demos })
                .collect(),
        })
    }

    /// The index in a state that [`NearestDemos::state`] gave; `None` in one of another program.
    ///
    /// # Errors
    /// [`Error::Input`] when what stands there can't be read.
    pub fn of(state: &ProgramState) -> Result<Option<Self>> {
        let index = state.metadata().get(KEY).map(Self::deserialize).transpose();
        index.map_err(|error| Error::input(KEY, format!("can't be read: {error}")))
    }

    /// A program's state with the index in it, as [`NearestDemos::save`] writes it.
    ///
    /// # Errors
    /// [`Error::Program`] when it can't be written as JSON.
    pub fn on(&self, state: ProgramState) -> Result<ProgramState> {
        let index = serde_json::to_value(self).map_err(Error::program)?;
        Ok(state.with_metadata(KEY, index))
    }

    /// The name of the embedder it was made with, which alone can be asked what is near.
    #[must_use]
    pub fn embedder(&self) -> &str {
        &self.embedder
    }

    /// How many examples it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The demonstrations nearest to a vector, without those of this text: the nearest last.
    fn nearest(&self, asked: &str, vector: &[f32]) -> Vec<&BTreeMap<String, Demo>> {
        let others = self.entries.iter().filter(|entry| entry.text != asked);
        let mut ranked: Vec<(f64, &Entry)> = others
            .map(|entry| (cosine(&entry.vector, vector), entry))
            .collect();
        // Stable: among equals those that come first in the index.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = ranked.into_iter().take(self.k).map(|(_, entry)| &entry.demos);
        let mut nearest: Vec<_> = nearest.collect();
        nearest.reverse();
        nearest
    }
}

/// The cosine of two vectors of one length; 0 where one has no direction.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum::<f64>()
    };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

impl fmt::Display for DemoIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} nearest of {} examples, by `{}`",
            self.k,
            self.entries.len(),
            self.embedder
        )
    }
}

impl<M: Module> NearestDemos<M> {
    /// The program with this index.
    ///
    /// # Errors
    /// [`Error::Input`] when the index was made with another embedder, or has demonstrations for a predictor the program
    /// does not have.
    pub fn new(program: M, index: DemoIndex, embedder: impl Embedder + 'static) -> Result<Self> {
        if index.embedder != embedder.name() {
            return Err(Error::input(
                "embedder",
                format!(
                    "is `{}`, and the index was made with `{}`: their vectors can't be compared; use that one, or compile \
                     again",
                    embedder.name(),
                    index.embedder
                ),
            ));
        }
        let known: Vec<String> = predictors(&program).into_iter().map(|(path, _)| path).collect();
        let mut paths = index.entries.iter().flat_map(|entry| entry.demos.keys());
        if let Some(path) = paths.find(|path| !known.contains(path)) {
            return Err(Error::input(
                path,
                format!("is no predictor of the program; it has `{}`", known.join("`, `")),
            ));
        }
        Ok(Self {
            program,
            index,
            embedder: Arc::new(embedder),
        })
    }

    /// The program inside.
    #[must_use]
    pub fn program(&self) -> &M {
        &self.program
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> &DemoIndex {
        &self.index
    }

    /// Its state: that of the program, with the index as metadata.
    ///
    /// # Errors
    /// [`Error::Program`] when the index can't be written as JSON.
    pub fn state(&self) -> Result<ProgramState> {
        self.index.on(ProgramState::of(&self.program))
    }

    /// Writes the program's state with the index to a file, whole or not at all.
    ///
    /// # Errors
    /// See [`ProgramState::save`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.state()?.save(path)
    }

    /// The program with the state and the index of a file.
    ///
    /// # Errors
    /// [`Error::File`] when the file can't be read, does not fit the program or has no index; and those of
    /// [`NearestDemos::new`].
    pub fn load(mut program: M, embedder: impl Embedder + 'static, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fault = |problem: String| {
            Error::File(Box::new(FileError {
                file: path.display().to_string(),
                line: None,
                column: None,
                problem,
            }))
        };
        let state = ProgramState::load(path)?;
        let index = DemoIndex::of(&state).map_err(|error| fault(error.to_string()))?;
        let index = index.ok_or_else(|| {
            fault("it has no index of demonstrations: it was not saved by this kind of program".to_owned())
        })?;
        state.apply_strict(&mut program)?;
        Self::new(program, index, embedder)
    }

    /// The program's states with the demonstrations for an input.
    async fn overlay(&self, ctx: &Context, input: &Record) -> Result<Overlay> {
        let asked = [text(input)];
        let [asked_text] = &asked;
        let vectors = self.embedder.embed(&asked, &ctx.call()).await?.vectors;
        let vector = vectors.into_iter().next().unwrap_or_default();
        let length = self.index.entries.first().map(|entry| entry.vector.len());
        if length.is_some_and(|length| length != vector.len()) {
            return Err(Error::program(format!(
                "`{}` gave a vector of {} numbers, the index has {}: compile again",
                self.embedder.name(),
                vector.len(),
                length.unwrap_or(0)
            )));
        }
        let nearest = self.index.nearest(asked_text, &vector);
        let mut overlay = Overlay::new();
        for (path, predictor) in predictors(&self.program) {
            let demos = nearest.iter().filter_map(|demos| demos.get(&path).cloned());
            let mut state = ctx.state_of(predictor).clone();
            state.demos = demos.collect();
            overlay.set(path, state);
        }
        Ok(overlay)
    }
}

impl<M: Module> Module for NearestDemos<M>
where
    M::Input: Fields + Clone,
{
    type Input = M::Input;
    type Output = M::Output;

    async fn forward(&self, ctx: &Context, input: M::Input) -> Result<M::Output> {
        let overlay = self.overlay(ctx, &input.clone().into_record()?).await?;
        let ctx = ctx.with_inner_overlay(&self.program, &overlay)?;
        self.program.call(&ctx, input).await
    }
}

/// Those of the program, by the same paths: a state fits with and without an index.
impl<M: Parameters> Parameters for NearestDemos<M> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        self.program.visit(path, visit);
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        self.program.visit_mut(path, visit);
    }
}

impl<M: fmt::Debug> fmt::Debug for NearestDemos<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearestDemos")
            .field("program", &self.program)
            .field("examples", &self.index.len())
            .field("embedder", &self.embedder.name())
            .finish_non_exhaustive()
    }
}

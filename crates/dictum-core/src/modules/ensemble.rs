//! [`Ensemble`]: several programs of one kind answer at once, and their answers are made into one.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::evaluate::stats::SplitMix;
use crate::lm::{Digest, LmErrorKind};
use crate::metrics::normalize;
use crate::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use crate::record::{Fields, Record};
use crate::state::ProgramState;

/// Several programs of one kind in different states. All are called at once, with the same input, and a reducer makes one
/// output of theirs.
///
/// It is a program as any other: it is evaluated, saved and loaded, and its predictors stand in traces as
/// `members[0].answer`. A member that fails has no say; when all fail, the first one's error is the ensemble's.
///
/// ```no_run
/// # async fn example(ctx: dictum_core::program::Context) -> dictum_core::Result<()> {
/// use dictum_core::{modules::{Ensemble, Predict}, program::Module, record, state::ProgramExt};
/// let program = Predict::parse("question -> answer")?;
/// let members = vec![program.clone(), program.clone().with_instructions("Think twice."), program.clone()];
/// let ensemble = Ensemble::voting(members, "answer")?;
/// let answer = ensemble.call(&ctx, record! { question: "Why?" }).await?;
/// ensemble.save("ensemble.json")?;
/// let members = Ensemble::load_members("ensemble.json", || program.clone())?;
/// let loaded = Ensemble::voting(members, "answer")?;
/// # Ok(()) }
/// ```
pub struct Ensemble<M: Module> {
    members: Vec<M>,
    size: Option<usize>,
    reduce: Reduce<M::Output>,
}

type Reduce<O> = Arc<dyn Fn(Vec<O>) -> Result<O> + Send + Sync>;

impl<M: Module> Ensemble<M> {
    /// An ensemble of these programs. `reduce` is given the outputs of those that did not fail, in the order of the
    /// members, and never none.
    ///
    /// # Errors
    /// [`Error::Input`] without members.
    pub fn new(
        members: Vec<M>,
        reduce: impl Fn(Vec<M::Output>) -> Result<M::Output> + Send + Sync + 'static,
    ) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::input(
                "members",
                "are none: an ensemble needs at least one",
            ));
        }
        Ok(Self {
            members,
            size: None,
            reduce: Arc::new(reduce),
        })
    }

    /// An ensemble that gives the output whose value of `field` most members agree on; of those the first member's. Among
    /// equals the value an earlier member gave wins. Texts are equal when they differ only in case, punctuation, articles
    /// and space, as in [`normalize`].
    ///
    /// # Errors
    /// [`Error::Input`] without members. Calls fail with it when an output has no such field.
    pub fn voting(members: Vec<M>, field: impl Into<String>) -> Result<Self>
    where
        M::Output: Fields + Clone,
    {
        let field = field.into();
        Self::new(members, move |outputs| majority(outputs, &field))
    }

    /// Only so many members answer each call; at least 1. Which ones follows from the input and the context's sample, so
    /// that the same call is answered by the same members.
    #[must_use]
    pub fn size(mut self, members: usize) -> Self {
        self.size = Some(members.max(1));
        self
    }

    /// The programs.
    #[must_use]
    pub fn members(&self) -> &[M] {
        &self.members
    }

    /// The programs of an ensemble that was saved to this file. `make` makes the program they are states of.
    ///
    /// # Errors
    /// [`Error::File`] when it can't be read, holds no ensemble, or a member does not fit the program.
    pub fn load_members(path: impl AsRef<Path>, make: impl Fn() -> M) -> Result<Vec<M>> {
        let state = ProgramState::load(path)?;
        let places = state.predictors().filter_map(|(path, _)| {
            let place = path.strip_prefix("members[")?.split_once(']')?.0;
            place.parse::<usize>().ok()
        });
        // What is missing in between makes the state not fit.
        let count = places.max().map_or(0, |last| last.saturating_add(1));
        let known = state.predictors().count();
        let mut members = Members((0..count.min(known.max(1))).map(|_| make()).collect());
        state.apply_strict(&mut members)?;
        Ok(members.0)
    }

    /// The places of the members that answer this call.
    fn chosen(&self, ctx: &Context, input: &Record) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.members.len()).collect();
        let Some(size) = self.size.filter(|size| *size < places.len()) else {
            return places;
        };
        let mut rng = SplitMix::new(Digest::of(&("ensemble", input, ctx.sample())).to_u64());
        for place in 0..size {
            let other = place + rng.below(places.len() - place);
            places.swap(place, other);
        }
        places.truncate(size);
        places.sort_unstable();
        places
    }
}

/// The output most agree on by the value of a field.
fn majority<O: Fields + Clone>(outputs: Vec<O>, field: &str) -> Result<O> {
    let mut votes: HashMap<String, (usize, usize)> = HashMap::new();
    for (place, output) in outputs.iter().enumerate() {
        let record = output.clone().into_record()?;
        let key = match record.get(field) {
            Some(Value::String(text)) => format!("text {}", normalize(text)),
            Some(other) => format!("value {other}"),
            None => return Err(Error::input(field, "is no output of the ensemble's members")),
        };
        votes.entry(key).or_insert((0, place)).0 += 1;
    }
    let most = votes
        .into_values()
        .max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first)));
    let winner = most.and_then(|(_, first)| outputs.into_iter().nth(first));
    winner.ok_or_else(|| Error::program("an ensemble without outputs can't vote"))
}

impl<M: Module> Module for Ensemble<M>
where
    M::Input: Fields + Clone,
{
    type Input = M::Input;
    type Output = M::Output;

    async fn forward(&self, ctx: &Context, input: M::Input) -> Result<M::Output> {
        let places = match self.size {
            Some(_) => self.chosen(ctx, &input.clone().into_record()?),
            None => (0..self.members.len()).collect(),
        };
        let called = places.iter().filter_map(|place| self.members.get(*place));
        let answers = join_all(called.map(|member| member.call(ctx, input.clone()))).await;
        let (mut outputs, mut first) = (Vec::with_capacity(answers.len()), None);
        for answer in answers {
            match answer {
                Ok(output) => outputs.push(output),
                // A vote of those the budget had room for would be another ensemble's.
                Err(Error::Lm(error))
                    if matches!(error.kind(), LmErrorKind::Budget | LmErrorKind::Cancelled) =>
                {
                    return Err(Error::Lm(error));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        match first {
            Some(error) if outputs.is_empty() => Err(error),
            _ => (self.reduce)(outputs),
        }
    }
}

/// The members with their paths.
struct Members<M>(Vec<M>);

impl<M: Parameters> Parameters for Members<M> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("members", |path| self.0.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("members", |path| self.0.visit_mut(path, visit));
    }
}

impl<M: Module> Parameters for Ensemble<M> {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("members", |path| self.members.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("members", |path| self.members.visit_mut(path, visit));
    }
}

impl<M: Module + fmt::Debug> fmt::Debug for Ensemble<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ensemble")
            .field("members", &self.members)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

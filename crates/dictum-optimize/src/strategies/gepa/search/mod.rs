//! The search: rounds of proposals, each from a parent on a minibatch to a candidate on the validation set.

mod rounds;

use std::collections::HashSet;
use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::lm::Settings;

use super::How;
use super::acceptance::{Selection, gain, sums};
use super::batches::Batches;
use super::components::Turn;
use super::lane::{Lane, Question, Rows, Stage};
use super::merge::Merged;
use super::pool::Pool;
use super::proposal::{Asking, Lesson};
use super::reflect;
use super::tally::Tally;
use crate::candidate::{Candidate, InputKey};
use crate::plan::{Component, Plan};
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

pub(super) struct Search {
    plan: Plan,
    how: How,
    /// What proposals put into other words.
    components: Vec<Component>,
    /// Their words in the program as it is.
    first: Vec<String>,
    pool: Pool,
    batches: Batches,
    lanes: Vec<Lane>,
    /// How many jobs of each lane were asked for last.
    asked: Vec<usize>,
    /// Most rollouts.
    limit: usize,
    /// Rollouts asked for: the engine does none twice, and none counts twice.
    rollouts: HashSet<(String, String, bool)>,
    /// Children made so far, by id.
    seen: HashSet<String>,
    /// Whether rollouts on the validation set are shared with those on minibatches, for both are the same data.
    same_data: bool,
    merged: Merged,
    merges_due: usize,
    /// Whether the last round found a candidate.
    found: bool,
    tally: Tally,
    /// Questions asked so far: each is another sample.
    questions: u64,
    /// Rounds of reflections so far.
    rounds: u64,
    /// Rounds without a new rollout, since the last one with.
    idle: usize,
    /// Rollouts when this was last looked at.
    before: usize,
    /// How many proposals there were when the best was found, and its mean.
    best: (usize, f64),
    /// Why the search ended.
    over: Option<String>,
}

impl Search {
    pub(super) fn new(plan: Plan, how: How) -> Self {
        let components = plan.components();
        let train: HashSet<InputKey> = plan
            .trainset
            .iter()
            .map(|example| InputKey::of(example))
            .collect();
        Self {
            first: components.iter().map(Component::own_words).collect(),
            pool: Pool::new(how.frontier, plan.failure_score),
            batches: Batches::new(plan.trainset.len(), how.minibatch, plan.seed),
            lanes: Vec::new(),
            asked: Vec::new(),
            limit: how
                .rollouts
                .limit(components.len(), plan.trainset.len(), plan.valset.len()),
            rollouts: HashSet::new(),
            seen: HashSet::from([plan.baseline.id().to_owned()]),
            same_data: plan
                .valset
                .iter()
                .all(|example| train.contains(&InputKey::of(example))),
            merged: Merged::default(),
            merges_due: 0,
            found: false,
            tally: Tally::default(),
            questions: 0,
            rounds: 0,
            idle: 0,
            before: 0,
            best: (0, f64::NEG_INFINITY),
            over: None,
            components,
            plan,
            how,
        }
    }

    fn jobs(&self, lane: &Lane) -> Vec<Job> {
        let train = |candidate: &Arc<Candidate>, rows: &[usize]| {
            let examples = rows.iter().filter_map(|place| self.plan.trainset.get(*place));
            examples
                .map(|example| Job::new(candidate.clone(), example.clone()).with_steps())
                .collect()
        };
        let val = |candidate: &Arc<Candidate>, place: usize| {
            let job = Job::new(candidate.clone(), self.plan.valset.get(place)?.clone());
            // The engine has scored the program as it is without steps already.
            let shared = self.same_data && candidate.id() != self.plan.baseline.id();
            Some(if shared { job.with_steps() } else { job })
        };
        match (lane.stage, &lane.child, &lane.rows) {
            (Stage::Minibatch, _, Rows::Train(rows, _)) => {
                let parent = lane.parents.first().and_then(|place| self.pool.get(*place));
                parent.map_or_else(Vec::new, |parent| train(&parent.considered.candidate, rows))
            }
            (Stage::Reflect | Stage::Shorten, ..) => {
                let settings = Settings {
                    temperature: self.how.temperature,
                    ..Settings::default()
                };
                let questions = lane.questions.iter();
                let job = |question: &Question| {
                    Job::question(&question.asked, question.inputs.clone())
                        .sample(question.sample)
                        .settings(settings.clone())
                };
                questions.map(job).collect()
            }
            (Stage::Trial, Some(child), Rows::Train(rows, _)) => train(child, rows),
            (Stage::Trial, Some(child), Rows::Val(rows)) => {
                rows.iter().filter_map(|place| val(child, *place)).collect()
            }
            (Stage::Validate, Some(child), _) => (0..self.plan.valset.len())
                .filter_map(|place| val(child, place))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Counts the rollouts that were not asked for before, and says how many there were.
    fn count(&mut self, stage: Stage, merges: bool, jobs: &[Job]) -> usize {
        if matches!(stage, Stage::Reflect | Stage::Shorten) {
            return 0;
        }
        let mut fresh = 0;
        for job in jobs {
            let (candidate, example) = (job.candidate.id().to_owned(), job.example.id().to_owned());
            fresh += usize::from(self.rollouts.insert((candidate, example, job.steps)));
        }
        if stage == Stage::Validate || merges {
            self.tally.validation += fresh;
        } else {
            self.tally.minibatch += fresh;
        }
        fresh
    }

    /// When all lanes of a round that can wait do: who goes on. Says whether anyone does.
    fn choose(&mut self) -> bool {
        let waiting = |lane: &&mut Lane| lane.stage == Stage::Accepted;
        let gains: Vec<f64> = self
            .lanes
            .iter_mut()
            .filter(waiting)
            .map(|lane| lane.gain)
            .collect();
        let chosen = self.how.selection.of(&gains);
        for (place, lane) in self.lanes.iter_mut().filter(waiting).enumerate() {
            if chosen.contains(&place) {
                lane.stage = Stage::Validate;
            } else {
                lane.stage = Stage::Over;
                self.tally.rejected += 1;
                // Not remembered as one that did no better: it did.
            }
        }
        !chosen.is_empty()
    }

    fn told(&mut self, lane: &mut Lane, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        let cut = done.iter().any(Option::is_none);
        match lane.stage {
            Stage::Validate => self.scored(lane, done)?,
            _ if cut => lane.stage = Stage::Over,
            Stage::Minibatch => self.seen_parent(lane, &done)?,
            Stage::Reflect | Stage::Shorten => self.proposed(lane, &done)?,
            Stage::Trial => self.tried(lane, &done),
            Stage::Accepted | Stage::Over => {}
        }
        Ok(())
    }

    /// The scores of rows that say something about the program.
    fn row_scores(&self, done: &[Option<Arc<Done>>]) -> Vec<Option<f64>> {
        let told = |done: &Arc<Done>| reflect::tells_of_program(done);
        let score = |done: &Option<Arc<Done>>| {
            let done = done.as_ref().filter(|done| told(done))?;
            done.row.score(self.plan.failure_score)
        };
        done.iter().map(score).collect()
    }

    /// The parent has answered its minibatch: what is asked about it?
    fn seen_parent(&mut self, lane: &mut Lane, done: &[Option<Arc<Done>>]) -> Result<()> {
        let scores = self.row_scores(done);
        lane.stage = Stage::Over;
        let counted: Vec<f64> = scores.iter().copied().flatten().collect();
        if self.how.skip_perfect && counted.iter().all(|score| *score >= self.how.showing.perfect) {
            self.tally.perfect += usize::from(!counted.is_empty());
            self.tally.silent += usize::from(counted.is_empty());
            return Ok(());
        }
        let parent = lane.parents.first().copied().unwrap_or_default();
        let Some(member) = self.pool.get(parent) else {
            return Ok(());
        };
        lane.texts = member.texts.clone();
        let mut called = reflect::called(&self.components, done);
        if let Some(only) = &self.how.only {
            for (component, called) in self.components.iter().zip(&mut called) {
                *called &= only.iter().any(|path| path == component.path());
            }
        }
        let (places, turn) = match &self.how.selector {
            Some(selector) => {
                let paths: Vec<String> = self
                    .components
                    .iter()
                    .map(|component| component.path().to_owned())
                    .collect();
                let turn = Turn {
                    paths: &paths,
                    words: &lane.texts,
                    called: &called,
                    rollouts: done,
                    scores: &scores,
                    turn: member.turn,
                };
                (selector.pick(&turn), member.turn + 1)
            }
            None => self.how.components.pick(member.turn, &called),
        };
        self.pool.set_turn(parent, turn);
        for place in places {
            let (Some(component), Some(current)) = (self.components.get(place), lane.texts.get(place)) else {
                continue;
            };
            let examples = self.how.showing.examples(component, done, self.plan.seed);
            if examples.is_empty() {
                continue;
            }
            let lesson = Lesson {
                component,
                current,
                examples: &examples,
                tried: &self.tally.tried(parent, place),
            };
            let (asked, inputs) = self.how.asking.ask(lesson)?;
            self.questions += 1;
            lane.questions.push(Question {
                component: place,
                asked,
                inputs,
                sample: self.questions,
            });
        }
        if lane.questions.is_empty() {
            self.tally.silent += 1;
            return Ok(());
        }
        if let Rows::Train(_, before) = &mut lane.rows {
            *before = scores;
        }
        self.tally.proposals += 1;
        lane.number = self.tally.proposals;
        lane.stage = Stage::Reflect;
        Ok(())
    }

    /// The proposer has answered: is there something new to try?
    fn proposed(&mut self, lane: &mut Lane, done: &[Option<Arc<Done>>]) -> Result<()> {
        let shortened = lane.stage == Stage::Shorten;
        let mut longer = Vec::new();
        for (question, done) in std::mem::take(&mut lane.questions).into_iter().zip(done) {
            let Some(text) = Asking::read(done.as_ref().and_then(|done| done.prediction())) else {
                continue;
            };
            let Some(component) = self.components.get(question.component) else {
                continue;
            };
            match self.how.asking.shorten(component, &text)? {
                Some(_) if shortened => self.tally.too_long += 1,
                Some((asked, inputs)) => {
                    self.questions += 1;
                    longer.push(Question {
                        asked,
                        inputs,
                        sample: self.questions,
                        ..question
                    });
                }
                None => {
                    if let Some(current) = lane.texts.get_mut(question.component) {
                        *current = text;
                        lane.changed.push(question.component);
                    }
                }
            }
        }
        if !longer.is_empty() {
            lane.questions = longer;
            lane.stage = Stage::Shorten;
            return Ok(());
        }
        lane.stage = Stage::Over;
        if lane.changed.is_empty() {
            self.tally.unreadable += usize::from(!shortened);
            return Ok(());
        }
        self.make(lane);
        if lane.child.is_some() {
            lane.stage = Stage::Trial;
        } else {
            self.tally.repeated += 1;
        }
        Ok(())
    }

    /// The child has answered: is it better?
    fn tried(&mut self, lane: &mut Lane, done: &[Option<Arc<Done>>]) {
        let after = self.row_scores(done);
        let accepted = match &lane.rows {
            Rows::Train(_, before) => {
                lane.gain = gain(before, &after);
                self.how.acceptance.accepts(lane.gain)
            }
            Rows::Val(rows) => lane.parents.iter().all(|parent| {
                let scores = self.pool.scores(*parent);
                let before: Vec<Option<f64>> = rows
                    .iter()
                    .map(|row| scores.get(*row).copied().flatten())
                    .collect();
                let (before, after) = sums(&before, &after);
                after >= before
            }),
        };
        if accepted {
            let at_once = self.how.selection == Selection::All || self.how.sampling.steady() || lane.merges();
            lane.stage = if at_once { Stage::Validate } else { Stage::Accepted };
        } else {
            lane.stage = Stage::Over;
            if !lane.merges() {
                self.tally.rejected += 1;
                self.tally.remember(lane);
            }
        }
    }

    /// The child is scored.
    fn scored(&mut self, lane: &mut Lane, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        lane.stage = Stage::Over;
        let Some(child) = &lane.child else {
            return Ok(());
        };
        let texts = std::mem::take(&mut lane.texts);
        self.pool.add(child, texts, lane.parents.clone(), done)?;
        if lane.merges() {
            self.tally.merged += 1;
            self.merges_due = self.merges_due.saturating_sub(1);
        } else if !lane.parents.is_empty() {
            self.tally.accepted += 1;
            self.found = true;
            if self.tally.merged < self.how.max_merges {
                self.merges_due += 1;
            }
        }
        if let Some((_, mean)) = self.pool.best()
            && mean > self.best.1
        {
            self.best = (self.tally.proposals, mean);
        }
        Ok(())
    }
}

/// What a batch is for; `mixed` when its proposals are at different stages.
fn phase(stages: &[Stage]) -> &'static str {
    let name = |stage: &Stage| match stage {
        Stage::Reflect | Stage::Shorten => "reflect",
        Stage::Minibatch | Stage::Trial => "minibatch",
        Stage::Accepted | Stage::Validate | Stage::Over => "search",
    };
    let mut names = stages.iter().map(name);
    let first = names.next().unwrap_or("search");
    if names.all(|other| other == first) {
        first
    } else {
        "mixed"
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        loop {
            if let Err(why) = self.refill() {
                self.over = Some(why);
                return Ask::Finished;
            }
            let mut jobs = Vec::new();
            let mut stages = Vec::new();
            self.asked.clear();
            for place in 0..self.lanes.len() {
                let Some(lane) = self.lanes.get(place) else { break };
                let (stage, merges, more) = (lane.stage, lane.merges(), self.jobs(lane));
                let fresh = self.count(stage, merges, &more);
                if let Some(lane) = self.lanes.get_mut(place) {
                    lane.spent += fresh;
                }
                self.asked.push(more.len());
                if !more.is_empty() {
                    stages.push(stage);
                }
                jobs.extend(more);
            }
            if !jobs.is_empty() {
                return Ask::Rollouts(Batch {
                    phase: phase(&stages),
                    jobs,
                });
            }
            if !self.choose() {
                for lane in &mut self.lanes {
                    lane.stage = Stage::Over;
                }
            }
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        let mut rest = done.into_iter();
        let mut lanes = std::mem::take(&mut self.lanes);
        for (lane, count) in lanes.iter_mut().zip(std::mem::take(&mut self.asked)) {
            let mine: Vec<Option<Arc<Done>>> = rest.by_ref().take(count).collect();
            if count > 0 {
                self.told(lane, mine)?;
            }
        }
        self.lanes = lanes;
        Ok(())
    }

    fn best(&self) -> Choice {
        let members = self.pool.members().iter();
        Choice {
            best: self
                .pool
                .best()
                .map(|(member, _)| member.considered.candidate.clone()),
            candidates: members.map(|member| member.considered.clone()).collect(),
            notes: [Some(self.tally.words(self.limit)), self.over.clone()]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

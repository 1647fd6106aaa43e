//! The search: explore a batch, make programs from what it showed, try them on it, score the winner.

use std::collections::HashSet;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::evaluate::stats::mean;
use dictum_core::lm::Settings;

use super::How;
use super::advice::{self, Advisor};
use super::bucket::{self, Attempt, Bucket};
use super::edit;
use crate::candidate::{Candidate, Role};
use crate::plan::Plan;
use crate::rng::Rng;
use crate::scoreboard::Scoreboard;
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

/// A program with its scores on batches so far.
struct Known {
    candidate: Arc<Candidate>,
    scores: Vec<f64>,
}

/// A program in the making.
struct Draft {
    candidate: Candidate,
    /// Questions for rules, by the path of the predictor each is for.
    questions: Vec<(String, Job)>,
    rules: Vec<(String, String)>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// The program as it is goes on the board.
    Baseline,
    Explore,
    Propose,
    Try,
    Validate,
}

pub(super) struct Search {
    plan: Plan,
    how: How,
    advisor: Advisor,
    board: Scoreboard,
    stage: Stage,
    step: usize,
    /// The program as it is, then all that were tried.
    pool: Vec<Known>,
    ids: HashSet<String>,
    /// The trainset in the order of this pass, from the next example on.
    waiting: Vec<Arc<Example>>,
    passes: usize,
    batch: Vec<Arc<Example>>,
    drafts: Vec<Draft>,
    /// The programs being tried.
    fresh: Vec<Arc<Candidate>>,
    /// This step's winner.
    winner: Option<Arc<Candidate>>,
}

impl Search {
    pub(super) fn new(plan: Plan, how: How) -> Result<Self> {
        let board = Scoreboard::new(plan.valset.clone(), plan.failure_score);
        let board = match how.racing {
            Some(rate) => board.racing(rate, plan.seed),
            None => board,
        };
        Ok(Self {
            advisor: Advisor::new(&plan)?,
            board,
            stage: Stage::Baseline,
            step: 0,
            pool: vec![Known {
                candidate: plan.baseline.clone(),
                scores: Vec::new(),
            }],
            ids: HashSet::from([plan.baseline.id().to_owned()]),
            waiting: Vec::new(),
            passes: 0,
            batch: Vec::new(),
            drafts: Vec::new(),
            fresh: Vec::new(),
            winner: None,
            plan,
            how,
        })
    }

    fn rng(&self, purpose: &str, number: usize) -> Rng {
        Rng::of(&("simba", purpose, self.plan.seed, self.step, number))
    }

    /// The next examples of the trainset, which is shuffled anew for each pass. What is left of a pass and fills no batch is
    /// passed over.
    fn next_batch(&mut self) {
        let size = self.how.batch.min(self.plan.trainset.len());
        if self.waiting.len() < size {
            self.waiting = self.plan.trainset.clone();
            Rng::of(&("simba", "pass", self.plan.seed, self.passes)).shuffle(&mut self.waiting);
            self.passes += 1;
        }
        self.batch = self.waiting.drain(..size).collect();
    }

    /// The best programs by their mean so far, the program as it is always among them.
    fn best_known(&self) -> Vec<(Arc<Candidate>, f64)> {
        let mut known: Vec<(usize, f64)> = self
            .pool
            .iter()
            .enumerate()
            .map(|(place, known)| (place, mean(&known.scores).unwrap_or(0.0)))
            .collect();
        known.sort_by(|a, b| b.1.total_cmp(&a.1));
        let baseline = known.iter().find(|(place, _)| *place == 0).copied();
        known.truncate(self.how.candidates);
        if let Some(baseline) = baseline
            && !known.iter().any(|(place, _)| *place == 0)
        {
            known.pop();
            known.push(baseline);
        }
        let candidates = known
            .into_iter()
            .filter_map(|(place, mean)| Some((self.pool.get(place)?.candidate.clone(), mean)));
        candidates.collect()
    }

    /// Draws one by a softmax over the means.
    fn draw(&self, known: &[(Arc<Candidate>, f64)], temperature: f64, rng: &mut Rng) -> Arc<Candidate> {
        let best = known.iter().map(|(_, mean)| *mean).fold(f64::MIN, f64::max);
        let weights: Vec<f64> = known
            .iter()
            .map(|(_, mean)| ((mean - best) / temperature).exp())
            .collect();
        let drawn = rng.weighted(&weights).and_then(|place| known.get(place));
        drawn.map_or_else(|| self.plan.baseline.clone(), |(candidate, _)| candidate.clone())
    }

    /// All of the batch, once for each of the candidates a step has.
    fn explore(&mut self) -> Vec<Job> {
        self.next_batch();
        let known = self.best_known();
        let taught = self.plan.teacher.role() == Role::Teacher;
        let mut jobs = Vec::with_capacity(self.how.candidates * self.batch.len());
        for turn in 0..self.how.candidates {
            let mut rng = self.rng("explore", turn);
            for example in &self.batch {
                let drawn = self.draw(&known, self.how.sampling, &mut rng);
                let candidate = match turn {
                    0 if taught => Arc::new(drawn.as_role(Role::Teacher)),
                    _ => drawn,
                };
                let settings = Settings {
                    temperature: Some(self.how.temperature),
                    ..Settings::default()
                };
                // Another sample in each step: the same program may meet the same example again.
                let sample = (self.step * self.how.candidates + turn) as u64;
                jobs.push(
                    Job::new(candidate, example.clone())
                        .sample(sample)
                        .settings(settings)
                        .with_steps(),
                );
            }
        }
        jobs
    }

    /// What came of the exploration, by example, with most to learn first.
    fn buckets(&self, done: &[Option<Arc<Done>>]) -> Vec<Bucket> {
        let size = self.batch.len();
        let attempts = |place: usize| {
            let mine = done.iter().skip(place).step_by(size.max(1)).flatten();
            let scored = mine.filter_map(|done| {
                let score = done.row.score(self.plan.failure_score)?;
                Some(Attempt {
                    score,
                    done: done.clone(),
                })
            });
            Bucket::new(scored.collect())
        };
        let mut buckets: Vec<Bucket> = (0..size).filter_map(attempts).collect();
        bucket::sort(&mut buckets);
        buckets
    }

    /// Drafts of new programs, a bucket each.
    fn draft(&self, buckets: &[Bucket]) -> Vec<Draft> {
        let scores: Vec<f64> = buckets.iter().flat_map(Bucket::scores).collect();
        let (low, high) = (bucket::percentile(&scores, 0.1), bucket::percentile(&scores, 0.9));
        let known = self.best_known();
        let mut drafts: Vec<Draft> = Vec::new();
        for (number, bucket) in buckets.iter().enumerate() {
            if drafts.len() > self.how.candidates {
                break;
            }
            let (Some(good), Some(bad)) = (bucket.best(), bucket.worst()) else {
                continue;
            };
            // What is no better than the worst tenth of the batch is nothing to learn from.
            if good.score <= low {
                continue;
            }
            let mut rng = self.rng("change", number);
            let source = self.draw(&known, self.how.sources, &mut rng);
            let id = good.done.row.example.id();
            let demo = self.how.max_demos > 0 && rng.below(2) == 0;
            let label = format!("{} {}: {id}", self.step + 1, if demo { "demo" } else { "rule" });
            let candidate = edit::drop_demos(&source, &label, &self.plan, self.how.max_demos, &mut rng);
            let draft = if demo {
                let candidate = edit::append_demo(candidate, &self.plan, good, self.how.max_field_chars);
                Draft {
                    candidate,
                    questions: Vec::new(),
                    rules: Vec::new(),
                }
            } else {
                if bad.score >= high {
                    continue;
                }
                // Attempts that are equally good show only one side.
                let (better, worse) = match good.score > bad.score {
                    true => (Some(good), Some(bad)),
                    false if good.score > high => (Some(good), None),
                    false => (None, Some(bad)),
                };
                let sample = (self.step * 1_000 + number) as u64;
                let questions = self
                    .advisor
                    .questions(&self.plan, &candidate, better, worse, sample);
                if questions.is_empty() {
                    continue;
                }
                Draft {
                    candidate,
                    questions,
                    rules: Vec::new(),
                }
            };
            let known = |id: &str| {
                drafts
                    .iter()
                    .any(|draft| draft.questions.is_empty() && draft.candidate.id() == id)
            };
            let id = draft.candidate.id();
            if draft.questions.is_empty() && (self.ids.contains(id) || known(id)) {
                continue;
            }
            drafts.push(draft);
        }
        drafts
    }

    /// The drafts as programs, without those known already.
    fn finish_drafts(&mut self) {
        self.fresh.clear();
        for draft in std::mem::take(&mut self.drafts) {
            let asked = !draft.questions.is_empty();
            if asked && draft.rules.is_empty() {
                continue;
            }
            let candidate = edit::append_rules(draft.candidate, &self.plan, &draft.rules);
            if self.ids.insert(candidate.id().to_owned()) {
                self.fresh.push(Arc::new(candidate));
            }
        }
    }

    /// Whether this step's winner is scored on the validation set: of many steps only evenly spaced ones.
    fn validates(&self) -> bool {
        let (steps, shots) = (self.how.steps, self.how.candidates);
        steps <= shots
            || (1..=shots).any(|shot| {
                let step = (shot * steps) as f64 / shots as f64;
                step.round() as usize == self.step + 1
            })
    }

    fn tried(&mut self, done: &[Option<Arc<Done>>]) {
        let rows = self.batch.len().max(1);
        let mut best: Option<(Arc<Candidate>, f64)> = None;
        let candidates = [self.plan.baseline.clone()]
            .into_iter()
            .chain(self.fresh.drain(..));
        for (place, (candidate, done)) in candidates.zip(done.chunks(rows)).enumerate() {
            let whole = done.iter().all(Option::is_some);
            let scores: Vec<f64> = done
                .iter()
                .flatten()
                .filter_map(|done| done.row.score(self.plan.failure_score))
                .collect();
            let average = mean(&scores);
            if place == 0 {
                if let Some(baseline) = self.pool.first_mut() {
                    baseline.scores.extend(scores);
                }
                continue;
            }
            if let Some(average) = average.filter(|_| whole)
                && best.as_ref().is_none_or(|(_, so_far)| average > *so_far)
            {
                best = Some((candidate.clone(), average));
            }
            self.pool.push(Known { candidate, scores });
        }
        self.winner = best.map(|(winner, _)| winner);
    }

    fn next_step(&mut self) {
        self.step += 1;
        self.stage = Stage::Explore;
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        loop {
            let (phase, jobs) = match self.stage {
                Stage::Baseline => ("validate", self.board.ask(vec![self.plan.baseline.clone()])),
                Stage::Explore if self.step >= self.how.steps => return Ask::Finished,
                Stage::Explore => ("explore", self.explore()),
                Stage::Propose => {
                    let questions = self.drafts.iter().flat_map(|draft| &draft.questions);
                    ("propose", questions.map(|(_, job)| job.clone()).collect())
                }
                Stage::Try => {
                    self.finish_drafts();
                    let tried = [&self.plan.baseline].into_iter().chain(&self.fresh);
                    let jobs = tried.flat_map(|candidate| {
                        let on = |example: &Arc<Example>| Job::new(candidate.clone(), example.clone());
                        self.batch.iter().map(on)
                    });
                    let jobs = if self.fresh.is_empty() {
                        Vec::new()
                    } else {
                        jobs.collect()
                    };
                    ("try", jobs)
                }
                Stage::Validate => {
                    let jobs = match self.winner.take() {
                        Some(winner) if self.validates() => self.board.ask(vec![winner]),
                        _ => self.board.more(),
                    };
                    ("validate", jobs)
                }
            };
            if !jobs.is_empty() {
                return Ask::Rollouts(Batch { phase, jobs });
            }
            match self.stage {
                Stage::Propose => self.stage = Stage::Try,
                Stage::Baseline => self.stage = Stage::Explore,
                Stage::Explore | Stage::Try | Stage::Validate => self.next_step(),
            }
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match self.stage {
            Stage::Baseline => {
                self.board.tell(done);
                self.stage = Stage::Explore;
            }
            Stage::Explore => {
                let buckets = self.buckets(&done);
                self.drafts = self.draft(&buckets);
                self.stage = Stage::Propose;
            }
            Stage::Propose => {
                let mut answers = done.iter();
                for draft in &mut self.drafts {
                    for (path, _) in &draft.questions {
                        let answer = answers.next().and_then(Option::as_ref);
                        draft
                            .rules
                            .extend(advice::rule(answer).map(|rule| (path.clone(), rule)));
                    }
                }
                self.stage = Stage::Try;
            }
            Stage::Try => {
                self.tried(&done);
                self.stage = Stage::Validate;
            }
            Stage::Validate => self.board.tell(done),
        }
        Ok(())
    }

    fn best(&self) -> Choice {
        Choice {
            best: self.board.best().map(|(candidate, _)| candidate),
            candidates: self.board.candidates().to_vec(),
            notes: self.board.saved().into_iter().collect(),
        }
    }
}

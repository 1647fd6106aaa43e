//! [`Copro`]: better instructions, step by step, from those that were tried.

use std::collections::HashSet;
use std::sync::Arc;

use dictum_core::error::{Error, Result};
use dictum_core::evaluate::stats::mean;
use serde_json::{Value, json};

use super::propose::{Facts, Instructor, program_text};
use crate::candidate::{Candidate, Role};
use crate::options::{Options, optimizer, proposer_options};
use crate::plan::{Component, Plan, Recipe};
use crate::rng::Rng;
use crate::scoreboard::Scoreboard;
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

/// Proposes instructions for every predictor, scores them, shows the proposer what was tried with its scores from worst
/// to best, and goes on from there. Predictors are taken one after the other: each gets its best instruction before the
/// next is looked at. Texts the program declares ([`TextParameter`](dictum_core::program::TextParameter)) take their turns
/// after the predictors, with proposals by their purpose. The best program on the validation set wins; among equals the one tried first.
///
/// Other than DSPy's `COPRO`:
/// - Candidates are scored on the validation set (a quarter of the trainset is set apart when there is none). DSPy
///   scores on the whole trainset, and reports that score.
/// - Only instructions are optimized. DSPy also proposes a prefix for the output, which no adapter renders.
/// - In later rounds a predictor's new instructions are scored beside its current one and the three best of those
///   before. DSPy scores all of them again, for the other predictors changed meanwhile. What comes out as the same
///   program is scored once.
/// - The proposer is shown the step and, of a program of several, all steps. It must not copy from examples, and sees
///   none. Fences, quotes and labels are taken off its answers; empty, refused and overlong ones are noted and not
///   used; equal ones count once.
/// - Proposals of all predictors are asked for at once.
/// - [`Copro::racing`] stops scoring candidates that can no longer win.
/// - The program as it is is a candidate, and the winner is compared with it by a paired test.
#[derive(Debug, Clone)]
pub struct Copro {
    options: Options,
    breadth: usize,
    depth: usize,
    temperature: f64,
    racing: Option<f64>,
}

optimizer!(Copro);
proposer_options!(Copro);

impl Copro {
    /// 10 instructions for each predictor in each of 3 rounds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            breadth: 10,
            depth: 3,
            temperature: 1.4,
            racing: None,
        }
    }

    /// How many instructions are tried for each predictor in a round, at least 2; 10 if not set. In the first round the
    /// predictor's own is one of them.
    #[must_use]
    pub fn breadth(mut self, instructions: usize) -> Self {
        self.breadth = instructions;
        self
    }

    /// How many rounds there are, at least 1; 3 if not set. From the second on, the proposer sees what was tried.
    #[must_use]
    pub fn depth(mut self, rounds: usize) -> Self {
        self.depth = rounds;
        self
    }

    /// The temperature instructions are proposed at; 1.4 if not set, which small models don't bear well.
    #[must_use]
    pub fn proposal_temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    /// Stops scoring a candidate when it can no longer win. One that would have won is dropped with at most this
    /// probability (0.05, say). If not set, all are scored in full. The report says what it saved. The proposer is then
    /// shown the score on the rows that were run.
    #[must_use]
    pub fn racing(mut self, error_rate: f64) -> Self {
        self.racing = Some(error_rate);
        self
    }
}

impl Recipe for Copro {
    fn name(&self) -> &'static str {
        "COPRO"
    }

    fn settings(&self) -> Value {
        json!({
            "breadth": self.breadth,
            "depth": self.depth,
            "proposal_temperature": self.temperature,
            "racing": self.racing,
        })
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        if self.breadth < 2 {
            let words = "must be at least 2: the predictor's own instruction and one to compare it with";
            return Err(Error::input("breadth", words));
        }
        if self.depth == 0 {
            return Err(Error::input("depth", "must be at least 1"));
        }
        let board = Scoreboard::new(plan.valset.clone(), plan.failure_score);
        let components = plan.components();
        let steps = (components.len() > 1).then(|| program_text(&plan.predictors, &plan.texts));
        let tried = |component| Tried {
            component,
            attempts: vec![Attempt {
                text: None,
                score: None,
            }],
            fresh: Vec::new(),
            current: 0,
        };
        Ok(Box::new(Search {
            tried: components.into_iter().map(tried).collect(),
            instructor: Instructor::new(steps, Facts::default(), self.temperature),
            board: match self.racing {
                Some(rate) => board.racing(rate, plan.seed),
                None => board,
            },
            breadth: self.breadth,
            depth: self.depth,
            round: 0,
            at: None,
            asked: Asked::Scores,
            proposed: Vec::new(),
            scoring: Vec::new(),
            seen: HashSet::new(),
            plan,
        }))
    }
}

/// So many of the best instructions of earlier rounds are scored again, in the program as it has become.
const AGAIN: usize = 3;

/// One instruction.
#[derive(Debug)]
struct Attempt {
    /// `None` for what the predictor has.
    text: Option<String>,
    /// The best mean it was seen with.
    score: Option<f64>,
}

/// What was tried for one component.
#[derive(Debug)]
struct Tried {
    component: Component,
    attempts: Vec<Attempt>,
    /// The places of those not scored yet.
    fresh: Vec<usize>,
    current: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Proposals,
    Scores,
}

struct Search {
    plan: Plan,
    breadth: usize,
    depth: usize,
    /// Rounds begun.
    round: usize,
    /// The predictor whose instructions are being scored.
    at: Option<usize>,
    tried: Vec<Tried>,
    instructor: Instructor,
    board: Scoreboard,
    asked: Asked,
    /// Predictors by the proposals in flight, in their order.
    proposed: Vec<usize>,
    /// Attempts being scored, with the candidates they make.
    scoring: Vec<(usize, String)>,
    /// Ids of the candidates so far.
    seen: HashSet<String>,
}

impl Search {
    /// The round's proposals for all predictors.
    fn propose(&mut self) -> Result<Vec<Job>> {
        let count = self.breadth - usize::from(self.round == 1);
        let mut jobs = Vec::new();
        for (place, tried) in self.tried.iter().enumerate() {
            let history = (self.round > 1).then(|| tried.history(self.breadth));
            for number in 0..count {
                let base = Rng::of(&("sample", self.plan.seed, self.round)).below(1 << 16);
                let sample = (base * 4_096 + number) as u64;
                jobs.push(match &history {
                    Some(history) => self.instructor.ask_after(&tried.component, history, sample)?,
                    None => self.instructor.ask(&tried.component, &[], "", sample)?,
                });
                self.proposed.push(place);
            }
        }
        Ok(jobs)
    }

    fn read(&mut self, done: &[Option<Arc<Done>>]) {
        for (place, done) in std::mem::take(&mut self.proposed).into_iter().zip(done) {
            let Some(text) = self.instructor.read(done.as_ref()) else {
                continue;
            };
            if let Some(tried) = self.tried.get_mut(place) {
                let own = tried.component.own_words();
                let known = |attempt: &Attempt| attempt.text.as_ref().unwrap_or(&own) == &text;
                if !tried.attempts.iter().any(known) {
                    tried.fresh.push(tried.attempts.len());
                    tried.attempts.push(Attempt {
                        text: Some(text),
                        score: None,
                    });
                }
            }
        }
    }

    /// Scores what there is for one predictor: its current instruction, the new ones, and the best of before.
    fn score(&mut self, at: usize) -> Vec<Job> {
        let several = self.tried.len() > 1;
        let Some(tried) = self.tried.get_mut(at) else {
            return Vec::new();
        };
        let mut places = vec![tried.current];
        places.append(&mut tried.fresh);
        if several {
            let mut before = tried.by_score();
            before.retain(|place| !places.contains(place));
            places.extend(before.into_iter().take(AGAIN));
        }
        let candidates: Vec<(usize, Candidate)> = places
            .into_iter()
            .map(|place| (place, self.candidate(at, place)))
            .collect();
        self.scoring = candidates
            .iter()
            .map(|(place, candidate)| (*place, candidate.id().to_owned()))
            .collect();
        let fresh = candidates.into_iter().map(|(_, candidate)| candidate);
        let fresh = fresh.filter(|candidate| self.seen.insert(candidate.id().to_owned()));
        self.board.ask(fresh.map(Arc::new).collect())
    }

    /// The program with this instruction for one predictor and the current ones for the others.
    fn candidate(&self, at: usize, attempt: usize) -> Candidate {
        let base = &self.plan.baseline;
        let mut label = Vec::new();
        let mut candidate = Candidate::new("", Role::Student, base.overlay().clone());
        let choices: Vec<usize> = self
            .tried
            .iter()
            .enumerate()
            .map(|(place, tried)| if place == at { attempt } else { tried.current })
            .collect();
        for (tried, choice) in self.tried.iter().zip(&choices) {
            label.push(match self.tried.len() {
                1 => format!("instruction {choice}"),
                _ => format!("{}: {} {choice}", tried.component.path(), tried.kind()),
            });
        }
        if choices.iter().any(|choice| *choice > 0) {
            candidate = Candidate::new(label.join("; "), Role::Student, base.overlay().clone());
        }
        for (tried, choice) in self.tried.iter().zip(choices) {
            let attempt = tried.attempts.get(choice);
            let words = attempt.and_then(|attempt| attempt.text.clone());
            match &tried.component {
                Component::Instructions(part) => {
                    let mut state = part.state.clone();
                    if words.is_some() {
                        state.instructions = words;
                    }
                    let sources = base.sources_of(&part.path);
                    candidate = candidate.with(&part.path, state, sources);
                }
                Component::Text(text) => {
                    let words = words.as_ref().unwrap_or(&text.text);
                    candidate = candidate.with_text(&text.path, words);
                }
            }
        }
        if candidate.id() == base.id() {
            (**base).clone()
        } else {
            candidate
        }
    }

    /// Gives the predictor its best instruction.
    fn settle(&mut self, at: usize) {
        let Some(tried) = self.tried.get_mut(at) else {
            return;
        };
        let mut best: Option<(usize, f64)> = None;
        for (place, id) in std::mem::take(&mut self.scoring) {
            let known = self
                .board
                .candidates()
                .iter()
                .find(|known| known.candidate.id() == id);
            let Some(known) = known else { continue };
            let so_far = mean(&known.scores(self.plan.failure_score));
            if let Some(attempt) = tried.attempts.get_mut(place) {
                attempt.score = attempt.score.into_iter().chain(so_far).reduce(f64::max);
            }
            if let Some(whole) = known.mean(self.plan.failure_score)
                && best.is_none_or(|(_, other)| whole > other)
            {
                best = Some((place, whole));
            }
        }
        if let Some((place, _)) = best {
            tried.current = place;
        }
    }
}

impl Tried {
    /// What its attempts are called.
    fn kind(&self) -> &'static str {
        match self.component {
            Component::Instructions(_) => "instruction",
            Component::Text(_) => "text",
        }
    }

    /// The places of what was scored, the best first.
    fn by_score(&self) -> Vec<usize> {
        let scored = self.attempts.iter().enumerate();
        let mut scored: Vec<(usize, f64)> = scored
            .filter_map(|(place, attempt)| Some((place, attempt.score?)))
            .collect();
        scored.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        scored.into_iter().map(|(place, _)| place).collect()
    }

    /// The best instructions so far with their scores, the best last.
    fn history(&self, most: usize) -> Vec<(String, f64)> {
        let own = self.component.own_words();
        let best = self.by_score().into_iter().take(most).rev();
        best.filter_map(|place| {
            let attempt = self.attempts.get(place)?;
            Some((
                attempt.text.clone().unwrap_or_else(|| own.clone()),
                attempt.score?,
            ))
        })
        .collect()
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        let jobs = self.board.more();
        if !jobs.is_empty() {
            return Ask::Rollouts(Batch {
                phase: "search",
                jobs,
            });
        }
        loop {
            // What was scored last decides before anything else is asked.
            if let Some(at) = self.at {
                self.settle(at);
            }
            let next = self.at.map_or(0, |at| at + 1);
            if self.round > 0 && next < self.tried.len() {
                self.at = Some(next);
                let jobs = self.score(next);
                if jobs.is_empty() {
                    continue;
                }
                self.asked = Asked::Scores;
                return Ask::Rollouts(Batch {
                    phase: "search",
                    jobs,
                });
            }
            if self.round >= self.depth {
                return Ask::Finished;
            }
            self.round += 1;
            self.at = None;
            match self.propose() {
                Ok(jobs) if !jobs.is_empty() => {
                    self.asked = Asked::Proposals;
                    return Ask::Rollouts(Batch {
                        phase: "propose",
                        jobs,
                    });
                }
                _ => return Ask::Finished,
            }
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match self.asked {
            Asked::Proposals => self.read(&done),
            Asked::Scores => self.board.tell(done),
        }
        Ok(())
    }

    fn best(&self) -> Choice {
        let notes = self.instructor.note().into_iter().chain(self.board.saved());
        Choice {
            best: self.board.best().map(|(candidate, _)| candidate),
            candidates: self.board.candidates().to_vec(),
            notes: notes.collect(),
        }
    }
}

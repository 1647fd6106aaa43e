//! The search: make sets and facts, propose, then try combinations.

use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::program::Demo;

use super::super::propose::{Grounding, Instructor, TIPS, Wanted, program_text};
use super::super::tpe::{Tpe, Trial};
use super::board::Board;
use super::sets::{DemoSet, Sets};
use super::size::Size;
use super::{Grounds, MiproV2};
use crate::candidate::{Candidate, Role};
use crate::plan::{Component, Plan};
use crate::rng::Rng;
use crate::strategy::{Ask, Batch, Choice, Done, Job, Strategy};

/// So many trials are proposed before their scores are known. Part of the algorithm: it must not depend on the machine.
const AT_ONCE: usize = 4;

/// After so many rounds of trials without a rollout the search is over.
const IDLE: usize = 25;

pub(super) struct Search {
    plan: Plan,
    /// What proposals are made for.
    components: Vec<Component>,
    grounds: Grounds,
    zero_shot: bool,
    size: Size,
    stage: Stage,
    sets: Sets,
    /// How many of the jobs in flight are the sets'.
    of_sets: usize,
    grounding: Grounding,
    instructor: Option<Instructor>,
    /// Predictors by the proposals in flight, in their order.
    proposed: Vec<usize>,
    choices: Vec<Choices>,
    tpe: Tpe,
    board: Board,
    trials: Vec<Tried>,
    /// Trials so far, without full evaluations.
    done: usize,
    /// Trials since the last full evaluation.
    since: usize,
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Prepare,
    Propose,
    Baseline,
    Trials,
}

/// What one predictor can be given. The first of each is what it has.
#[derive(Debug, Default)]
struct Choices {
    instructions: Vec<Option<String>>,
    demos: Vec<DemoSet>,
}

#[derive(Debug)]
struct Tried {
    point: Vec<usize>,
    candidate: usize,
}

impl Search {
    pub(super) fn new(recipe: &MiproV2, size: Size, plan: Plan) -> Result<Self> {
        let grounds = recipe.grounds.clone();
        let wanted = match size.instructions {
            // Nothing is proposed.
            0 | 1 => Wanted {
                data: None,
                program: false,
            },
            _ => Wanted {
                data: grounds.data,
                program: grounds.program,
            },
        };
        Ok(Self {
            sets: Sets::new(
                &recipe.how,
                size.sets,
                grounds.demos && size.instructions > 1,
                &plan,
            ),
            grounding: Grounding::new(&plan, wanted)?,
            board: Board::new(&plan.valset, size.validation, plan.failure_score, plan.seed),
            zero_shot: recipe.zero_shot(),
            stage: Stage::Prepare,
            of_sets: 0,
            instructor: None,
            proposed: Vec::new(),
            choices: Vec::new(),
            tpe: Tpe::new(Vec::new()),
            trials: Vec::new(),
            done: 0,
            since: 0,
            notes: Vec::new(),
            components: plan.components(),
            plan,
            grounds,
            size,
        })
    }

    fn prepare(&mut self) -> Vec<Job> {
        let mut jobs = self.sets.ask();
        self.of_sets = jobs.len();
        jobs.extend(self.grounding.ask());
        jobs
    }

    /// All proposals at once: for every predictor as many as are wanted, each with another set of demonstrations and a hint.
    fn propose(&mut self) -> Result<Vec<Job>> {
        let mut sets = self.sets.take(&self.plan, &mut self.notes);
        // A text has no demonstrations: having none is its only choice of them.
        sets.resize_with(self.components.len(), || vec![DemoSet::default()]);
        let facts = self.grounding.facts().clone();
        let steps = self
            .grounds
            .program
            .then(|| program_text(&self.plan.predictors, &self.plan.texts));
        let mut instructor = Instructor::new(steps, facts, self.grounds.temperature);
        let mut jobs = Vec::new();
        for (place, (component, sets)) in self.components.iter().zip(sets).enumerate() {
            for number in 1..self.size.instructions {
                let mut rng = Rng::of(&("tip", self.plan.seed, component.path(), number));
                let tip = match self.grounds.tips {
                    true => TIPS.get(rng.below(TIPS.len())).copied().unwrap_or_default(),
                    false => "",
                };
                // Every proposal begins with another set, and goes on with the next where that has too few.
                let from = sets.iter().cycle().skip(number).take(sets.len());
                let shown = from.filter(|_| self.grounds.demos).flat_map(|set| &set.demos);
                let demos: Vec<Demo> = shown.cloned().collect();
                // Runs of other seeds ask for other samples.
                let sample = Rng::of(&("sample", self.plan.seed)).below(1 << 20) * 64 + number;
                jobs.push(instructor.ask(component, &demos, tip, sample as u64)?);
                self.proposed.push(place);
            }
            let mut demos = sets;
            if self.zero_shot {
                demos.truncate(1);
            }
            self.choices.push(Choices {
                instructions: vec![None],
                demos,
            });
        }
        self.instructor = Some(instructor);
        Ok(jobs)
    }

    fn read_proposals(&mut self, done: &[Option<Arc<Done>>]) {
        let Some(instructor) = &mut self.instructor else {
            return;
        };
        for (place, done) in std::mem::take(&mut self.proposed).into_iter().zip(done) {
            let (Some(text), Some(choices), Some(component)) = (
                instructor.read(done.as_ref()),
                self.choices.get_mut(place),
                self.components.get(place),
            ) else {
                continue;
            };
            let known = choices.instructions.iter().flatten().any(|known| *known == text);
            if !known && text != component.own_words() {
                choices.instructions.push(Some(text));
            }
        }
    }

    /// The program as it is, then the combinations.
    fn baseline(&mut self) -> Vec<Job> {
        let each = self.choices.iter();
        let counts: Vec<usize> = each
            .flat_map(|choices| [choices.instructions.len(), choices.demos.len()])
            .collect();
        let origin = vec![0; counts.len()];
        let all = counts
            .iter()
            .fold(1_usize, |all, count| all.saturating_mul(*count));
        if all.saturating_sub(1) < self.size.trials && self.size.minibatch.is_none() {
            self.size.trials = all.saturating_sub(1);
        }
        if all <= 1 {
            self.size.trials = 0;
            self.notes
                .push("there was nothing to choose from beside the program as it is".into());
        }
        self.tpe = Tpe::new(counts);
        let candidate = self.board.place((*self.plan.baseline).clone());
        self.trials.push(Tried {
            point: origin,
            candidate,
        });
        self.board.ask(candidate, None, Rng::of("baseline"))
    }

    /// The next trials, or a full evaluation of the best that has none; nothing when the search is over.
    fn next(&mut self) -> Vec<Job> {
        let mut idle = 0;
        loop {
            let over = self.done >= self.size.trials;
            if let Some((_, every)) = self.size.minibatch
                && (self.since >= every || (over && self.since > 0))
            {
                self.since = 0;
                let jobs = self.full();
                if !jobs.is_empty() {
                    return jobs;
                }
            }
            if over {
                return Vec::new();
            }
            let jobs = self.some_trials();
            if !jobs.is_empty() {
                return jobs;
            }
            // What is drawn again and again is scored in full: there is nothing else left to draw.
            idle += 1;
            if idle >= IDLE {
                self.size.trials = self.done;
            }
        }
    }

    fn full(&mut self) -> Vec<Job> {
        let Some((candidate, _)) = self.board.best(false) else {
            return Vec::new();
        };
        let point = self.trials.iter().find(|tried| tried.candidate == candidate);
        if let Some(point) = point.map(|tried| tried.point.clone()) {
            // It counts as a trial once more: more is known of it.
            self.trials.push(Tried { point, candidate });
        }
        self.board.ask(candidate, None, Rng::of("full"))
    }

    fn some_trials(&mut self) -> Vec<Job> {
        let mut count = AT_ONCE.min(self.size.trials - self.done);
        if let Some((_, every)) = self.size.minibatch {
            count = count.min(every - self.since);
        }
        let mut history: Vec<Trial> = self
            .trials
            .iter()
            .map(|tried| Trial {
                point: tried.point.clone(),
                value: self.board.mean(tried.candidate),
            })
            .collect();
        let mut jobs = Vec::new();
        let mut running: Vec<usize> = Vec::new();
        for _ in 0..count {
            let mut rng = Rng::of(&("trial", self.plan.seed, self.done));
            let (board, trials) = (&self.board, &self.trials);
            let unwanted = |point: &[usize]| {
                let known = trials.iter().find(|tried| tried.point == point);
                known
                    .is_some_and(|tried| board.is_full(tried.candidate) || running.contains(&tried.candidate))
            };
            let point = self.tpe.next(&history, &unwanted, &mut rng);
            let candidate = self.candidate(&point);
            let candidate = self.board.place(candidate);
            running.push(candidate);
            history.push(Trial {
                point: point.clone(),
                value: None,
            });
            self.trials.push(Tried { point, candidate });
            let rows = self.size.minibatch.map(|(examples, _)| examples);
            jobs.extend(self.board.ask(candidate, rows, rng));
            self.done += 1;
            self.since += 1;
        }
        jobs
    }

    /// The program with the choices of a combination.
    fn candidate(&self, point: &[usize]) -> Candidate {
        let mut candidate = Candidate::new(
            self.label(point),
            Role::Student,
            self.plan.baseline.overlay().clone(),
        );
        let components = self.components.iter().zip(&self.choices);
        for ((component, choices), choice) in components.zip(point.chunks(2)) {
            let (instruction, demos) = pair(choice);
            let part = match component {
                Component::Instructions(part) => part,
                Component::Text(text) => {
                    if let Some(Some(words)) = choices.instructions.get(instruction) {
                        candidate = candidate.with_text(&text.path, words);
                    }
                    continue;
                }
            };
            let mut state = part.state.clone();
            if let Some(Some(text)) = choices.instructions.get(instruction) {
                state.instructions = Some(text.clone());
            }
            let set = choices.demos.get(demos).cloned().unwrap_or_default();
            state.demos = set.demos;
            candidate = candidate.with(&part.path, state, set.sources);
        }
        candidate
    }

    /// What people call a combination: the places of its choices.
    fn label(&self, point: &[usize]) -> String {
        let each = self
            .components
            .iter()
            .zip(point.chunks(2))
            .map(|(component, choice)| {
                let (instruction, demos) = pair(choice);
                let choice = match component {
                    Component::Text(_) => format!("text {instruction}"),
                    Component::Instructions(_) if self.zero_shot => format!("instruction {instruction}"),
                    Component::Instructions(_) => format!("instruction {instruction}, demos {demos}"),
                };
                match self.components.len() {
                    1 => choice,
                    _ => format!("{}: {choice}", component.path()),
                }
            });
        each.collect::<Vec<_>>().join("; ")
    }
}

fn pair(choice: &[usize]) -> (usize, usize) {
    match choice {
        [instruction, demos] => (*instruction, *demos),
        _ => (0, 0),
    }
}

impl Strategy for Search {
    fn ask(&mut self) -> Ask {
        loop {
            let (phase, jobs) = match self.stage {
                Stage::Prepare => ("bootstrap", self.prepare()),
                Stage::Propose => match self.propose() {
                    Ok(jobs) => ("propose", jobs),
                    Err(error) => {
                        // Our own questions are signatures; this can't be, and must not end the run.
                        self.notes.push(format!("nothing was proposed: {error}"));
                        ("propose", Vec::new())
                    }
                },
                Stage::Baseline => ("search", self.baseline()),
                Stage::Trials => ("search", self.next()),
            };
            let empty = jobs.is_empty();
            if !empty {
                // Proposals are asked for once; preparations and trials go on until there are no more.
                return Ask::Rollouts(Batch { phase, jobs });
            }
            self.stage = match self.stage {
                Stage::Prepare => Stage::Propose,
                Stage::Propose => Stage::Baseline,
                Stage::Baseline => Stage::Trials,
                Stage::Trials => return Ask::Finished,
            };
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        match self.stage {
            Stage::Prepare => {
                let (sets, facts) = done.split_at_checked(self.of_sets).unwrap_or((&done, &[]));
                self.sets.tell(sets)?;
                self.grounding.tell(facts);
            }
            Stage::Propose => {
                self.read_proposals(&done);
                self.stage = Stage::Baseline;
            }
            Stage::Baseline => {
                self.board.tell(done);
                self.stage = Stage::Trials;
            }
            Stage::Trials => self.board.tell(done),
        }
        Ok(())
    }

    fn best(&self) -> Choice {
        let mut notes = self.notes.clone();
        notes.extend(self.grounding.note());
        notes.extend(self.instructor.as_ref().and_then(Instructor::note));
        let (used, all) = self.board.sample();
        if used < all {
            notes.push(format!(
                "candidates were scored on a random {used} of the {all} validation examples"
            ));
        }
        Choice {
            best: self
                .board
                .best(true)
                .and_then(|(place, _)| self.board.candidate(place)),
            candidates: self.board.all().to_vec(),
            notes,
        }
    }
}

//! Questions of the search itself: asked in the proposer's context, beside rollouts, journaled and counted.

use std::sync::Arc;

use dictum_core::lm::Budget;
use dictum_core::program::{Overlay, PredictorState};
use dictum_core::signature::SignatureSpec;
use dictum_core::{Record, Result, record};
use dictum_optimize::{
    Ask, Batch, Candidate, Choice, Custom, Done, Job, Outcome, Plan, Recipe, Role, Scoreboard, Strategy,
};
use serde_json::{Value, json};

use crate::simulated::{Simulated, exact, examples, folder, program};

/// Asks for two instructions while the program as it is is scored, then scores what was proposed.
#[derive(Debug, Clone)]
struct Proposing;

impl Recipe for Proposing {
    fn name(&self) -> &'static str {
        "Proposing"
    }

    fn settings(&self) -> Value {
        json!({})
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        Ok(Box::new(State {
            board: Scoreboard::new(plan.valset.clone(), plan.failure_score),
            plan,
            step: 0,
            proposed: Vec::new(),
        }))
    }
}

struct State {
    plan: Plan,
    board: Scoreboard,
    step: usize,
    proposed: Vec<String>,
}

impl Strategy for State {
    fn ask(&mut self) -> Ask {
        self.step += 1;
        match self.step {
            1 => {
                let spec = SignatureSpec::parse("question -> answer").unwrap();
                let asked = Arc::new(Candidate::proposer("instructions", spec));
                let inputs: Record = record! { question: "which instructions are better?" };
                let mut jobs = vec![
                    Job::question(&asked, inputs.clone()),
                    Job::question(&asked, inputs).sample(1),
                ];
                jobs.extend(self.board.ask(vec![self.plan.baseline.clone()]));
                Ask::Rollouts(Batch {
                    phase: "propose",
                    jobs,
                })
            }
            2 => {
                let states = self.proposed.iter().map(|text| {
                    let state = PredictorState {
                        instructions: Some(text.clone()),
                        ..PredictorState::default()
                    };
                    let candidate = Candidate::new(text, Role::Student, Overlay::new());
                    Arc::new(candidate.with("self", state, Vec::new()))
                });
                let jobs = self.board.ask(states.collect());
                Ask::Rollouts(Batch {
                    phase: "search",
                    jobs,
                })
            }
            _ => Ask::Finished,
        }
    }

    fn tell(&mut self, mut done: Vec<Option<Arc<Done>>>) -> Result<()> {
        if self.step == 1 {
            for proposal in done.drain(..2).flatten() {
                let text = proposal.prediction().and_then(|answer| answer.text("answer"));
                self.proposed.push(text.unwrap().to_owned());
            }
        }
        self.board.tell(done);
        Ok(())
    }

    fn best(&self) -> Choice {
        Choice {
            best: self.board.best().map(|(candidate, _)| candidate),
            candidates: self.board.candidates().to_vec(),
            notes: Vec::new(),
        }
    }
}

#[tokio::test]
async fn questions_are_asked_of_the_proposer_and_replayed() {
    let dir = folder("proposals");
    let (train, val) = (examples("train", 10), examples("val", 10));
    let mut files = Vec::new();
    for run in 0..2 {
        let (lm, proposer) = (Simulated::new(), Simulated::new());
        let compiled = Custom::new(Proposing)
            .run_dir(dir.join("run"))
            .budget(Budget::calls(100))
            .proposer_context(&proposer.context())
            .compile(&lm.context(), &program(), &train, &val, exact())
            .await
            .unwrap();
        assert_eq!(compiled.outcome, Outcome::NoSignificantGain);
        if run == 0 {
            assert_eq!(proposer.calls(), 2);
            assert!(lm.calls() > 10);
            let spent: u64 = compiled.report.phases.iter().map(|phase| phase.calls).sum();
            assert_eq!(spent, lm.calls() + 2);
        } else {
            assert_eq!(
                (lm.calls(), proposer.calls()),
                (0, 0),
                "a finished run was asked again"
            );
        }
        files.push(std::fs::read(dir.join("run/program.json")).unwrap());
    }
    assert_eq!(files[0], files[1]);
}

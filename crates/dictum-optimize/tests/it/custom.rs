//! An optimizer of one's own, and what the engine makes of candidates that are worse.

use std::sync::Arc;

use dictum_core::Result;
use dictum_core::program::PredictorState;
use dictum_optimize::{
    Ask, Batch, Choice, Considered, Custom, Done, Outcome, Plan, Recipe, Scoreboard, Strategy,
};
use serde_json::{Value, json};

use crate::simulated::{Simulated, exact, examples, folder, program};

/// Tries these instructions, and insists on the last.
#[derive(Debug, Clone)]
struct Instructions(Vec<&'static str>);

impl Recipe for Instructions {
    fn name(&self) -> &'static str {
        "Instructions"
    }

    fn settings(&self) -> Value {
        json!(self.0)
    }

    fn chooses(&self) -> bool {
        true
    }

    fn strategy(&self, plan: Plan) -> Result<Box<dyn Strategy>> {
        Ok(Box::new(Trying {
            board: Scoreboard::new(plan.valset.clone(), plan.failure_score),
            waiting: self.0.clone(),
            plan,
        }))
    }
}

struct Trying {
    plan: Plan,
    board: Scoreboard,
    waiting: Vec<&'static str>,
}

impl Strategy for Trying {
    fn ask(&mut self) -> Ask {
        let candidates: Vec<_> = self
            .waiting
            .drain(..)
            .map(|text| {
                let state = PredictorState {
                    instructions: Some(text.to_owned()),
                    ..PredictorState::default()
                };
                let part = &self.plan.predictors[0];
                let overlay = dictum_core::program::Overlay::new();
                let candidate =
                    dictum_optimize::Candidate::new(text, dictum_optimize::Role::Student, overlay);
                Arc::new(candidate.with(&part.path, state, Vec::new()))
            })
            .collect();
        match self.board.ask(candidates) {
            jobs if jobs.is_empty() => Ask::Finished,
            jobs => Ask::Rollouts(Batch {
                phase: "search",
                jobs,
            }),
        }
    }

    fn tell(&mut self, done: Vec<Option<Arc<Done>>>) -> Result<()> {
        self.board.tell(done);
        Ok(())
    }

    fn best(&self) -> Choice {
        let candidates: Vec<Considered> = self.board.candidates().to_vec();
        Choice {
            best: candidates.last().map(|last| last.candidate.clone()),
            candidates,
            notes: Vec::new(),
        }
    }
}

#[tokio::test]
async fn a_candidate_that_is_worse_is_called_so_and_not_kept() {
    let dir = folder("custom");
    let (train, val, test) = (examples("train", 5), examples("val", 30), examples("test", 60));
    let lm = Simulated::new();
    let optimizer =
        Custom::new(Instructions(vec!["Answer the question.", "Answer carelessly."])).confirm_on(&test);
    let searched = optimizer.clone().run_dir(&dir);
    let compiled = searched
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(compiled.outcome, Outcome::Worse);
    assert_eq!(
        (compiled.report.best.as_str(), compiled.report.kept.as_str()),
        ("Answer carelessly.", "as it is")
    );
    assert_eq!(compiled.overlay.get("self").unwrap().instructions, None);
    assert_eq!(compiled.report.candidates.len(), 3);

    let insisting = optimizer.keep_best_anyway();
    let compiled = insisting
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(compiled.outcome, Outcome::Worse);
    let kept = compiled.overlay.get("self").unwrap().instructions.as_deref();
    assert_eq!(kept, Some("Answer carelessly."));
    assert!(
        compiled.report.summary.contains("kept anyway"),
        "{}",
        compiled.report.summary
    );
}

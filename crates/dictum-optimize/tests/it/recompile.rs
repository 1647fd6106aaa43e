//! [`Recompile`]: from the old state, and what had to change.

use dictum_core::lm::LmErrorKind;
use dictum_core::program::{Demo, Overlay, PredictorState};
use dictum_core::state::ProgramState;
use dictum_optimize::{Gepa, LabeledFewShot, Outcome, Recompile};

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, exact, examples, program, question, shown};

fn compiled_for(world: World) -> ProgramState {
    let mut overlay = Overlay::new();
    for step in ["topic", "answer"] {
        let state = PredictorState {
            instructions: Some(format!("Keep to the {} rule.", world.rule(step))),
            ..PredictorState::default()
        };
        overlay.set(step, state);
    }
    ProgramState::of_candidate(&TwoSteps::new(), &overlay).with_metadata("lm", "test/before")
}

/// A world in which one step wants the same as in another, and the other step does not.
fn similar_to(world: World) -> World {
    let same = |step: &str, seed| World { seed, ..world }.rule(step) == world.rule(step);
    let seed = (0..)
        .find(|seed| same("topic", *seed) && !same("answer", *seed))
        .unwrap();
    World { seed, ..world }
}

#[tokio::test]
async fn the_old_state_is_the_one_to_beat_and_the_change_is_told() {
    let old_world = World {
        seed: 5,
        demos: false,
    };
    let world = similar_to(old_world);
    let old = compiled_for(old_world);
    let (train, val) = (facts::examples("train", 40), facts::examples("val", 60));
    let lm = Simulated::new().facts(world);
    let again = Recompile::with(
        Gepa::new()
            .rollouts(900)
            .seed(1)
            .confirm_on(&facts::examples("test", 120)),
    )
    .compile(
        &lm.context(),
        &TwoSteps::new(),
        &old,
        &train,
        &val,
        facts::judged(world),
    )
    .await
    .unwrap();
    let text = again.to_string();
    assert_eq!(again.compiled.outcome, Outcome::Improved, "{text}");
    // The old state has one of the rules: better than none, not as good as both.
    let (before, after) = again.scores().unwrap();
    let (before, after) = (before.mean().unwrap(), after.mean().unwrap());
    assert!(
        before > facts::BARE + 0.05 && after > before + 0.1,
        "{before} {after}"
    );
    assert!(
        text.contains("for test/simulated, from a state compiled for test/before"),
        "{text}"
    );
    assert!(again.changed().contains(&"answer"), "{text}");
    assert!(
        text.contains(&format!("- Keep to the {} rule.", old_world.rule("answer"))),
        "{text}"
    );
    assert_eq!(again.compiled.state.metadata()["lm"], "test/simulated");
}

#[tokio::test]
async fn nothing_has_to_change_where_nothing_helps() {
    let lm = Simulated::new().noise_only();
    let mut old = program();
    let train = examples("train", 20);
    let demo = |example: &dictum_core::data::Example| {
        let fields = example.inputs().iter().chain(example.labels().iter());
        Demo::labeled(
            fields
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
        )
    };
    old.predictor_mut().set_state(PredictorState {
        instructions: Some("Answer as before.".into()),
        demos: train.iter().take(3).map(demo).collect(),
        ..PredictorState::default()
    });
    let old = ProgramState::of(&old);
    let again = Recompile::with(LabeledFewShot::new().k(2).allow_overlap())
        .compile(&lm.context(), &program(), &old, &train, &train, exact())
        .await
        .unwrap();
    assert_eq!(again.compiled.outcome, Outcome::NoSignificantGain);
    assert_eq!(again.changed(), [""; 0]);
    assert!(again.to_string().ends_with("nothing had to change\n"), "{again}");
    assert_eq!(
        again.compiled.state.predictors().next().unwrap().1.state,
        old.predictor("self").unwrap().state
    );
    // The old demonstrations are known by what they show: none is shown to the example it is.
    for messages in lm.prompts() {
        assert!(!shown(&messages).contains(&question(messages.last().unwrap())));
    }
}

#[tokio::test]
async fn a_state_of_another_program_is_refused() {
    let lm = Simulated::new().failing_after(0, LmErrorKind::Auth);
    let old = compiled_for(World {
        seed: 1,
        demos: false,
    });
    let error = Recompile::with(LabeledFewShot::new())
        .compile(
            &lm.context(),
            &program(),
            &old,
            &examples("t", 4),
            &examples("v", 4),
            exact(),
        )
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("does not fit the program") && error.contains("`topic`"),
        "{error}"
    );
    assert_eq!(lm.calls(), 0);
}

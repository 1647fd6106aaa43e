//! [`NearestDemos`]: the demonstrations nearest to the input are shown.

use std::collections::BTreeMap;

use dictum_core::embed::{Embedder, Embeddings};
use dictum_core::lm::{Call, Lm, LmError, Role};
use dictum_core::modules::{DemoIndex, Ensemble, Indexed, NearestDemos, Predict};
use dictum_core::program::{Context, Demo, Module, Overlay, PredictorState};
use dictum_core::record;
use futures_util::future::BoxFuture;

use crate::support::script;

/// Letters counted: texts are near when they have the same ones.
#[derive(Debug, Clone)]
struct Letters(&'static str);

impl Embedder for Letters {
    fn name(&self) -> &str {
        self.0
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        let letters = |text: &String| -> Vec<f32> {
            let count = |letter: char| text.chars().filter(|c| *c == letter).count() as f32 / 3.0;
            ('a'..='z').map(count).collect()
        };
        let vectors = texts.iter().map(letters).collect();
        Box::pin(async move {
            Ok(Embeddings {
                vectors,
                ..Embeddings::default()
            })
        })
    }
}

fn plain() -> Predict {
    Predict::parse("question -> answer").unwrap()
}

async fn index(words: &[&str], k: usize) -> DemoIndex {
    let example = |word: &&str| Indexed {
        inputs: record! { question: *word },
        demos: BTreeMap::from([(
            "self".to_owned(),
            Demo::augmented(record! { question: *word, answer: format!("{word}!") }),
        )]),
    };
    let examples: Vec<Indexed> = words.iter().map(example).collect();
    DemoIndex::new(&Letters("test/letters"), &Call::default(), k, examples)
        .await
        .unwrap()
}

const ANSWER: &str = "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]";

/// The questions a call shows, its own last.
async fn shown(
    program: &impl Module<Input = dictum_core::Record>,
    ctx: &Context,
    asked: &str,
    lm: &dictum_testkit::CannedLm,
) -> Vec<String> {
    assert!(program.call(ctx, record! { question: asked }).await.is_ok());
    let request = lm.requests().pop().unwrap();
    let turns = request.messages().filter(|message| message.role == Role::User);
    turns
        .map(|turn| {
            let text = turn.to_text();
            text.split("[[ ## question ## ]]\n")
                .nth(1)
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_nearest_are_shown_nearest_last_and_none_to_itself() {
    let lm = script(&[ANSWER; 3]);
    let ctx = Context::new(Lm::new(lm.clone()));
    let index = index(&["zzzz", "lemon", "melons", "kiwi"], 2).await;
    let program = NearestDemos::new(plain(), index, Letters("test/letters")).unwrap();
    assert_eq!(
        shown(&program, &ctx, "melon", &lm).await,
        ["melons", "lemon", "melon"]
    );
    assert_eq!(shown(&program, &ctx, "zzzzz", &lm).await.last().unwrap(), "zzzzz");
    let own = shown(&program, &ctx, "lemon", &lm).await;
    assert!(own.iter().filter(|text| *text == "lemon").count() == 1, "{own:?}");
}

/// What a candidate says of a predictor holds, but for the demonstrations; and paths are those of the program around.
#[tokio::test]
async fn it_works_inside_other_programs_and_candidates() {
    let lm = script(&[ANSWER]);
    let index = index(&["lemon"], 2).await;
    let member = NearestDemos::new(plain(), index, Letters("test/letters")).unwrap();
    let program = Ensemble::voting(vec![member], "answer").unwrap();
    let state = PredictorState {
        instructions: Some("Speak softly.".into()),
        ..PredictorState::default()
    };
    let ctx = Context::new(Lm::new(lm.clone()))
        .with_overlay(&program, &Overlay::new().with("members[0]", state))
        .unwrap();
    assert_eq!(shown(&program, &ctx, "melon", &lm).await, ["lemon", "melon"]);
    let request = lm.requests().pop().unwrap();
    assert!(
        request
            .messages()
            .next()
            .unwrap()
            .to_text()
            .contains("Speak softly.")
    );
    assert_eq!(&*ctx.trace().steps()[0].path, "members[0]");
}

#[tokio::test]
async fn it_is_saved_and_loaded_with_its_embedder_checked() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("nearest_demos.json");
    let program = NearestDemos::new(
        plain().with_instructions("Speak softly."),
        index(&["lemon", "kiwi"], 1).await,
        Letters("test/letters"),
    )
    .unwrap();
    program.save(&path).unwrap();
    let loaded = NearestDemos::load(plain(), Letters("test/letters"), &path).unwrap();
    assert_eq!(loaded.index(), program.index());
    assert_eq!(
        loaded.program().predictor().state(),
        program.program().predictor().state()
    );
    let error = NearestDemos::load(plain(), Letters("test/other"), &path).unwrap_err();
    assert!(error.to_string().contains("`test/letters`"), "{error}");
    let error = NearestDemos::load(
        Ensemble::voting(vec![plain()], "answer").unwrap(),
        Letters("test/letters"),
        &path,
    )
    .unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
    dictum_core::state::ProgramExt::save(&plain(), &path).unwrap();
    let error = NearestDemos::load(plain(), Letters("test/letters"), &path).unwrap_err();
    assert!(error.to_string().contains("no index"), "{error}");
}

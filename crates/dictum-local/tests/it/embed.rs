//! The embedder on its real model. Where the model is not, the tests say so and pass.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dictum_core::embed::{Batched, Cached, Embedder, Embeddings, standard};
use dictum_core::lm::{Call, LmErrorKind};
use dictum_local::models::{Models, find_embedder};
use dictum_local::{EmbedderBuilder, LocalEmbedder, embedder};
use futures_util::future::join_all;

fn builder() -> Option<EmbedderBuilder> {
    let models = Models::from_env().ok()?;
    let spec = find_embedder(None).unwrap();
    if models.path(spec).is_file() {
        return Some(embedder().models_dir(models.dir()).threads(2));
    }
    eprintln!(
        "SKIPPED: no embedding model in {}; fetch it with `dictum models fetch {}`",
        models.dir().display(),
        spec.name
    );
    None
}

fn model() -> Option<&'static LocalEmbedder> {
    static MODEL: OnceLock<Option<LocalEmbedder>> = OnceLock::new();
    MODEL
        .get_or_init(|| Some(builder()?.build().expect("the model loads")))
        .as_ref()
}

macro_rules! model_or_skip {
    () => {
        match model() {
            Some(model) => model,
            None => return,
        }
    };
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn embed(model: &dyn Embedder, of: &[&str]) -> Embeddings {
    model.embed(&texts(of), &Call::default()).await.expect("vectors")
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

const MANY: [&str; 6] = [
    "The cat sleeps on the sofa.",
    "",
    "A much longer text, with several sentences. It goes on for a while, so that it has more tokens than the others. And on.",
    "naïve café, 東京, [SEP] and 😀",
    "Invoice 4711 is overdue.",
    "x",
];

#[tokio::test]
async fn what_means_the_same_lies_close() {
    let model = model_or_skip!();
    for (one, same, other) in [
        (
            "How do I reset my password?",
            "I forgot my login credentials.",
            "The soup was far too salty.",
        ),
        (
            "The stock market fell sharply today.",
            "Shares dropped a lot on Monday.",
            "Cats like to sleep in the sun.",
        ),
        (
            "A man is playing a guitar.",
            "Someone makes music on an instrument with strings.",
            "The train to Berlin leaves at nine.",
        ),
    ] {
        let vectors = embed(model, &[one, same, other]).await.vectors;
        let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
        assert!(near > far + 0.2, "{one}: {near} to {same}, {far} to {other}");
    }
}

#[tokio::test]
async fn the_numbers_are_those_of_the_published_weights() {
    let model = model_or_skip!();
    let (one, other) = ("The cat sleeps on the sofa.", "A kitten is napping on the couch.");
    let vectors = embed(model, &[one, other]).await.vectors;
    // From the published weights in single precision, computed in NumPy by the formulas of the paper.
    let first = [
        0.16257, -0.0738, -0.02986, 0.04016, 0.01938, 0.05078, -0.05812, -0.01977,
    ];
    for (number, exact) in vectors[0].iter().zip(first) {
        assert!((number - exact).abs() < 1e-3, "{number} is not {exact}");
    }
    let near = cosine(&vectors[0], &vectors[1]);
    assert!((near - 0.74129).abs() < 1e-3, "{near}");
}

#[tokio::test]
async fn case_and_accents_make_no_difference_to_this_model() {
    let model = model_or_skip!();
    let vectors = embed(model, &["Résumé of the CAFÉ", "resume of the cafe"])
        .await
        .vectors;
    assert_eq!(vectors[0], vectors[1]);
}

#[tokio::test]
async fn a_text_has_one_vector_alone_among_others_and_at_the_same_time_as_others() {
    let model = model_or_skip!();
    let together = embed(model, &MANY).await;
    assert!(
        together
            .vectors
            .iter()
            .all(|vector| vector.len() == model.dimension())
    );
    let mut reversed = MANY;
    reversed.reverse();
    let others = (0..4).map(|_| embed(model, &reversed));
    for mut backwards in join_all(others).await {
        backwards.vectors.reverse();
        assert_eq!(backwards.vectors, together.vectors);
    }
    let mut tokens = 0;
    for (text, vector) in MANY.iter().zip(&together.vectors) {
        let alone = embed(model, &[text]).await;
        assert_eq!(&alone.vectors, std::slice::from_ref(vector), "{text}");
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{text}");
        tokens += alone.usage.input_tokens.unwrap();
    }
    assert_eq!(together.usage.input_tokens, Some(tokens));
    // Another process would be another build of the same thing: loading it anew is as near as a test comes.
    let again = builder().unwrap().threads(1).build().unwrap();
    assert_eq!(embed(&again, &MANY).await, together);
}

#[tokio::test]
async fn tokens_are_words_with_the_models_two_marks() {
    let model = model_or_skip!();
    for (text, tokens) in [("", 2), ("hello", 3), ("hello, world!", 6), ("[SEP]", 5)] {
        assert_eq!(
            embed(model, &[text]).await.usage.input_tokens,
            Some(tokens),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_is_refused_or_cut_as_asked() {
    let model = model_or_skip!();
    let (limit, word) = (model.max_tokens(), "word ");
    let fits = word.repeat(limit - 2);
    let too_long = format!("{fits}and more");
    assert_eq!(
        embed(model, &[&fits]).await.usage.input_tokens,
        Some(limit as u64)
    );

    let error = model
        .embed(&texts(&["short", &too_long]), &Call::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::ContextWindow);
    let message = error.to_string();
    assert!(
        message.contains(&format!("{} tokens", limit + 2)) && message.contains(&limit.to_string()),
        "{message}"
    );
    // What follows is not hurt by it.
    embed(model, &["short"]).await;

    let cuts = builder().unwrap().truncate().build().unwrap();
    let cut = embed(&cuts, &[&too_long, "short"]).await;
    assert_eq!(cut.vectors[0], embed(model, &[&fits]).await.vectors[0]);
    assert_eq!(cut.usage.input_tokens, Some(limit as u64 + 3));
}

#[tokio::test]
async fn the_wrappers_work_around_it() {
    let model = model_or_skip!();
    let plain = embed(model, &MANY).await;
    let batched = Batched::new(model.clone()).size(2);
    assert_eq!(embed(&batched, &MANY).await, plain);

    let cached = Cached::new(standard(model.clone()), 100);
    assert_eq!(embed(&cached, &MANY).await, plain);
    let kept = embed(&cached, &MANY).await;
    assert_eq!(
        (kept.vectors, kept.usage.input_tokens),
        (plain.vectors, None),
        "nothing was computed again"
    );
    assert_eq!(embed(model, &[]).await, Embeddings::default());
}

#[tokio::test]
async fn work_ends_with_its_deadline_or_its_future() {
    let model = model_or_skip!();
    let many = vec!["some words to be read ".repeat(40); 4000];
    let mut call = Call {
        deadline: Some(Instant::now()),
        ..Call::default()
    };
    let error = model.embed(&many, &call).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Timeout);

    // Minutes of work, given up after the first moments: what comes next is served at once.
    call.deadline = None;
    let began = tokio::time::timeout(Duration::from_millis(50), model.embed(&many, &call));
    assert!(began.await.is_err());
    tokio::time::timeout(Duration::from_secs(20), embed(model, &["next"]))
        .await
        .expect("the queue was given up");
}

#[tokio::test]
async fn a_model_that_is_not_there_or_makes_no_vectors_says_what_to_do() {
    let nowhere = embedder().models_dir("/nonexistent").build().unwrap_err();
    assert!(
        nowhere
            .to_string()
            .contains("dictum models fetch all-minilm-l6-v2"),
        "{nowhere}"
    );
    let chat = embedder().model("qwen2.5-coder-0.5b").build().unwrap_err();
    assert_eq!(chat.kind(), LmErrorKind::InvalidRequest);

    let Ok(models) = Models::from_env() else { return };
    let file = models.dir().join("smollm2-135m-instruct-q4_1.gguf");
    if file.is_file() {
        let error = embedder().file(file).threads(1).build().unwrap_err();
        assert!(error.to_string().contains("made for embeddings"), "{error}");
    }
}

//! Behaviour of the real engine, on the smallest model that is there. Without one the tests say so and pass.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dictum_core::lm::{
    Call, FinishReason, LanguageModel, LmErrorKind, Media, Message, OutputShape, Part, Piece, Prefix,
    Request, Response, ResponseFormat, Role, StreamEvent, ToolSpec,
};
use dictum_local::models::{Models, find};
use dictum_local::{LocalBuilder, LocalLm};
use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// One engine for all tests: a context of 1024 tokens, three requests at once, one thread.
fn lm() -> Option<&'static LocalLm> {
    static LM: OnceLock<Option<LocalLm>> = OnceLock::new();
    LM.get_or_init(|| Some(builder()?.build_local().expect("the model loads")))
        .as_ref()
}

fn builder() -> Option<LocalBuilder> {
    builder_of(&["smollm2-135m", "qwen2.5-coder-0.5b"])
}

/// For the first of these models that is there.
fn builder_of(names: &[&str]) -> Option<LocalBuilder> {
    let models = Models::from_env().ok()?;
    for &name in names {
        if models.path(find(Some(name)).unwrap()).is_file() {
            let builder = LocalBuilder::default().model(name).models_dir(models.dir());
            return Some(builder.threads(1).context(1024).parallel(3));
        }
    }
    eprintln!(
        "SKIPPED: no model in {}; fetch one with `dictum models fetch smollm2-135m`",
        models.dir().display()
    );
    None
}

macro_rules! lm_or_skip {
    () => {
        match lm() {
            Some(lm) => lm,
            None => return,
        }
    };
}

fn request(text: &str) -> Request {
    let mut request = Request::new(vec![Message::user(text)]);
    request.settings.max_tokens = Some(24);
    request
}

/// A request that draws: with this prefix in front, so that there is something to keep.
fn drawing(text: &str, seed: u64) -> Request {
    let mut request = request(text);
    let rules = "You write very short stories. ".repeat(12);
    request.prefix = Arc::new(Prefix::new(vec![Message::system(rules)]));
    request.settings.temperature = Some(1.0);
    request.settings.top_p = Some(0.95);
    request.settings.seed = Some(seed);
    request
}

async fn ask(lm: &LocalLm, request: &Request) -> Response {
    lm.complete(request, &Call::default()).await.expect("an answer")
}

fn shape(pieces: impl Into<Vec<Piece>>) -> Option<Arc<OutputShape>> {
    Some(Arc::new(OutputShape::new(pieces.into())))
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

#[tokio::test]
async fn a_constrained_answer_always_has_its_layout() {
    let lm = lm_or_skip!();
    let schema = json!({
        "type": "object", "required": ["tags", "ok"], "additionalProperties": false,
        "properties": { "tags": { "type": "array", "maxItems": 2, "items": { "enum": ["x", "y"] } }, "ok": { "type": "boolean" } },
    });
    for seed in 0..6 {
        let mut request = drawing("Describe a fox.", seed);
        // Hot enough that this model alone would never keep a layout.
        request.settings.temperature = Some(1.6);
        request.settings.max_tokens = Some(120);
        request.output = shape([
            text("[[ ## label ## ]]\n"),
            Piece::Choice(vec!["person".into(), "place".into(), "plainly".into()]),
            text("\n\n[[ ## stars ## ]]\n"),
            Piece::Int {
                min: Some(1),
                max: Some(5),
            },
            text("\n\n[[ ## data ## ]]\n"),
            Piece::Json(schema.clone()),
            text("\n\n[[ ## end ## ]]"),
        ]);
        let response = ask(lm, &request).await;
        assert_eq!(response.finish, FinishReason::Stop);
        let answer = response.to_text();
        let rest = answer.strip_prefix("[[ ## label ## ]]\n").unwrap();
        let (label, rest) = rest.split_once("\n\n[[ ## stars ## ]]\n").unwrap();
        assert!(["person", "place", "plainly"].contains(&label), "{label}");
        let (stars, rest) = rest.split_once("\n\n[[ ## data ## ]]\n").unwrap();
        assert!((1..=5).contains(&stars.parse::<i32>().unwrap()));
        let data: Value = serde_json::from_str(rest.strip_suffix("\n\n[[ ## end ## ]]").unwrap()).unwrap();
        assert!(
            data["ok"].is_boolean() && data["tags"].as_array().unwrap().len() <= 2,
            "{data}"
        );
        let forced = response.raw.unwrap().value()["forced_tokens"].as_u64().unwrap();
        assert!(
            forced * 2 > response.usage.output_tokens.unwrap(),
            "most of this layout is forced, not {forced}"
        );
    }
}

#[tokio::test]
async fn free_text_in_a_layout_is_closed_by_its_mark() {
    let lm = lm_or_skip!();
    let mut request = request("Say hello.");
    request.settings.max_tokens = Some(200);
    request.output = shape([text("<a>"), Piece::Free, text("</a>")]);
    let response = ask(lm, &request).await;
    assert_eq!(response.finish, FinishReason::Stop);
    let answer = response.to_text();
    let inner = answer.strip_prefix("<a>").unwrap().strip_suffix("</a>").unwrap();
    assert!(!inner.contains("</a"), "{answer}");
}

#[tokio::test]
async fn a_json_response_format_is_kept_without_a_layout() {
    let lm = lm_or_skip!();
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer", "minimum": 3, "maximum": 9 } },
        "required": ["n"], "additionalProperties": false });
    let mut request = drawing("A number?", 1);
    request.response_format = Some(Arc::new(ResponseFormat::JsonSchema {
        name: "number".into(),
        schema,
    }));
    let answer: Value = serde_json::from_str(&ask(lm, &request).await.to_text()).unwrap();
    assert!((3..=9).contains(&answer["n"].as_i64().unwrap()), "{answer}");
}

#[tokio::test]
async fn a_seed_gives_its_answer_again_and_samples_differ() {
    let lm = lm_or_skip!();
    let request = drawing("A story about the sea.", 5);
    let first = ask(lm, &request).await.to_text();
    assert_eq!(ask(lm, &request).await.to_text(), first);
    let mut other = drawing("A story about the sea.", 5);
    other.sample = 1;
    assert_ne!(ask(lm, &other).await.to_text(), first);
    assert_ne!(
        ask(lm, &drawing("A story about the sea.", 6)).await.to_text(),
        first
    );
}

#[tokio::test]
async fn together_or_alone_makes_no_difference() {
    let lm = lm_or_skip!();
    let topics = [
        "the sea",
        "a very long road through the dark mountains",
        "tea",
        "a lost key",
        "snow and ice",
        "cats",
    ];
    let mut requests: Vec<Request> = (0..)
        .zip(topics)
        .map(|(seed, topic)| drawing(&format!("A story about {topic}."), seed))
        .collect();
    requests[2].settings.temperature = None;
    requests[4].output = shape([
        text("Animal: "),
        Piece::Choice(vec!["fox".into(), "hare".into()]),
        text("\nWhy: "),
        Piece::Free,
    ]);
    // One with another prefix among them, and one with none.
    requests[3].prefix = Arc::new(Prefix::new(vec![Message::system(
        "Answer in rhymes. ".repeat(20),
    )]));
    requests[5].prefix = Arc::default();

    let together: Vec<String> = join_all(requests.iter().map(|request| ask(lm, request)))
        .await
        .iter()
        .map(Response::to_text)
        .collect();
    for (request, expected) in requests.iter().zip(&together).rev() {
        assert_eq!(&ask(lm, request).await.to_text(), expected);
    }
    // Nothing kept from before, and never a neighbour.
    let fresh = builder().unwrap().build_local().unwrap();
    for (request, expected) in requests.iter().zip(&together) {
        assert_eq!(&ask(&fresh, request).await.to_text(), expected);
    }
}

/// Its weights are of other kinds than the small model's, with kernels of their own.
#[tokio::test]
async fn the_default_model_too_gives_its_answers_again() {
    let Some(builder) = builder_of(&["qwen2.5-coder-0.5b"]) else {
        return;
    };
    for parallel in [1, 2] {
        let lm = builder.clone().parallel(parallel).build_local().unwrap();
        let requests = [
            drawing("A story about the sea.", 5),
            drawing("A story about tea.", 6),
        ]
        .map(|mut request| {
            request.settings.max_tokens = Some(8);
            request
        });
        let mut answers = Vec::new();
        // Nothing is kept in the first turn, all of it in the next; then one beside the other.
        for _ in 0..2 {
            for request in &requests {
                answers.push(ask(&lm, request).await.to_text());
            }
        }
        let together = join_all(requests.iter().map(|request| ask(&lm, request))).await;
        answers.extend(together.iter().map(Response::to_text));
        assert_eq!(answers[..2], answers[2..4], "kept, {parallel} at once");
        assert_eq!(answers[..2], answers[4..], "together, {parallel} at once");
    }
}

#[tokio::test]
async fn the_shared_prefix_is_computed_once() {
    let lm = lm_or_skip!();
    let system = "These are the rules of the house. ".repeat(30);
    let prefix = Arc::new(Prefix::new(vec![Message::system(system.as_str())]));
    let ask_with = |text: &str| {
        let mut request = request(text);
        request.settings.max_tokens = Some(1);
        request.prefix = Arc::clone(&prefix);
        request
    };
    let shared = lm.engine().count_tokens(&system) as u64;
    let (first, second) = (ask_with("One?"), ask_with("And two?"));
    let (first, second) = tokio::join!(ask(lm, &first), ask(lm, &second));
    // One of the two computed it, the other waited for that.
    let cached = [
        first.usage.cached_tokens.unwrap(),
        second.usage.cached_tokens.unwrap(),
    ];
    assert!(cached.iter().any(|n| *n >= shared), "{cached:?} of {shared}");
    assert!(cached.iter().any(|n| *n < shared / 2), "{cached:?} of {shared}");
    // Still there after others have used all the sequences.
    join_all((0..4).map(|n| async move { ask(lm, &request(&format!("Something else, number {n}?"))).await }))
        .await;
    let third = ask(lm, &ask_with("Three?")).await.usage;
    assert!(third.cached_tokens.unwrap() >= shared, "{third:?}");
    assert!(third.cached_tokens < third.input_tokens);
}

/// Candidates of a search: their prompts begin alike and go on differently, and calls of several run at once. A sequence that waits
/// for another's prefix still holds an older prompt, and must not stand in the way of answers under way beside it.
#[tokio::test]
async fn prompts_that_begin_alike_run_beside_each_other() {
    let lm = lm_or_skip!();
    let call = |candidate: usize, question: usize| {
        let mut request = request(&format!("Question {question}?"));
        request.settings.max_tokens = Some(4);
        let rules = "These rules are shared by all. ".repeat(10);
        let demos = format!("Candidate {candidate} has seen this before. ").repeat(10 + candidate);
        request.prefix = Arc::new(Prefix::new(vec![Message::system(rules), Message::user(demos)]));
        request
    };
    // Both candidates of a round are new, and each round finds the sequences full of the last one's prompts.
    for round in 0..4 {
        let requests: Vec<_> = (0..8).map(|n| call(2 * round + n % 2, n)).collect();
        let answers = join_all(requests.iter().map(|request| ask(lm, request))).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.usage.output_tokens.unwrap() > 0)
        );
    }
}

#[tokio::test]
async fn a_dropped_call_gives_its_place_free() {
    let Some(builder) = builder() else { return };
    let lm = builder.parallel(1).build_local().unwrap();
    let mut long = request("Count from one to a thousand.");
    long.settings.max_tokens = Some(900);
    let mut stream = lm.stream(&long, &Call::default()).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(StreamEvent::Text(_)))));
    let waiting = lm.stream(&long, &Call::default()).await.unwrap();
    assert_eq!(lm.engine().unanswered(), 2);
    drop((stream, waiting));
    // The only place is needed for this one; afterwards nobody else may be left in it.
    let response = ask(&lm, &request("Hello!")).await;
    assert!(response.usage.output_tokens.unwrap() > 0);
    assert_eq!(lm.engine().unanswered(), 0);
}

#[tokio::test]
async fn a_prefix_whose_computation_is_dropped_is_computed_by_who_waits_for_it() {
    let lm = lm_or_skip!();
    let system = "Nobody has seen these rules before. ".repeat(100);
    let prefix = Arc::new(Prefix::new(vec![Message::system(system.as_str())]));
    let mut request = request("Yes or no?");
    request.prefix = prefix;
    request.output = shape([Piece::Choice(vec!["yes".into(), "no".into()])]);
    let call = Call::default();
    let first = lm.stream(&request, &call).await.unwrap();
    let second = lm.stream(&request, &call).await.unwrap();
    drop(first);
    let events: Vec<_> = second.collect().await;
    assert!(
        matches!(events.last(), Some(Ok(StreamEvent::Finished(_)))),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_prompt_too_long_is_refused_with_both_numbers() {
    let lm = lm_or_skip!();
    let mut long = request(&"word ".repeat(1000));
    long.settings.max_tokens = Some(100);
    let error = lm.complete(&long, &Call::default()).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::ContextWindow);
    let message = error.to_string();
    assert!(
        message.contains(" 100 more") && message.contains("1024"),
        "{message}"
    );
    // Enough room for the prompt, not for what is asked.
    let mut greedy = request("Hi");
    greedy.settings.max_tokens = Some(5000);
    assert_eq!(
        lm.complete(&greedy, &Call::default()).await.unwrap_err().kind(),
        LmErrorKind::ContextWindow
    );
}

#[tokio::test]
async fn limits_and_stops_end_an_answer() {
    let lm = lm_or_skip!();
    let whole = ask(lm, &request("Write a long story about a fox.")).await;
    assert_eq!(
        (whole.finish.clone(), whole.usage.output_tokens),
        (FinishReason::Length, Some(24))
    );
    let text = whole.to_text();
    // A stop text in the middle of the answer, most likely over the border of two tokens.
    let stop: String = text.chars().skip(text.chars().count() / 2).take(7).collect();
    let mut stopped = request("Write a long story about a fox.");
    stopped.settings.stop = vec!["never said".to_owned(), stop.clone()];
    let stopped = ask(lm, &stopped).await;
    assert_eq!(stopped.finish, FinishReason::Stop);
    assert_eq!(stopped.to_text(), text.split(&stop).next().unwrap());
}

#[tokio::test]
async fn a_stream_is_the_answer_in_pieces() {
    let lm = lm_or_skip!();
    let request = drawing("Name three colours, with an emoji each.", 9);
    let events: Vec<_> = lm
        .stream(&request, &Call::default())
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await;
    let (last, pieces) = events.split_last().unwrap();
    let StreamEvent::Finished(response) = last else {
        panic!("the last event is {last:?}")
    };
    let texts: Vec<&str> = pieces
        .iter()
        .map(|e| {
            if let StreamEvent::Text(text) = e {
                text.as_str()
            } else {
                panic!("{e:?}")
            }
        })
        .collect();
    assert!(texts.len() > 5, "{texts:?}");
    assert_eq!(texts.concat(), response.to_text());
    assert_eq!(ask(lm, &request).await.to_text(), response.to_text());
}

#[tokio::test]
async fn tokens_are_counted_as_the_model_counts_them() {
    let lm = lm_or_skip!();
    let engine = lm.engine();
    assert_eq!(engine.count_tokens(""), 0);
    let short = ask(lm, &request("tick")).await.usage.input_tokens.unwrap();
    let long = ask(lm, &request("tick tock tick tock"))
        .await
        .usage
        .input_tokens
        .unwrap();
    let difference = engine.count_tokens("tick tock tick tock") - engine.count_tokens("tick");
    assert_eq!(long - short, difference as u64);
}

#[tokio::test]
async fn text_that_names_a_special_token_stays_text() {
    let lm = lm_or_skip!();
    // Were it read as the token that ends a turn, it would count as one.
    let trick = "<|im_end|>";
    assert!(lm.engine().count_tokens(trick) > 1);
    let plain = ask(lm, &request("")).await.usage.input_tokens.unwrap();
    let tricky = ask(lm, &request(trick)).await.usage.input_tokens.unwrap();
    assert_eq!(tricky - plain, lm.engine().count_tokens(trick) as u64);
}

#[tokio::test]
async fn what_the_engine_cannot_do_is_refused() {
    let lm = lm_or_skip!();
    let kind = async |request: &Request| lm.complete(request, &Call::default()).await.unwrap_err().kind();
    let mut tools = request("Hi");
    tools.tools = [ToolSpec {
        name: "t".into(),
        description: "d".into(),
        parameters: json!({}),
    }]
    .into();
    assert_eq!(kind(&tools).await, LmErrorKind::Unsupported);
    let image = Part::Image {
        media: Media::url("https://example.com/a.png"),
    };
    let picture = Request::new(vec![Message {
        role: Role::User,
        parts: vec![image],
    }]);
    assert_eq!(kind(&picture).await, LmErrorKind::Unsupported);
    let mut odd = request("Hi");
    odd.settings.top_p = Some(0.0);
    assert_eq!(kind(&odd).await, LmErrorKind::InvalidRequest);
    let mut thoughtful = request("Hi");
    thoughtful.settings.reasoning_effort = Some("high".into());
    assert_eq!(kind(&thoughtful).await, LmErrorKind::Unsupported);
    let mut unknown = request("Hi");
    unknown.settings.extra.insert("mirostat".into(), json!(2));
    assert_eq!(kind(&unknown).await, LmErrorKind::InvalidRequest);
    let mut impossible = request("Hi");
    impossible.output = shape([Piece::Choice(Vec::new())]);
    assert_eq!(kind(&impossible).await, LmErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_deadline_ends_a_call() {
    let lm = lm_or_skip!();
    let mut long = request("Count from one to a thousand.");
    long.settings.max_tokens = Some(900);
    let call = Call {
        deadline: Some(Instant::now() + Duration::from_millis(200)),
        ..Call::default()
    };
    assert_eq!(
        lm.complete(&long, &call).await.unwrap_err().kind(),
        LmErrorKind::Timeout
    );
}

#[test]
fn a_model_that_is_not_there_is_named_with_the_command_that_fetches_it() {
    let missing = std::env::temp_dir().join("dictum-no-models-here");
    let error = LocalBuilder::default().models_dir(missing).build().unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Unavailable);
    let error = error.to_string();
    assert!(
        error.contains("dictum models fetch qwen2.5-coder-0.5b"),
        "{error}"
    );
    let error = LocalBuilder::default()
        .model("nope")
        .models_dir("/")
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("known are qwen2.5-coder-0.5b"), "{error}");
}

#[test]
fn a_model_file_cut_short_is_not_loaded() {
    let folder = std::env::temp_dir().join(format!("dictum-cut-short-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(find(None).unwrap().file), b"GGUF").unwrap();
    let error = LocalBuilder::default()
        .models_dir(&folder)
        .build()
        .unwrap_err()
        .to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.contains("4 bytes instead of 491400064"), "{error}");
}

use super::*;
use crate::lm::layers::{Cache, Cassette, CassetteMode, standard};

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.jsonl");
    (dir, path)
}

fn silent() -> (Lm, Arc<Seen>) {
    model(|_, _| fail(LmErrorKind::Internal))
}

#[tokio::test]
async fn what_was_recorded_plays_in_order_and_then_repeats_the_last() {
    for streams in [false, true] {
        let (_dir, path) = file();
        let (lm, _) = model(|n, _| say(format!("answer {n}")));
        let lm = lm.layer(Cassette::open(&path, CassetteMode::Record).unwrap());
        for question in ["a", "a", "b"] {
            call(&lm, streams, &ask(question), &Call::default())
                .await
                .unwrap();
        }
        let (lm, seen) = silent();
        let lm = lm.layer(Cassette::open(&path, CassetteMode::Replay).unwrap());
        let mut texts = Vec::new();
        for question in ["b", "a", "a", "a", "b"] {
            let response = call(&lm, !streams, &ask(question), &Call::default())
                .await
                .unwrap();
            assert_eq!((response.source, response.attempts), (Source::Replay, 0));
            assert_eq!(response.usage.total_tokens(), Some(15));
            texts.push(response.to_text());
        }
        assert_eq!(
            texts,
            ["answer 2", "answer 0", "answer 1", "answer 1", "answer 2"]
        );
        assert_eq!(seen.begun(), 0);
    }
}

#[tokio::test]
async fn a_miss_says_what_was_asked_and_what_to_do() {
    let (_dir, path) = file();
    let (lm, _) = model(|_, _| say("x"));
    let lm = lm.layer(Cassette::open(&path, CassetteMode::Auto).unwrap());
    lm.complete(&ask("What is 6 times 7?"), &Call::default())
        .await
        .unwrap();

    let (lm, seen) = silent();
    let lm = lm.layer(Cassette::open(&path, CassetteMode::Replay).unwrap());
    let mut warmer = ask("What is 6 times 7?");
    warmer.settings.temperature = Some(1.0);
    for (request, difference) in [
        (
            warmer,
            r#"the setting `temperature`: nothing was recorded, "1.0" is asked for"#,
        ),
        (
            ask("What is 6 times 9?"),
            r#"message 1 (user): "What is 6 times 7?" was recorded, "What is 6 times 9?" is asked for"#,
        ),
    ] {
        for streams in [false, true] {
            let error = call(&lm, streams, &request, &Call::default()).await.unwrap_err();
            assert_eq!(error.kind(), LmErrorKind::Replay);
            let text = error.to_string();
            for part in ["calls.jsonl has 1 recording.", difference, "`CassetteMode::Auto`"] {
                assert!(text.contains(part), "{part:?} is not in: {text}");
            }
        }
    }
    assert_eq!(seen.begun(), 0);
}

#[tokio::test]
async fn auto_asks_only_for_what_is_missing_and_survives_a_cut_off_line() {
    let (_dir, path) = file();
    for round in 0..3 {
        let (lm, seen) = model(move |_, _| say(format!("round {round}")));
        let cassette = Cassette::open(&path, CassetteMode::Auto).unwrap();
        assert_eq!(cassette.len(), round);
        let lm = lm.layer(cassette);
        for question in 0..=round {
            let response = lm
                .complete(&ask(&question.to_string()), &Call::default())
                .await
                .unwrap();
            assert_eq!(response.to_text(), format!("round {question}"));
        }
        assert_eq!(seen.begun(), 1);
        // As a killed process leaves it.
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str(r#"{"digest":"00"#);
        std::fs::write(&path, text).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_line_is_an_error_that_names_it() {
    let error = Cassette::from_text("calls.jsonl", "\n{\"digest\":1}\n").unwrap_err();
    assert!(error.to_string().starts_with("calls.jsonl:2: "), "{error}");
    let (_dir, path) = file();
    let error = Cassette::open(&path, CassetteMode::Replay).unwrap_err();
    assert!(error.to_string().contains("no such cassette"), "{error}");
}

#[tokio::test]
async fn answers_a_cache_had_are_recorded_once() {
    let (_dir, path) = file();
    let cassette = Cassette::open(&path, CassetteMode::Record).unwrap();
    let (lm, _) = model(|_, _| say("x"));
    let cached = lm.layer(Cache::memory(10));
    cached.complete(&ask("a"), &Call::default()).await.unwrap();
    let lm = cached.layer(cassette.clone());
    for _ in 0..3 {
        lm.complete(&ask("a"), &Call::default()).await.unwrap();
    }
    assert_eq!(cassette.len(), 1);
}

#[tokio::test]
async fn media_is_left_out_of_what_people_read() {
    let (_dir, path) = file();
    let (lm, _) = model(|_, _| say("a cat"));
    let lm = lm.layer(Cassette::open(&path, CassetteMode::Record).unwrap());
    let mut request = ask("What is this?");
    request.turns[0].parts.push(Part::Image {
        media: Media::base64("image/png", "QUJDREVG".repeat(100)),
    });
    lm.complete(&request, &Call::default()).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("QUJD") && text.contains("800 characters left out"),
        "{text}"
    );
    let (lm, _) = silent();
    let lm = lm.layer(Cassette::open(&path, CassetteMode::Replay).unwrap());
    assert_eq!(
        lm.complete(&request, &Call::default()).await.unwrap().to_text(),
        "a cat"
    );
}

/// A model of one name with defaults of its own.
#[derive(Debug)]
struct Warm(f64, Settings);

impl Warm {
    fn lm(temperature: f64) -> Lm {
        let settings = Settings {
            temperature: Some(temperature),
            ..Settings::default()
        };
        Lm::new(Self(temperature, settings))
    }
}

impl LanguageModel for Warm {
    fn name(&self) -> &str {
        "test/warm"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn variant(&self) -> Option<Digest> {
        Some(Digest::of(&self.0))
    }

    fn default_settings(&self) -> Option<&Settings> {
        Some(&self.1)
    }

    fn complete<'a>(&'a self, _: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async { Ok(Response::text(self.0.to_string())) })
    }
}

#[tokio::test]
async fn models_of_one_name_but_other_defaults_share_a_cassette_and_no_answers() {
    for streams in [false, true] {
        let (_dir, path) = file();
        let cassette = Cassette::open(&path, CassetteMode::Auto).unwrap();
        // Through layers in between too.
        let warm = |temperature| Warm::lm(temperature).layer(standard().cassette(cassette.clone()));
        let text = async |lm: Lm, request: &Request| {
            let response = call(&lm, streams, request, &Call::default()).await.unwrap();
            (response.to_text(), response.source)
        };
        let plain = ask("a");
        for temperature in [0.5, 1.5] {
            let own = temperature.to_string();
            assert_eq!(text(warm(temperature), &plain).await, (own, Source::Model));
        }
        // What stands in the request or in the model is the same in the end, and so it plays without the model too.
        let mut warmer = ask("a");
        warmer.settings.temperature = Some(1.5);
        assert_eq!(text(warm(0.5), &warmer).await, ("1.5".to_owned(), Source::Replay));
        let absent = Offline::new("test/warm", Capabilities::default());
        let with_defaults = absent.clone().with_settings(Settings {
            temperature: Some(0.5),
            ..Settings::default()
        });
        let replay = |lm| Lm::new(lm).layer(Cassette::open(&path, CassetteMode::Replay).unwrap());
        let answer = ("0.5".to_owned(), Source::Replay);
        assert_eq!(text(replay(with_defaults), &plain).await, answer);
        let error = call(&replay(absent), streams, &plain, &Call::default()).await;
        assert_eq!(error.unwrap_err().kind(), LmErrorKind::Replay);
    }
}

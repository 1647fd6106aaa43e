use super::*;
use crate::lm::layers::{Cache, Cassette, CassetteMode};

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
    for (request, hint) in [
        (warmer, "other settings"),
        (ask("What is 6 times 9?"), "no request with these messages"),
    ] {
        for streams in [false, true] {
            let error = call(&lm, streams, &request, &Call::default()).await.unwrap_err();
            assert_eq!(error.kind(), LmErrorKind::Replay);
            let text = error.to_string();
            for part in ["calls.jsonl", "What is 6 times", hint, "`Auto`", "(1 recording)"] {
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

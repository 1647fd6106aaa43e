//! 10. Testing: programs are tested without a model, by canned answers and by recordings.
//!
//! `cargo run -p dictum --example 10_testing`

use dictum::lm::layers::{Cassette, CassetteMode};
use dictum::lm::{Capabilities, Offline};
use dictum::prelude::*;
use dictum_testkit::CannedLm;

type Tested = Result<(), Box<dyn std::error::Error>>;

/// Read the date of the meeting.
#[derive(Signature)]
struct ReadDate {
    #[input]
    mail: String,
    #[output(min = 1, max = 31)]
    day: u8,
}

fn mail() -> ReadDateInput {
    ReadDateInput {
        mail: "Let's meet on the 12th.".into(),
    }
}

/// An answer in the layout of the chat adapter.
fn answer(day: &str) -> String {
    format!("[[ ## day ## ]]\n{day}\n\n[[ ## completed ## ]]")
}

// In your crate these carry `#[tokio::test]`; here `main` runs them.

/// What the program makes of an answer.
async fn a_good_answer_is_read() -> Tested {
    let ctx = Context::new(CannedLm::text(answer("12")).lm());
    assert_eq!(Predict::<ReadDate>::new().call(&ctx, mail()).await?.day, 12);
    Ok(())
}

/// What it does with a bad one: it asks again, and says what was wrong.
async fn a_bad_answer_is_asked_again() -> Tested {
    let model = CannedLm::texts([answer("45"), answer("12")]).keeping_requests();
    let ctx = Context::new(model.lm());
    assert_eq!(Predict::<ReadDate>::new().call(&ctx, mail()).await?.day, 12);
    let requests = model.requests();
    let second = requests
        .last()
        .and_then(|request| request.messages().last())
        .ok_or("no request")?;
    assert_eq!(model.calls(), 2);
    assert!(
        second.to_text().contains("31"),
        "the limit is not named: {}",
        second.to_text()
    );
    Ok(())
}

/// What is sent: the prompt is a value, so no call is needed to look at it.
async fn the_mail_is_in_the_prompt() -> Tested {
    let model = CannedLm::text("never asked");
    let request = Predict::<ReadDate>::new().render(&Context::new(model.lm()), mail())?;
    assert!(
        request
            .messages()
            .any(|message| message.to_text().contains("the 12th"))
    );
    assert_eq!(model.calls(), 0);
    Ok(())
}

/// What a real model said: recorded once, then played back, in CI and without a key.
async fn a_recording_is_played_back() -> Tested {
    // Recording: around your model. (Here a canned one, so that this runs anywhere.)
    let path = std::env::temp_dir().join(format!("dictum-10-{}.jsonl", std::process::id()));
    let model = CannedLm::text(answer("12")).named("some/model");
    let recorded = model.lm().layer(Cassette::open(&path, CassetteMode::Record)?);
    Predict::<ReadDate>::new()
        .call(&Context::new(recorded), mail())
        .await?;
    let text = std::fs::read_to_string(&path)?;
    std::fs::remove_file(&path)?;

    // Playing: keep the file in your repository and take it in with `include_str!`. `Offline` never answers.
    let cassette = Cassette::from_text("read_date.jsonl", &text)?;
    let ctx = Context::new(Lm::new(Offline::new("some/model", Capabilities::default())).layer(cassette));
    assert_eq!(Predict::<ReadDate>::new().call(&ctx, mail()).await?.day, 12);

    // A prompt that changed is not in it: the test fails and says so, in place of playing a stale answer.
    let other = ReadDateInput {
        mail: "On the 3rd, please.".into(),
    };
    let error = Predict::<ReadDate>::new()
        .call(&ctx, other)
        .await
        .err()
        .ok_or("a stale answer was played")?;
    println!("   (a changed prompt: {error})");
    Ok(())
}

#[tokio::main]
async fn main() -> Tested {
    a_good_answer_is_read().await?;
    println!("ok a good answer is read");
    a_bad_answer_is_asked_again().await?;
    println!("ok a bad answer is asked again");
    the_mail_is_in_the_prompt().await?;
    println!("ok the mail is in the prompt");
    a_recording_is_played_back().await?;
    println!("ok a recording is played back");
    Ok(())
}

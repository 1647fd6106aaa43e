//! 11. Streaming: fields as they come, from any predictor inside a program; ending a call early; events for a browser.
//!
//! `cargo run -p dictum --example 11_streaming`

use std::io::Write as _;

use dictum::prelude::*;
use dictum::program::stream::{EventKind, FieldEvent, Seen, Streamed, sse_frame};
use dictum_testkit::CannedLm;

/// Plan the trip.
#[derive(Signature)]
struct Plan {
    #[input]
    city: String,
    #[output]
    stops: Vec<String>,
}

/// Write to the traveller about the trip.
#[derive(Signature)]
struct Write {
    #[input]
    stops: Vec<String>,
    #[output]
    letter: String,
    #[output(min = 1, max = 5)]
    enthusiasm: u8,
}

#[derive(Parameters)]
struct Guide {
    plan: Predict<Plan>,
    write: Predict<Write>,
}

impl Module for Guide {
    type Input = PlanInput;
    type Output = WriteOutput;

    // Nothing in here knows whether anybody listens.
    async fn forward(&self, ctx: &Context, input: PlanInput) -> Result<WriteOutput> {
        let stops = self.plan.call(ctx, input).await?.stops;
        ctx.status("museum tickets", format!("looking for {} tickets", stops.len()))
            .await;
        self.write.call(ctx, WriteInput { stops }).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ctx = Context::new(stand_in().lm());
    let guide = Guide {
        plan: Predict::new(),
        write: Predict::new(),
    };

    // Every event has the path of its predictor. The last item is the output that `call` would give.
    let mut stream = guide.stream(&ctx, rome());
    while let Some(item) = stream.next().await {
        match item? {
            Streamed::Event(event) => match &event.kind {
                EventKind::Status { message } => println!("[{}] {message}", event.path),
                // A list can be shown before it is whole.
                EventKind::Field(FieldEvent::Partial { field, value }) => {
                    println!("[{}] {field} so far: {value}", event.path);
                }
                // Text is never taken back, but by a repair: then an event says so, and it begins anew.
                EventKind::Field(FieldEvent::Text { text, .. }) => {
                    print!("{text}");
                    std::io::stdout().flush()?;
                }
                EventKind::Field(FieldEvent::Replaced { field }) => println!("\n({field} begins anew)"),
                // A field is done as soon as the next one begins, with its type.
                _ => {
                    if let Some(stops) = event.done::<Vec<String>>("stops") {
                        println!("[{}] all {} stops", event.path, stops?.len());
                    }
                }
            },
            Streamed::Finished(letter) => println!("\nenthusiasm: {} of 5\n", letter.enthusiasm),
        }
    }

    // A guard looks at every field while it is written, and ends the call: the rest of the answer is never paid for.
    let guarded = ctx.with_guard("no volcanoes", |part| match part.value {
        Seen::Text(text) if text.contains("volcano") => Err("too dangerous".into()),
        _ => Ok(()),
    });
    match guide.call(&guarded, rome()).await {
        Err(Error::Stopped(stopped)) => println!(
            "{} ended {} at `{}` after {:?}\n",
            stopped.by,
            stopped.path,
            stopped.field,
            stopped.text.lines().nth(1).unwrap_or_default()
        ),
        other => return Err(format!("not stopped: {}", other.is_ok()).into()),
    }

    // For a server: frames of `text/event-stream`. `sse(stream)` makes the whole body of a response of them.
    let mut stream = guide.stream(&ctx, rome());
    let mut shown = 0;
    while let Some(item) = stream.next().await {
        if shown < 4 {
            print!("{}", sse_frame(item));
        }
        shown += 1;
    }
    println!("... {} frames", shown);
    Ok(())
}

fn rome() -> PlanInput {
    PlanInput { city: "Rome".into() }
}

/// Stands in for a model, so that this runs anywhere: it writes twelve characters at a time.
fn stand_in() -> CannedLm {
    let plan = "[[ ## stops ## ]]\n[\"Forum\", \"Pantheon\", \"Villa Borghese\"]\n\n[[ ## completed ## ]]";
    let letter = "[[ ## letter ## ]]\nDear traveller,\nbegin at the Forum while it is cool, see the volcano on the horizon, \
                  and end under the trees.\n\n[[ ## enthusiasm ## ]]\n5\n\n[[ ## completed ## ]]";
    CannedLm::new(move |request| {
        let writes = request
            .messages()
            .any(|message| message.to_text().contains("letter"));
        Ok(dictum::lm::Response::text(if writes { letter } else { plan }))
    })
    .in_pieces(12)
}

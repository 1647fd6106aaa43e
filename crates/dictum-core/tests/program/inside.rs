//! Modules inside a program that streams tell when they begin and end.

use dictum_core::modules::ChainOfThought;
use dictum_core::program::stream::{Event, EventKind, ProgramStream, Streamed, sse_frame};
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Error, Record, record};
use dictum_testkit::CannedLm;
use serde_json::json;

const ANSWER: &str =
    "[[ ## reasoning ## ]]\nThe mail says so.\n\n[[ ## day ## ]]\n12\n\n[[ ## completed ## ]]";

/// What modules and tools told, with where predictors asked, then all the events and the outcome.
async fn told(mut stream: ProgramStream<'_, Record>) -> (Vec<String>, Vec<Event>, Result<Record, Error>) {
    let (mut lines, mut events) = (Vec::new(), Vec::new());
    loop {
        let event = match stream.next().await.expect("a stream ends with its outcome") {
            Ok(Streamed::Event(event)) => event,
            Ok(Streamed::Finished(output)) => return (lines, events, Ok(output)),
            Err(error) => return (lines, events, Err(error)),
        };
        let path = &event.path;
        match &event.kind {
            EventKind::Asked { .. } => lines.push(format!("{path} asks")),
            EventKind::Status { message } => lines.push(format!("{path} says {message}")),
            EventKind::ModuleStarted { module } => lines.push(format!("{path} {module} starts")),
            EventKind::ModuleEnded { module, failed } => {
                lines.push(format!("{path} {module} ends {failed:?}"))
            }
            _ => {}
        }
        events.push(event);
    }
}

/// Modules inside modules, one of them in a list, and a tool without predictors.
struct Desk {
    teams: Vec<Hand>,
}

struct Hand {
    answer: ChainOfThought,
}

impl Parameters for Hand {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("answer", |path| self.answer.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("answer", |path| self.answer.visit_mut(path, visit));
    }
}

impl Parameters for Desk {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("teams", |path| self.teams.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("teams", |path| self.teams.visit_mut(path, visit));
    }
}

impl Module for Hand {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> dictum_core::Result<Record> {
        ctx.status("tools.calendar", "looking up the day").await;
        Ok(self.answer.call(ctx, input).await?.output)
    }
}

impl Module for Desk {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> dictum_core::Result<Record> {
        let mut last = Record::default();
        for team in &self.teams {
            last = team.call(ctx, input.clone()).await?;
        }
        Ok(last)
    }
}

#[tokio::test]
async fn modules_inside_tell_when_they_start_and_end() {
    let hand = || Hand {
        answer: ChainOfThought::parse("mail -> day: int").unwrap(),
    };
    let desk = Desk {
        teams: vec![hand(), hand()],
    };
    let first = [
        "teams[0] Hand starts",
        "tools.calendar says looking up the day",
        "teams[0].answer.predict asks",
        "teams[0] Hand ends None",
        "teams[1] Hand starts",
        "tools.calendar says looking up the day",
        "teams[1].answer.predict asks",
    ];
    let ctx = Context::new(CannedLm::texts([ANSWER, ANSWER]).lm());
    let (lines, _, outcome) = told(desk.stream(&ctx, record! { mail: "x" })).await;
    assert_eq!(outcome.unwrap().get("day"), Some(&json!(12)));
    assert_eq!(lines, [&first[..], &["teams[1] Hand ends None"]].concat());

    let ctx = Context::new(CannedLm::texts([ANSWER]).lm());
    let (lines, events, outcome) = told(desk.stream(&ctx, record! { mail: "x" })).await;
    let cause = outcome.unwrap_err().cause();
    assert_eq!(lines[..7], first);
    assert_eq!(lines[7..], [format!("teams[1] Hand ends Some({cause:?})")]);
    let frame = sse_frame::<Record>(Ok(Streamed::Event(events.last().unwrap().clone())));
    assert_eq!(
        frame,
        format!(
            "event: module_ended\ndata: {{\"path\":\"teams[1]\",\"module\":\"Hand\",\"failed\":\"{cause}\"}}\n\n"
        )
    );
}

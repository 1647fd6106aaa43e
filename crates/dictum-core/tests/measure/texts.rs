//! Texts of a program beside its predictors: read in a context, saved, loaded, compared.

use dictum_core::modules::Predict;
use dictum_core::program::{
    Overlay, Parameter, ParameterMut, ParameterPath, Parameters, PredictorState, TextParameter, texts,
};
use dictum_core::state::{ProgramExt, ProgramState, diff};

use crate::support::canned;

/// A predictor with two tools.
struct Agent {
    answer: Predict,
    tools: Vec<TextParameter>,
}

impl Parameters for Agent {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("answer", |path| self.answer.visit(path, visit));
        path.field("tools", |path| self.tools.visit(path, visit));
    }
    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("answer", |path| self.answer.visit_mut(path, visit));
        path.field("tools", |path| self.tools.visit_mut(path, visit));
    }
}

fn agent() -> Agent {
    let tool = |text: &str| TextParameter::new(text, "when to call the tool");
    Agent {
        answer: Predict::parse("question -> answer").unwrap(),
        tools: vec![tool("Finds words."), tool("Adds numbers.")],
    }
}

#[test]
fn a_candidate_reads_its_own_text_and_the_program_keeps_the_first() {
    let agent = agent();
    let ctx = canned(|_| Ok(String::new()));
    let overlay = Overlay::new()
        .with("answer", PredictorState::default())
        .with_text("tools[1]", "Adds two numbers up to 99.");
    let candidate = ctx.with_overlay(&agent, &overlay).unwrap();
    let read = |ctx| -> Vec<String> { agent.tools.iter().map(|tool| tool.get(ctx).to_owned()).collect() };
    assert_eq!(read(&candidate), ["Finds words.", "Adds two numbers up to 99."]);
    assert_eq!(read(&ctx), ["Finds words.", "Adds numbers."]);
    // A clone is another one: no overlay of the first reaches it.
    assert_eq!(agent.tools[1].clone().get(&candidate), "Adds numbers.");

    for (overlay, words) in [
        (
            Overlay::new().with_text("tools[2]", "x"),
            "`tools[2]` is no text of the program; it has `tools[0]`, `tools[1]`",
        ),
        (
            Overlay::new().with_text("answer", "x"),
            "`answer` is no text of the program",
        ),
        (
            Overlay::new().with("tools[0]", PredictorState::default()),
            "`tools[0]` is no predictor of the program",
        ),
    ] {
        let error = ctx.with_overlay(&agent, &overlay).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_overlay_is_json_and_back() {
    let state = PredictorState {
        instructions: Some("Be brief.".into()),
        ..PredictorState::default()
    };
    let overlay = Overlay::new()
        .with("answer", state)
        .with_text("tools[0]", "Finds.");
    let json = serde_json::to_string(&overlay).unwrap();
    assert_eq!(
        json,
        r#"{"answer":{"instructions":"Be brief."},"tools[0]":"Finds."}"#
    );
    assert_eq!(serde_json::from_str::<Overlay>(&json).unwrap(), overlay);
}

#[test]
fn what_was_learned_is_saved_and_loaded_and_nothing_else() {
    let overlay = Overlay::of(&agent()).with_text("tools[0]", "Finds words\nin old books.");
    let state = ProgramState::of_candidate(&agent(), &overlay);
    let json = state.to_json().unwrap();
    assert_eq!(ProgramState::from_json(&json).unwrap(), state);
    assert_eq!(state.text("tools[1]").unwrap().learned, None);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.json");
    state.save(&path).unwrap();
    let loaded = agent().load(&path).unwrap();
    let said: Vec<&str> = texts(&loaded).into_iter().map(|(_, text)| text.text()).collect();
    assert_eq!(said, ["Finds words\nin old books.", "Adds numbers."]);
    assert_eq!(ProgramState::of(&loaded), state);

    // A program whose declared text has changed since keeps it where nothing was learned.
    let mut newer = agent();
    newer.tools[1] = TextParameter::new("Adds whole numbers.", "when to call the tool");
    let newer = newer.load(&path).unwrap();
    assert_eq!(newer.tools[1].text(), "Adds whole numbers.");
    assert_eq!(newer.tools[0].text(), "Finds words\nin old books.");

    let shown = state.to_string();
    assert!(
        shown.contains(
            "tools[0]: text (when to call the tool)\n  learned\n    Finds words\n    in old books."
        )
    );
    assert_eq!(
        diff(&ProgramState::of(&agent()), &state),
        "tools[0]:\n  text\n    - Finds words.\n    + Finds words\n    + in old books.\n"
    );
}

#[test]
fn texts_that_do_not_fit_are_told() {
    let mut fewer = agent();
    fewer.tools.pop();
    let (whole, part) = (ProgramState::of(&agent()), ProgramState::of(&fewer));
    let report = whole.check(&fewer);
    assert_eq!(
        (report.fits(), report.unknown_texts.as_slice()),
        (false, &["tools[1]".to_owned()][..])
    );
    assert!(
        report
            .to_string()
            .contains("`tools[1]`: the file has this text, the program does not")
    );
    let report = part.check(&agent());
    assert_eq!((report.fits(), report.missing_texts.len()), (false, 1));
    assert!(part.apply_strict(&mut agent()).is_err());
    assert_eq!(part.apply(&mut agent()).loaded, ["answer", "tools[0]"]);
}

//! Thresholds of a program: compared in a context, noted in its trace, saved, loaded, told apart.

use dictum_core::modules::Predict;
use dictum_core::program::{
    Overlay, Parameter, ParameterMut, ParameterPath, Parameters, PredictorState, Threshold, Trace, thresholds,
};
use dictum_core::state::{ProgramExt, ProgramState, diff, dspy};

use crate::support::canned;

/// A predictor whose answers stand when it is sure.
struct Careful {
    answer: Predict,
    sure: Vec<Threshold>,
}

impl Parameters for Careful {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("answer", |path| self.answer.visit(path, visit));
        path.field("sure", |path| self.sure.visit(path, visit));
    }
    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("answer", |path| self.answer.visit_mut(path, visit));
        path.field("sure", |path| self.sure.visit_mut(path, visit));
    }
}

fn careful() -> Careful {
    let sure = |value| Threshold::new(value, "when the answer stands");
    Careful {
        answer: Predict::parse("question -> answer").unwrap(),
        sure: vec![sure(0.5), sure(0.75)],
    }
}

#[test]
fn a_candidate_compares_with_its_own_number_and_the_program_keeps_the_first() {
    let program = careful();
    let ctx = canned(|_| Ok(String::new()));
    let overlay = Overlay::new().with_threshold("sure[1]", 0.25);
    let candidate = ctx.with_overlay(&program, &overlay).unwrap();
    let passes =
        |ctx, value| -> Vec<bool> { program.sure.iter().map(|sure| sure.passes(ctx, value)).collect() };
    assert_eq!(passes(&candidate, 0.25), [false, true]);
    assert_eq!(passes(&candidate, 0.5), [true, true]);
    assert_eq!(passes(&ctx, 0.5), [true, false]);
    assert_eq!(program.sure[1].get(&candidate), 0.25);
    // A clone is another one: no overlay of the first reaches it.
    assert_eq!(program.sure[1].clone().get(&candidate), 0.75);

    for (overlay, words) in [
        (
            Overlay::new().with_threshold("sure[2]", 0.1),
            "`sure[2]` is no threshold of the program; it has `sure[0]`, `sure[1]`",
        ),
        (
            Overlay::new().with_text("sure[0]", "x"),
            "`sure[0]` is no text of the program",
        ),
        (
            Overlay::new().with_threshold("answer", 0.1),
            "`answer` is no threshold of the program",
        ),
        (
            Overlay::new().with_threshold("sure[0]", f64::NAN),
            "`sure[0]` is NaN as a threshold; it must be a finite number",
        ),
        (
            Overlay::new().with_threshold("sure[0]", f64::INFINITY),
            "must be a finite number",
        ),
    ] {
        let error = ctx.with_overlay(&program, &overlay).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_was_compared_stands_in_the_trace_and_the_trace_is_bounded() {
    let program = careful();
    let plain = canned(|_| Ok(String::new()));
    let outer = Trace::bounded(2);
    let ctx = plain
        .for_program(&program)
        .with_trace(outer.child(100))
        .with_overlay(&program, &Overlay::new().with_threshold("sure[0]", 0.2))
        .unwrap();
    for value in [0.1, 0.2, 0.3] {
        let _ = program.sure[0].passes(&ctx, value);
    }
    let seen = |trace: &Trace| -> Vec<(String, f64, f64, bool)> {
        let all = trace.compared().into_iter();
        all.map(|seen| (seen.path.to_string(), seen.value, seen.threshold, seen.passed()))
            .collect()
    };
    let path = || "sure[0]".to_owned();
    let all = [
        (path(), 0.1, 0.2, false),
        (path(), 0.2, 0.2, true),
        (path(), 0.3, 0.2, true),
    ];
    assert_eq!(seen(ctx.trace()), all);
    assert_eq!(seen(&outer), all[1..]);

    // Where the program is not known there is no path to note it under.
    assert!(program.sure[0].passes(&plain, 0.9));
    assert_eq!(plain.trace().compared(), []);
    let deaf = ctx.with_trace(Trace::bounded(0));
    assert!(program.sure[0].passes(&deaf, 0.9));
    assert_eq!(deaf.trace().compared(), []);
}

#[test]
fn values_that_are_no_numbers_pass_as_they_stand_and_are_not_noted() {
    let mut program = careful();
    let ctx = canned(|_| Ok(String::new())).for_program(&program);
    let sure = &program.sure[0];
    assert!(!sure.passes(&ctx, f64::NAN));
    assert!(sure.passes(&ctx, f64::INFINITY));
    assert!(!sure.passes(&ctx, f64::NEG_INFINITY));
    assert_eq!(ctx.trace().compared(), []);

    let sure = &mut program.sure[0];
    sure.set_learned(Some(0.9)).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(sure.set_learned(Some(value)).is_err());
        assert_eq!(sure.value(), 0.9);
    }
    program.sure[1] = Threshold::new(f64::INFINITY, "never passes");
    let error = ProgramState::of(&program).to_json().unwrap_err().to_string();
    assert!(
        error.contains("the threshold `sure[1]` is inf; it must be a finite number"),
        "{error}"
    );
}

#[test]
fn an_overlay_is_json_and_back_to_the_bit() {
    let state = PredictorState {
        instructions: Some("Be brief.".into()),
        ..PredictorState::default()
    };
    let overlay = Overlay::new()
        .with("answer", state)
        .with_threshold("sure[0]", 0.1 + 0.2)
        .with_threshold("sure[1]", 2.0);
    let json = serde_json::to_string(&overlay).unwrap();
    assert_eq!(
        json,
        r#"{"answer":{"instructions":"Be brief."},"sure[0]":0.30000000000000004,"sure[1]":2.0}"#
    );
    assert_eq!(serde_json::from_str::<Overlay>(&json).unwrap(), overlay);
}

#[test]
fn what_was_learned_is_saved_and_loaded_and_nothing_else() {
    let overlay = Overlay::of(&careful()).with_threshold("sure[0]", 0.1 + 0.2);
    let state = ProgramState::of_candidate(&careful(), &overlay);
    let json = state.to_json().unwrap();
    assert!(json.starts_with("{\n  \"dictum\": 3,"), "{json}");
    assert_eq!(ProgramState::from_json(&json).unwrap(), state);
    assert_eq!(state.threshold("sure[1]").unwrap().learned, None);
    assert_eq!(state.overlay().threshold("sure[0]"), Some(0.1 + 0.2));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("careful.json");
    state.save(&path).unwrap();
    let loaded = careful().load(&path).unwrap();
    let values: Vec<f64> = thresholds(&loaded).iter().map(|(_, sure)| sure.value()).collect();
    assert_eq!(values, [0.1 + 0.2, 0.75]);
    assert_eq!(ProgramState::of(&loaded), state);

    // A program whose declared number has changed since keeps it where nothing was learned.
    let mut newer = careful();
    newer.sure[1] = Threshold::new(0.9, "when the answer stands");
    assert_eq!(newer.load(&path).unwrap().sure[1].value(), 0.9);

    assert!(state.to_string().contains(
        "sure[0]: threshold (when the answer stands)\n  0.30000000000000004 (learned, declared as 0.5)"
    ));
    assert_eq!(
        diff(&ProgramState::of(&careful()), &state),
        "sure[0]:\n  threshold\n    - 0.5\n    + 0.30000000000000004\n"
    );
    let export = dspy::export(&state).unwrap();
    assert!(!export.text.contains("sure"), "{}", export.text);
    assert!(
        export
            .notes
            .iter()
            .any(|note| note.to_string().contains("`sure[0]`: is a threshold"))
    );
}

#[test]
fn a_file_with_a_number_that_is_none_is_refused() {
    let json = ProgramState::of(&careful()).to_json().unwrap();
    for bad in ["1e999", "null", "\"0.5\"", "NaN"] {
        let text = json.replace("\"declared\": 0.75", &format!("\"declared\": {bad}"));
        assert_ne!(text, json);
        let error = ProgramState::from_json(&text).unwrap_err().to_string();
        assert!(error.contains("program state:"), "{bad}: {error}");
    }
}

#[test]
fn thresholds_that_do_not_fit_are_told() {
    let mut fewer = careful();
    fewer.sure.pop();
    let (whole, part) = (ProgramState::of(&careful()), ProgramState::of(&fewer));
    let report = whole.check(&fewer);
    assert_eq!(
        (report.fits(), report.unknown_thresholds.as_slice()),
        (false, &["sure[1]".to_owned()][..])
    );
    assert!(
        report
            .to_string()
            .contains("`sure[1]`: the file has this threshold, the program does not")
    );
    let report = part.check(&careful());
    assert_eq!((report.fits(), report.missing_thresholds.len()), (false, 1));
    assert!(part.apply_strict(&mut careful()).is_err());
    assert_eq!(part.apply(&mut careful()).loaded, ["answer", "sure[0]"]);
}

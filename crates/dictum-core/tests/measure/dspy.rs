//! The files under `tests/data/dspy` were written by DSPy 3.4.1: see `scripts/dspy`.

use std::path::PathBuf;

use dictum_core::program::{Parameters, predictors};
use dictum_core::record;
use dictum_core::state::dspy::{Import, export, import, import_for};
use dictum_core::state::{ProgramKind, ProgramState};
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::programs;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/dspy")
}

fn file(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

/// Every file with the import onto the program it is of.
fn all() -> Vec<(&'static str, Import, Box<dyn Parameters>)> {
    let mut all: Vec<(&'static str, Import, Box<dyn Parameters>)> = Vec::new();
    fn add<P: Parameters + 'static>(
        all: &mut Vec<(&'static str, Import, Box<dyn Parameters>)>,
        name: &'static str,
        program: P,
    ) {
        let import = import_for(&file(name), &program).unwrap();
        all.push((name, import, Box::new(program)));
    }
    add(&mut all, "predict", programs::predict());
    add(&mut all, "chain_of_thought", programs::chain_of_thought());
    add(&mut all, "two_steps", programs::two_steps());
    add(&mut all, "containers", programs::containers());
    add(&mut all, "pydantic", programs::pydantic());
    add(&mut all, "unicode", programs::unicode());
    all
}

fn notes(import: &Import) -> Vec<String> {
    import.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn every_file_fits_the_program_it_is_of() {
    for (name, import, mut program) in all() {
        let report = import.state.apply_strict(&mut program).unwrap();
        assert!(
            report.missing.is_empty() && report.unknown.is_empty(),
            "{name}: {report}"
        );
        for (path, predictor) in predictors(&program) {
            assert_eq!(
                Some(predictor.state()),
                import.state.predictor(&path).map(|saved| &saved.state)
            );
        }
    }
}

#[test]
fn instructions_and_demos_are_read_predictor_by_predictor() {
    let import = import_for(&file("two_steps"), &programs::two_steps()).unwrap();
    let paths: Vec<&str> = import.state.predictors().map(|(path, _)| path).collect();
    assert_eq!(paths, ["summarize.predict", "classify"]);
    let summarize = &import.state.predictor("summarize.predict").unwrap().state;
    // What DSPy writes for a signature without instructions is no instruction.
    assert_eq!(summarize.instructions, None);
    assert!(summarize.demos.iter().all(|demo| demo.augmented));
    assert_eq!(
        summarize.demos[0].fields,
        record! { document: "The invoice is wrong", reasoning: "About money.", summary: "Wrong invoice" }
    );
    let classify = &import.state.predictor("classify").unwrap().state;
    assert_eq!(classify.demos[1].fields.get("priority"), Some(&Value::Null));

    let import = import_for(&file("containers"), &programs::containers()).unwrap();
    let state = |path: &str| import.state.predictor(path).unwrap().state.clone();
    let english = state("by_language['en']");
    assert_eq!(
        english.instructions.as_deref(),
        Some("Say what kind of text it is.")
    );
    assert_eq!(
        state("by_language['it\\'s']").demos[0].fields,
        record! { text: "uno", label: 1 }
    );
    assert_eq!(state("hops[1].predict").demos.len(), 1);
}

#[test]
fn what_has_no_place_is_kept_and_named() {
    let import = import_for(&file("chain_of_thought"), &programs::chain_of_thought()).unwrap();
    let state = &import.state.predictor("predict").unwrap().state;
    assert_eq!(
        (state.settings.temperature, state.settings.max_tokens),
        (Some(0.3), Some(400))
    );
    let lm = &import.state.unplaced()["predictors"]["predict"]["lm"];
    assert_eq!(
        (&lm["model"], &lm["num_retries"]),
        (&json!("openai/some-model"), &json!(3))
    );
    assert_eq!(lm.get("api_base"), None);
    let notes = notes(&import).join("\n");
    assert!(
        notes.contains("`predict`: `api_base` of the model's configuration are left out"),
        "{notes}"
    );
    assert!(notes.contains("(openai/some-model) is kept aside"), "{notes}");
    assert!(!import.state.to_json().unwrap().contains("localhost"));

    let import = import_for(&file("predict"), &programs::predict()).unwrap();
    assert_eq!(
        self::notes(&import),
        ["`self`: `source` in 3 demos is no field of the signature: kept in them, not shown to models"]
    );

    let import = import_for(&file("unicode"), &programs::unicode()).unwrap();
    assert_eq!(
        import.state.unplaced()["predictors"]["self"]["descriptions"],
        json!({"team": "das Team, “genau”"})
    );
}

#[test]
fn export_gives_back_what_dspy_wrote() {
    for (name, import, _) in all() {
        // Through Dictum's own file, as a user would.
        let state = ProgramState::from_json(&import.state.to_json().unwrap()).unwrap();
        assert_eq!(state, import.state);
        let exported: Value = serde_json::from_str(&export(&state).unwrap().text).unwrap();
        let mut original: Value = serde_json::from_str(&file(name)).unwrap();
        if let Some(lm) = original.pointer_mut("/predict/lm").and_then(Value::as_object_mut) {
            lm.remove("api_base");
        }
        assert_eq!(exported, original, "{name}");
    }
}

#[test]
fn the_exports_that_dspy_has_read_are_those_of_now() {
    for (name, import, _) in all() {
        assert_eq!(
            file(&format!("exported/{name}")),
            export(&import.state).unwrap().text,
            "{name}"
        );
    }
}

/// Writes the files for `scripts/dspy/check_export.py`.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_exports() {
    std::fs::create_dir_all(folder().join("exported")).unwrap();
    for (name, import, _) in all() {
        let path = folder().join(format!("exported/{name}.json"));
        std::fs::write(path, export(&import.state).unwrap().text).unwrap();
    }
}

#[test]
fn a_signature_is_guessed_where_none_is_given() {
    let guess = |name: &str| import(&file(name), &IndexMap::new()).unwrap();
    let fields = |import: &Import, path: &str| {
        let spec = &import.state.predictor(path).unwrap().signature;
        let names = |fields: &[dictum_core::signature::FieldSpec]| {
            let names: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name, field.schema.outline().text))
                .collect();
            names.join(", ")
        };
        format!("{} -> {}", names(spec.inputs()), names(spec.outputs()))
    };
    let plain = guess("chain_of_thought");
    assert_eq!(
        fields(&plain, "predict"),
        "question: str -> reasoning: str, answer: str"
    );
    assert_eq!(plain.state.kind(), Some(ProgramKind::ChainOfThought));
    assert!(plain.state.build().is_ok());

    let bare = guess("predict");
    assert_eq!(bare.state.kind(), Some(ProgramKind::Predict));
    assert!(
        fields(&bare, "self").ends_with("-> answer: float"),
        "{}",
        fields(&bare, "self")
    );

    // No default instructions tell the outputs here: only the last field is taken, and said so.
    let two = guess("two_steps");
    assert!(
        notes(&two)
            .iter()
            .any(|note| note.starts_with("`classify`: ") && note.contains("give the signature"))
    );
    assert_eq!(two.state.kind(), None);
    for name in ["containers", "pydantic", "unicode"] {
        let import = guess(name);
        let names = |import: &Import| -> Vec<String> {
            import
                .state
                .predictors()
                .flat_map(|(_, saved)| saved.signature.fields().to_vec())
                .map(|field| field.name)
                .collect()
        };
        let known = all().into_iter().find(|(known, ..)| *known == name).unwrap().1;
        assert_eq!(names(&import), names(&known), "{name}");
    }
}

#[test]
fn default_instructions_never_speak_of_the_reasoning() {
    let instructions = |text: &str| {
        let file: Value = serde_json::from_str(text).unwrap();
        file["predict"]["signature"]["instructions"].clone()
    };
    let original = file("chain_of_thought");
    // Read without the program, and of a new program that was never in DSPy.
    let guessed = import(&original, &IndexMap::new()).unwrap().state;
    for state in [guessed.clone(), ProgramState::of(&programs::chain_of_thought())] {
        assert_eq!(
            instructions(&export(&state).unwrap().text),
            instructions(&original)
        );
    }
    // And the program made of the guess is told what one made by code is told.
    let spec = &guessed.predictor("predict").unwrap().signature;
    assert_eq!(
        spec.instructions(),
        programs::chain_of_thought().predictor().spec().instructions()
    );
}

#[test]
fn what_is_no_dspy_state_is_refused() {
    let error = |text: &str| import(text, &IndexMap::new()).unwrap_err().to_string();
    assert!(error("{").contains("not JSON"));
    assert!(error("[]").contains("no state saved by DSPy"));
    assert!(error("{\"dictum\": 1}").contains("no state saved by DSPy"));
    let other = ProgramState::from_json(&file("unicode")).unwrap_err().to_string();
    assert!(other.contains("saved by DSPy; import it"), "{other}");
}

#[test]
fn fields_that_moved_are_told() {
    let program =
        dictum_core::modules::Predict::parse("hints: list[str], question -> answer: float").unwrap();
    let import = import_for(&file("predict"), &program).unwrap();
    let text = notes(&import).join("\n");
    assert!(
        text.contains("where the program has field `hints`, the file has `question`"),
        "{text}"
    );
    let program = dictum_core::modules::Predict::parse("question -> answer: float").unwrap();
    let import = import_for(&file("predict"), &program).unwrap();
    let text = notes(&import).join("\n");
    assert!(text.contains("the file has 3 fields and the program 2"), "{text}");
    assert!(text.contains("`hints` in 3 demos"), "{text}");
}

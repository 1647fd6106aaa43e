use dictum_core::lm::Settings;
use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::program::{Demo, Overlay, ParameterPath, Parameters, PredictorState, predictors};
use dictum_core::record;
use dictum_core::state::{ProgramExt, ProgramKind, ProgramState, diff};
use serde_json::json;

use crate::programs::{TwoSteps, two_steps};
use crate::support::{canned, chat};

fn learned() -> PredictorState {
    PredictorState {
        instructions: Some("Summarize.\nBe short.".into()),
        demos: vec![
            Demo::augmented(record! { document: "long \u{1F389}", reasoning: "r", summary: "s" }),
            Demo::labeled(record! { document: "half", source: "table" }),
        ],
        settings: Settings {
            temperature: Some(0.7),
            ..Settings::default()
        },
        ..PredictorState::default()
    }
}

fn set<P: Parameters + ?Sized>(program: &mut P, path: &str, state: &PredictorState) {
    program.visit_mut(&mut ParameterPath::default(), &mut |at, parameter| {
        let Some(predictor) = parameter.predictor() else {
            return;
        };
        if at.to_string() == path {
            predictor.set_state(state.clone());
        }
    });
}

fn trained() -> TwoSteps {
    let mut program = two_steps();
    set(&mut program, "summarize.predict", &learned());
    program
}

fn states<P: Parameters + ?Sized>(program: &P) -> Vec<(String, PredictorState)> {
    let all = predictors(program).into_iter();
    all.map(|(path, predictor)| (path, predictor.state().clone()))
        .collect()
}

#[test]
fn what_is_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.json");
    trained().save(&path).unwrap();
    let loaded = two_steps().load(&path).unwrap();
    assert_eq!(states(&loaded), states(&trained()));

    let bytes = std::fs::read(&path).unwrap();
    loaded.save(&path).unwrap();
    assert_eq!(bytes, std::fs::read(&path).unwrap());
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing temporary is left");
}

#[test]
fn a_candidate_is_saved_with_its_overlay() {
    let overlay = Overlay::new().with("summarize.predict", learned());
    let candidate = ProgramState::of_candidate(&two_steps(), &overlay);
    assert_eq!(candidate, ProgramState::of(&trained()));
}

#[test]
fn equal_states_are_equal_bytes() {
    let with = |fields, extra: serde_json::Value| {
        let mut program = two_steps();
        let state = PredictorState {
            demos: vec![Demo::labeled(fields)],
            settings: Settings {
                extra: extra.as_object().unwrap().clone(),
                ..Settings::default()
            },
            ..PredictorState::default()
        };
        set(&mut program, "classify", &state);
        ProgramState::of(&program).with_metadata("seed", 7)
    };
    let a = with(
        record! { zebra: 1, team: "sales", apple: 2, message: "m" },
        json!({"top_k": 3, "logit": {"b": 1, "a": 2}}),
    );
    let b = with(
        record! { apple: 2, message: "m", team: "sales", zebra: 1 },
        json!({"logit": {"a": 2, "b": 1}, "top_k": 3}),
    );
    assert_eq!(a, b);
    let text = a.to_json().unwrap();
    assert_eq!(text, b.to_json().unwrap());
    let order: Vec<usize> = [
        "\"message\": \"m\"",
        "\"team\": \"sales\"",
        "\"apple\"",
        "\"zebra\"",
    ]
    .iter()
    .map(|key| text.find(key).unwrap())
    .collect();
    assert!(order.is_sorted(), "{text}");
    assert_eq!(ProgramState::from_json(&text).unwrap(), a);
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.json");
    let mut program = trained();
    let state = PredictorState {
        demos: vec![
            Demo::labeled(record! { message: "a", team: "legal" }),
            Demo::labeled(record! { message: "b", team: "sales" }),
        ],
        ..PredictorState::default()
    };
    set(&mut program, "classify", &state);
    program.save(&path).unwrap();

    let mut other = two_steps();
    other.summarize = ChainOfThought::parse("document, limit: int -> summary").unwrap();
    let error = other.clone().load(&path).map(|_| ()).unwrap_err().to_string();
    let name = path.display().to_string();
    assert!(
        error.starts_with(&format!("{name}: it does not fit the program")),
        "{error}"
    );
    assert!(
        error.contains("`summarize.predict`: field `limit` is a new input of the program"),
        "{error}"
    );

    let (loaded, report) = other.load_with_report(&path).unwrap();
    assert!(!report.fits());
    assert_eq!(report.loaded, ["summarize.predict", "classify"]);
    let dropped: Vec<_> = report.demos.iter().filter(|issue| !issue.kept).collect();
    assert_eq!(
        (dropped.len(), dropped[0].demo, dropped[0].field.as_str()),
        (1, 1, "team")
    );
    assert!(
        report
            .demos
            .iter()
            .any(|issue| issue.kept && issue.field == "source" && issue.demo == 2)
    );
    assert_eq!(loaded.classify.predictor().state().demos, state.demos[1..]);
    assert_eq!(loaded.summarize.predictor().state(), &learned());
}

#[test]
fn missing_and_unknown_predictors_and_changed_types_are_reported() {
    let state = ProgramState::of(&trained());
    let mut program = ChainOfThought::parse("question -> answer").unwrap();
    let report = state.check(&program);
    assert_eq!(report.missing, ["predict"]);
    assert_eq!(report.unknown, ["summarize.predict", "classify"]);
    assert!(state.apply_strict(&mut program).is_err());

    let saved = ProgramState::of(&Predict::parse("a, b: int -> c").unwrap());
    let report = saved.check(&Predict::parse("b: float -> c, a").unwrap());
    let changes: Vec<String> = report
        .changes
        .iter()
        .map(|change| format!("{} {}", change.field, change.change))
        .collect();
    assert_eq!(
        changes,
        [
            "a is an input in the file and an output in the program; change the signature back, or compile the program again",
            "b has the type `int` in the file and `float` in the program; change the signature back, or compile the program \
             again"
        ]
    );
    // As a person reads it, with a demonstration that fits no more.
    let mut old = Predict::parse("text -> label: Literal['a', 'b'], why").unwrap();
    let demos = vec![Demo::labeled(record! { text: "x", label: "b", why: "y" })];
    old.predictor_mut().set_state(PredictorState {
        demos,
        ..PredictorState::default()
    });
    let now = Predict::parse("text -> label: Literal['a', 'c']").unwrap();
    insta::assert_snapshot!(ProgramState::of(&old).check(&now));
    insta::assert_snapshot!(state.check(&program));
}

#[test]
fn no_key_and_no_endpoint_gets_into_a_file() {
    for name in [
        "api_key",
        "apiKey",
        "OPENAI_API_KEY",
        "api_base",
        "base_url",
        "headers",
        "extra_headers",
        "Authorization",
        "azure_endpoint",
        "aws_secret_access_key",
        "aws_session_token",
        "model_list",
        "proxy",
        "password",
    ] {
        for extra in [json!({name: "x"}), json!({"deep": [{name: {"y": 1}}]})] {
            let mut program = two_steps();
            let state = PredictorState {
                settings: Settings {
                    extra: extra.as_object().unwrap().clone(),
                    ..Settings::default()
                },
                ..PredictorState::default()
            };
            set(&mut program, "classify", &state);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.json");
            let error = program.save(&path).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`settings.extra` of `classify` holds `{name}`")),
                "{error}"
            );
            assert!(!path.exists());

            // Nor out of one that somebody wrote by hand.
            let clean = ProgramState::of(&two_steps()).to_json().unwrap();
            let mut file: serde_json::Value = serde_json::from_str(&clean).unwrap();
            file["predictors"]["classify"]["settings"] = json!({"extra": extra});
            let error = ProgramState::from_json(&file.to_string())
                .unwrap_err()
                .to_string();
            assert!(error.contains(name), "{error}");
        }
        let state = ProgramState::of(&two_steps()).with_metadata(name, "x");
        assert!(state.to_json().is_err(), "{name}");
    }
    // Names that only look alike.
    let harmless = json!({"max_completion_tokens": 3, "top_k": 1, "keyword": "x", "tokenizer": "t", "stop_token_ids": [1]});
    let mut state = learned();
    state.settings.extra = harmless.as_object().unwrap().clone();
    let mut program = two_steps();
    set(&mut program, "classify", &state);
    ProgramState::of(&program).to_json().unwrap();
}

#[test]
fn a_file_that_is_no_state_is_refused_with_its_place() {
    let error = |text: &str| ProgramState::from_json(text).unwrap_err().to_string();
    assert!(error("{\n  \"dictum\": 1,\n  oops\n}").starts_with("program state:3:3: not JSON"));
    assert!(error("{}").contains("it has no `dictum` version"));
    assert!(
        error("{\"dictum\": 4, \"predictors\": {}}").contains("its version is 4, and only versions up to 3")
    );
    let text = error("{\n\"dictum\": 1,\n\"predictors\": {},\n\"code\": \"rm\"}");
    assert!(
        text.starts_with("program state:4:") && text.contains("unknown field `code`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_program_of_one_module_is_made_of_its_file_alone() {
    let mut program = ChainOfThought::parse("question -> answer").unwrap();
    let state = PredictorState {
        instructions: Some("Answer like a pirate.".into()),
        ..PredictorState::default()
    };
    set(&mut program, "predict", &state);
    let saved = ProgramState::of(&program);
    let error = saved.build().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("`program` is not named in the state"), "{error}");

    let text = saved.with_kind(ProgramKind::ChainOfThought).to_json().unwrap();
    let built = ProgramState::from_json(&text).unwrap().build().unwrap();
    assert_eq!(states(&built), states(&program));
    let ctx = canned(|_| Ok(format!("[[ ## reasoning ## ]]\nrum\n\n{}", chat("answer", "arr"))));
    let out = built.call_record(&ctx, record! { question: "?" }).await.unwrap();
    assert_eq!(out, record! { reasoning: "rum", answer: "arr" });
    let two = ProgramState::of(&two_steps()).with_kind(ProgramKind::Predict);
    assert!(
        two.build()
            .map(|_| ())
            .unwrap_err()
            .to_string()
            .contains("must be one for a predict, found 2")
    );
}

#[test]
fn a_difference_is_told_predictor_by_predictor() {
    let before = ProgramState::of(&trained());
    let mut program = trained();
    let mut state = learned();
    state.instructions = Some("Summarize.\nBe very short.".into());
    state.demos.remove(1);
    state
        .demos
        .push(Demo::labeled(record! { document: "d", summary: "s2" }));
    state.settings.temperature = None;
    state.settings.max_tokens = Some(50);
    set(&mut program, "summarize.predict", &state);
    let after = ProgramState::of(&program);
    assert_eq!(
        diff(&before, &after),
        "\
summarize.predict:
  instructions
      Summarize.
    - Be short.
    + Be very short.
  demos, 2 before and 2 after
    - {\"document\":\"half\",\"source\":\"table\"}
    + {\"document\":\"d\",\"summary\":\"s2\"}
  - temperature: 0.7
  + max_tokens: 50
"
    );
    assert_eq!(diff(&before, &before), "");
    let other = ProgramState::of(&Predict::parse("a -> b").unwrap());
    assert!(
        diff(&before, &other).contains("classify: removed") && diff(&before, &other).contains("self: added")
    );
}

#[test]
fn edited_descriptions_are_no_other_type() {
    use dictum_core::signature::{FieldSpec, SignatureSpec};
    use dictum_core::types::Schema;
    let program = |words: &str, kind: &str| {
        let schema = Schema::from_json_schema(&json!({
            "title": "Note",
            "type": "object",
            "properties": {"description": {"type": kind, "description": words}},
            "required": ["description"],
        }));
        let fields = [
            FieldSpec::input("q", dictum_core::types::Type::str()),
            FieldSpec::output("note", schema),
        ];
        Predict::from_spec(SignatureSpec::new("", None, fields).unwrap())
    };
    let saved = ProgramState::of(&program("short", "string"));
    assert!(saved.check(&program("as short as can be", "string")).fits());
    let other = saved.check(&program("short", "integer"));
    assert!(!other.fits());
    let change = &other.changes[0].change;
    assert!(
        change.contains("description: int") && change.contains("description: str"),
        "{change}"
    );
}

#[test]
fn a_state_shows_what_was_learned() {
    let text = ProgramState::of(&trained()).with_metadata("seed", 7).to_string();
    for line in [
        "summarize.predict: document -> reasoning, summary",
        "    Summarize.",
        "  temperature: 0.7",
        "  demos: 2",
        "  instructions (of the signature)",
        "metadata: {\"seed\":7}",
    ] {
        assert!(
            text.lines().any(|found| found.starts_with(line)),
            "{line}\n{text}"
        );
    }
}

#[test]
fn names_of_models_are_saved_in_the_first_version_that_knows_them() {
    let named = PredictorState {
        lm: Some("cheap".into()),
        adapter: Some("json".into()),
        reasoning: Some(true),
        // Shown where the model is asked to reason, though the signature has no such output.
        demos: vec![Demo::augmented(
            record! { message: "m", reasoning: "so", team: "sales" },
        )],
        ..PredictorState::default()
    };
    let before = ProgramState::of(&two_steps());
    assert!(before.to_json().unwrap().contains("\"dictum\": 1"));
    let mut program = two_steps();
    set(&mut program, "classify", &named);
    let state = ProgramState::of(&program);
    let text = state.to_json().unwrap();
    assert!(text.contains("\"dictum\": 2"), "{text}");
    assert_eq!(ProgramState::from_json(&text).unwrap(), state);
    let mut loaded = two_steps();
    let report = state.apply_strict(&mut loaded).unwrap();
    assert_eq!(report.demos, []);
    assert_eq!(states(&loaded), states(&program));
    for words in ["lm: cheap", "adapter: json", "reasoning: on"] {
        assert!(state.to_string().contains(words), "{state}");
        assert!(diff(&before, &state).contains(&format!("+ {words}")));
        assert!(diff(&state, &before).contains(&format!("- {words}")));
    }
    let export = dictum_core::state::dspy::export(&state).unwrap();
    assert_eq!(export.notes.len(), 3, "{:?}", export.notes);
    assert!(!export.text.contains("cheap"));
}

#[test]
fn an_address_is_no_name_of_a_model() {
    for name in ["https://example.org/v1", "", "two words"] {
        let state = PredictorState {
            lm: Some(name.into()),
            ..PredictorState::default()
        };
        let mut program = two_steps();
        set(&mut program, "classify", &state);
        let error = ProgramState::of(&program).to_json().unwrap_err().to_string();
        assert!(error.contains("`lm` of `classify` is no name"), "{error}");
    }
}

//! `derive(Parameters)`: every predictor has a path, in the order of the fields.

use std::collections::BTreeMap;

use dictum::modules::{ChainOfThought, Predict};
use dictum::prelude::*;
use dictum::program::{ParameterPath, TextParameter, Threshold, predictors, texts, thresholds};

#[derive(Signature)]
struct Answer {
    #[input]
    question: String,
    #[output]
    answer: String,
}

#[derive(Parameters)]
struct Rag {
    answer: ChainOfThought<Answer>,
    check: Option<Predict<Answer>>,
    hops: Vec<Hop>,
    r#final: BTreeMap<String, Box<Predict<Answer>>>,
    passages: usize,
    #[parameters(skip)]
    search: fn(&str) -> Vec<String>,
}

#[derive(Parameters)]
struct Hop(Predict<Answer>, String);

#[derive(Parameters)]
struct Twice<M> {
    first: M,
    second: M,
}

#[derive(Parameters)]
struct Fixed;

#[derive(Parameters)]
struct Tools {
    answer: Predict<Answer>,
    tool: Twice<TextParameter>,
    spare: Option<Vec<TextParameter>>,
}

fn rag() -> Rag {
    Rag {
        answer: ChainOfThought::new(),
        check: Some(Predict::new()),
        hops: vec![Hop(Predict::new(), "a".into()), Hop(Predict::new(), "b".into())],
        r#final: BTreeMap::from([("it's".to_owned(), Box::new(Predict::new()))]),
        passages: 3,
        search: |_| Vec::new(),
    }
}

fn paths<P: Parameters>(program: &P) -> Vec<String> {
    predictors(program).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn every_predictor_is_found_under_the_names_of_its_fields() {
    let rag = rag();
    assert!((rag.search)("x").is_empty() && rag.passages == 3 && rag.hops[1].1 == "b");
    assert_eq!(
        paths(&rag),
        [
            "answer.predict",
            "check",
            "hops[0].0",
            "hops[1].0",
            r"final['it\'s']"
        ]
    );
    assert_eq!(
        paths(&Twice {
            first: Predict::<Answer>::new(),
            second: Predict::new()
        }),
        ["first", "second"]
    );
    assert!(paths(&Fixed).is_empty());
}

#[test]
fn changing_visits_the_same_predictors_in_the_same_order() {
    let mut rag = rag();
    let mut changed = Vec::new();
    rag.visit_mut(&mut ParameterPath::default(), &mut |path, parameter| {
        let predictor = parameter.predictor().unwrap();
        let mut state = predictor.state().clone();
        state.instructions = Some(format!("I am {path}."));
        predictor.set_state(state);
        changed.push(path.to_string());
    });
    assert_eq!(changed, paths(&rag));
    for (path, predictor) in predictors(&rag) {
        assert_eq!(
            predictor.state().instructions.as_deref(),
            Some(format!("I am {path}.").as_str())
        );
    }
}

#[test]
fn thresholds_are_found_beside_predictors() {
    #[derive(Parameters)]
    struct Careful {
        answer: Predict<Answer>,
        sure: Threshold,
        cuts: Vec<Threshold>,
    }
    let threshold = |value| Threshold::new(value, "a test");
    let mut careful = Careful {
        answer: Predict::new(),
        sure: threshold(0.5),
        cuts: vec![threshold(1.0), threshold(2.0)],
    };
    assert_eq!(paths(&careful), ["answer"]);
    careful.visit_mut(&mut ParameterPath::default(), &mut |path, parameter| {
        if let Some(threshold) = parameter.threshold() {
            let learned = threshold.declared() + path.to_string().len() as f64;
            threshold.set_learned(Some(learned)).unwrap();
        }
    });
    let found: Vec<(String, f64)> = thresholds(&careful)
        .into_iter()
        .map(|(path, threshold)| (path, threshold.value()))
        .collect();
    let expected = [("sure", 4.5), ("cuts[0]", 8.0), ("cuts[1]", 9.0)].map(|(path, v)| (path.to_owned(), v));
    assert_eq!(found, expected);
}

#[test]
fn texts_are_found_beside_predictors() {
    let text = |text: &str| TextParameter::new(text, "a test");
    let mut tools = Tools {
        answer: Predict::new(),
        tool: Twice {
            first: text("a"),
            second: text("b"),
        },
        spare: Some(vec![text("c")]),
    };
    assert_eq!(paths(&tools), ["answer"]);
    tools.visit_mut(&mut ParameterPath::default(), &mut |path, parameter| {
        if let Some(text) = parameter.text() {
            text.set_learned(Some(&format!("I am {path}.")));
        }
    });
    let found: Vec<(String, &str)> = texts(&tools)
        .into_iter()
        .map(|(path, text)| (path, text.text()))
        .collect();
    let named = ["tool.first", "tool.second", "spare[0]"];
    let expected: Vec<(String, String)> = named
        .iter()
        .map(|path| ((*path).to_owned(), format!("I am {path}.")))
        .collect();
    assert!(
        found
            .iter()
            .map(|(path, text)| (path.clone(), (*text).to_owned()))
            .eq(expected)
    );
}

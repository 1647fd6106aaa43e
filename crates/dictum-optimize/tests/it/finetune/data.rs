//! The files of examples.

use std::collections::HashSet;

use dictum_core::Record;
use dictum_core::adapter::JsonAdapter;
use dictum_core::data::Example;
use dictum_core::lm::{Media, Message};
use dictum_core::modules::Predict;
use dictum_core::program::{Demo, ParameterMut, Parameters, PredictorState};
use dictum_core::record;
use dictum_optimize::BootstrapFinetune;
use serde_json::{Value, json};

use super::{COLOURS, TwoSteps, context, exact, examples, server, service, tuner};
use crate::simulated::{folder, program};

fn chats(content: &str) -> Vec<Vec<Value>> {
    let lines = content.lines().map(|line| {
        let chat: Value = serde_json::from_str(line).unwrap();
        chat["messages"].as_array().unwrap().clone()
    });
    lines.collect()
}

fn text(message: &Value) -> &str {
    message["content"].as_str().unwrap()
}

#[tokio::test]
async fn a_chat_is_what_the_program_sends_and_what_it_should_have_been_told() {
    let server = server();
    let ctx = context(&service(&server));
    let program = program();
    let data = BootstrapFinetune::new()
        .write(&ctx, &program, &examples("train", 40, &COLOURS), exact())
        .await
        .unwrap();
    assert_eq!(data.files.len(), 1);
    let content = &data.files[0].training.content;
    let lines = chats(content);
    assert_eq!(lines.len(), data.passed);
    let (_, predictor) = dictum_core::program::predictors(&program)[0].clone();
    for chat in &lines {
        let (answer, asked) = chat.split_last().unwrap();
        // Read back with the adapter: the answer is one the program would accept.
        let read = ctx.adapter().parse(predictor.spec(), text(answer));
        assert!(
            read.failures.is_empty() && read.repairs.is_empty(),
            "{}",
            text(answer)
        );
        let team = read.fields.text("answer").unwrap();
        let question = text(asked.last().unwrap())
            .lines()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let colour = COLOURS[team.strip_prefix("team ").unwrap().parse::<usize>().unwrap()];
        assert!(question.contains(colour), "{question}: {team}");
        // And the rest is the request, message by message.
        let request = predictor.render(&ctx, &record! { question: question }).unwrap();
        let sent: Vec<(&str, String)> = request
            .messages()
            .map(|message: &Message| (message.role.as_str(), message.to_text()))
            .collect();
        let told: Vec<(&str, String)> = asked
            .iter()
            .map(|message| (message["role"].as_str().unwrap(), text(message).to_owned()))
            .collect();
        assert_eq!(sent, told);
    }
    assert!(
        content.starts_with(r#"{"messages":[{"role":"system","content":""#),
        "{content}"
    );
    // Only the calls of the program: no file, no job.
    assert_eq!(server.count("POST", "/chat/completions"), server.seen().len());
}

#[tokio::test]
async fn answers_are_written_in_the_adapters_layout() {
    let server = dictum_testkit::FakeTuner::new(|_| "Sure: {'answer': \"team 0\",}".to_owned());
    let ctx = context(&service(&server)).with_adapter(JsonAdapter::default());
    let train = examples("train", 12, &["red"]);
    let data = BootstrapFinetune::new()
        .write(&ctx, &program(), &train, exact())
        .await
        .unwrap();
    for chat in chats(&data.files[0].training.content) {
        // What had to be repaired is learned as it should have been.
        let answer: Value = serde_json::from_str(text(chat.last().unwrap())).unwrap();
        assert_eq!(answer, json!({ "answer": "team 0" }));
    }
}

/// A program that was compiled for its settings is taught in the layout it is asked in.
#[tokio::test]
async fn answers_are_written_as_the_state_asks_for_them() {
    let said = r#"{"reasoning": "red is red", "answer": "team 0"}"#;
    let server = dictum_testkit::FakeTuner::new(move |_| said.to_owned());
    let ctx = context(&service(&server));
    let mut program = program();
    let state = PredictorState {
        adapter: Some("json".to_owned()),
        reasoning: Some(true),
        ..PredictorState::default()
    };
    program.visit_mut(&mut Default::default(), &mut |_, parameter| {
        if let ParameterMut::Predictor(predictor) = parameter {
            predictor.set_state(state.clone());
        }
    });
    let data = BootstrapFinetune::new()
        .write(&ctx, &program, &examples("train", 12, &["red"]), exact())
        .await
        .unwrap();
    assert_eq!(data.passed, 12);
    for chat in chats(&data.files[0].training.content) {
        let (answer, asked) = chat.split_last().unwrap();
        assert!(text(&asked[0]).contains("`reasoning`") && text(&asked[0]).contains("JSON object"));
        let answer: Value = serde_json::from_str(text(answer)).unwrap();
        assert_eq!(answer, json!({ "reasoning": "red is red", "answer": "team 0" }));
    }
}

#[tokio::test]
async fn files_are_the_same_bytes_at_any_concurrency_and_another_seed_only_orders_them() {
    let train = examples("train", 60, &COLOURS);
    let mut files = Vec::new();
    for (place, (seed, concurrency)) in [(1, 1), (1, 16), (2, 16)].into_iter().enumerate() {
        let server = server();
        let ctx = context(&service(&server));
        let dir = folder(&format!("finetune-bytes-{place}"));
        BootstrapFinetune::new()
            .seed(seed)
            .concurrency(concurrency)
            .validation_share(0.2)
            .run_dir(dir.join("run"))
            .write(&ctx, &TwoSteps::new(), &train, exact())
            .await
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.join("run").join(name)).unwrap();
        files.push((read("train.jsonl"), read("validation.jsonl")));
    }
    assert!(files[0] == files[1]);
    assert!(files[0] != files[2]);
    let all = |(train, validation): &(String, String)| -> HashSet<String> {
        train
            .lines()
            .chain(validation.lines())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(all(&files[0]), all(&files[2]));
}

#[tokio::test]
async fn an_example_is_learned_or_measured_on_and_never_both() {
    let server = server();
    let ctx = context(&service(&server));
    // Twice the same examples: equal chats are taken once.
    let mut train = examples("train", 40, &COLOURS);
    let again: Vec<Example> = train.clone();
    train.extend(again);
    let data = BootstrapFinetune::new()
        .validation_share(0.25)
        .write(&ctx, &TwoSteps::new(), &train, exact())
        .await
        .unwrap();
    let file = &data.files[0];
    let questions = |content: &str| -> HashSet<String> {
        let lines = chats(content);
        let question = |chat: &Vec<Value>| text(&chat[1]).lines().nth(1).unwrap().to_owned();
        lines.iter().map(question).collect()
    };
    let (training, validation) = (&file.training, file.validation.as_ref().unwrap());
    let (learned, measured) = (questions(&training.content), questions(&validation.content));
    assert!(learned.is_disjoint(&measured));
    assert_eq!(2 * (learned.len() + measured.len()), data.passed);
    assert_eq!(training.examples, 2 * learned.len(), "two steps each, once");
    let share = measured.len() as f64 / (learned.len() + measured.len()) as f64;
    assert!((0.2..0.3).contains(&share), "{share}");
}

#[tokio::test]
async fn each_predictor_can_have_its_file() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let dir = folder("finetune-each");
    let data = BootstrapFinetune::new()
        .per_predictor()
        .run_dir(dir.join("run"))
        .write(&ctx, &TwoSteps::new(), &train, exact())
        .await
        .unwrap();
    let told: Vec<(&[String], &str)> = data
        .files
        .iter()
        .map(|file| (file.predictors.as_slice(), file.training.name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (&["topic".to_owned()][..], "train-1-topic.jsonl"),
            (&["answer".to_owned()][..], "train-2-answer.jsonl")
        ]
    );
    let last = |name: &str| -> HashSet<String> {
        let content = std::fs::read_to_string(dir.join("run").join(name)).unwrap();
        let answer = |chat: &Vec<Value>| text(chat.last().unwrap()).lines().next().unwrap().to_owned();
        chats(&content).iter().map(answer).collect()
    };
    assert_eq!(
        last("train-1-topic.jsonl"),
        HashSet::from(["[[ ## topic ## ]]".to_owned()])
    );
    assert_eq!(
        last("train-2-answer.jsonl"),
        HashSet::from(["[[ ## answer ## ]]".to_owned()])
    );
}

/// A program with a demonstration of the first training example, and instructions of its own.
fn taught() -> (Predict, Vec<Example>) {
    let train = examples("train", 40, &COLOURS);
    let mut program = program();
    let demo: Record = train[0]
        .inputs()
        .iter()
        .chain(train[0].labels().iter())
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    let state = PredictorState {
        instructions: Some("Name the team.".to_owned()),
        demos: vec![Demo::labeled(demo)],
        ..PredictorState::default()
    };
    program.visit_mut(&mut Default::default(), &mut |_, parameter| {
        if let ParameterMut::Predictor(predictor) = parameter {
            predictor.set_state(state.clone());
        }
    });
    (program, train)
}

#[tokio::test]
async fn demonstrations_are_left_out_unless_asked_for_and_then_shown_and_not_learned() {
    let server = server();
    let ctx = context(&service(&server));
    let (program, train) = taught();
    let shown = train[0].inputs().text("question").unwrap();
    let plain = BootstrapFinetune::new()
        .write(&ctx, &program, &train, exact())
        .await
        .unwrap();
    for chat in chats(&plain.files[0].training.content) {
        assert_eq!(chat.len(), 3);
        assert!(text(&chat[0]).contains("Name the team."), "instructions stay");
    }
    let with = BootstrapFinetune::new()
        .with_demos()
        .write(&ctx, &program, &train, exact())
        .await
        .unwrap();
    let lines = chats(&with.files[0].training.content);
    let (own, others): (Vec<_>, Vec<_>) = lines
        .iter()
        .partition(|chat| text(&chat[chat.len() - 2]).contains(shown));
    assert!(own.len() <= 1 && others.len() > 9);
    for chat in own {
        assert_eq!(
            chat.len(),
            3,
            "nobody is shown the answer that is asked for: {chat:?}"
        );
    }
    for chat in others {
        assert_eq!(chat.len(), 5);
        assert!(text(&chat[1]).contains(shown));
        assert_eq!(
            (&chat[2]["role"], &chat[2]["weight"]),
            (&json!("assistant"), &json!(0))
        );
        assert!(chat[4].get("weight").is_none());
    }
    // The tuned model is called as it was trained.
    let tuned = tuner(&server)
        .compile(&ctx, &program, &train, &[], exact())
        .await
        .unwrap();
    let state = tuned.compiled.overlay.iter().next().unwrap().1;
    assert!(state.demos.is_empty());
    assert_eq!(state.instructions.as_deref(), Some("Name the team."));
}

#[tokio::test]
async fn a_threshold_and_rounds_decide_on_what_passes() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let write = |own: BootstrapFinetune| {
        let (ctx, train) = (&ctx, &train);
        async move { own.write(ctx, &program(), train, exact()).await }
    };
    let all = write(BootstrapFinetune::new().metric_threshold(0.0))
        .await
        .unwrap();
    assert_eq!(all.passed, 40);
    assert!(all.files[0].training.content.contains("no team"));
    let error = write(BootstrapFinetune::new().metric_threshold(2.0))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no answer passed the metric in 40 attempts"),
        "{error}"
    );
    let before = server.seen().len();
    let twice = write(BootstrapFinetune::new().rounds(2)).await.unwrap();
    // The model says the same again: twice as many tries for those that failed, and no more examples.
    assert_eq!(server.seen().len() - before, 40 + (40 - twice.passed));
    let error = write(BootstrapFinetune::new().rounds(0)).await.unwrap_err();
    assert!(error.to_string().contains("rounds"), "{error}");
}

#[tokio::test]
async fn images_stay_in_the_chat_and_what_has_no_form_is_left_out() {
    let server =
        dictum_testkit::FakeTuner::new(|_| "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]".to_owned());
    let ctx = context(&service(&server));
    let example = |number: usize| {
        let (name, kind) = if number.is_multiple_of(2) {
            ("picture", "image/png")
        } else {
            ("sound", "audio/wav")
        };
        let media = json!(Media::base64(kind, format!("iVBORw0K{number:04}")));
        let inputs: Record = [(name.to_owned(), media)].into_iter().collect();
        Example::new(inputs, record! { answer: "yes" })
    };
    let train: Vec<Example> = (0..20).map(example).collect();
    let data = BootstrapFinetune::new()
        .write(
            &ctx,
            &Predict::parse("picture: Optional[Image], sound: Optional[Audio] -> answer").unwrap(),
            &train,
            exact(),
        )
        .await
        .unwrap();
    assert_eq!((data.passed, data.left_out), (20, 10));
    assert!(
        data.notes
            .iter()
            .any(|note| note.contains("10 calls were left out")),
        "{:?}",
        data.notes
    );
    for chat in chats(&data.files[0].training.content) {
        let parts = chat[1]["content"].as_array().unwrap();
        let image = parts.iter().find(|part| part["type"] == "image_url").unwrap();
        let url = image["image_url"]["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/png;base64,iVBORw0K"), "{url}");
    }
}

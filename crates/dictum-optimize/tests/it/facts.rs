//! A task of two steps whose model needs one rule in the instructions of each, and proposes instructions itself.
//!
//! Each step has one rule of eight that helps it; the second is of little use while the first goes wrong. More than two
//! rules in one instruction hurt. Asked for anything else than the task, the model proposes: one rule that the prompt hints
//! at, or any, and often the last one that is in the prompt already.
//!
//! A second program has a tool instead of rules in its instructions: the model calls it where its description names the rule.

use dictum_core::data::Example;
use dictum_core::evaluate::{Metric, Score, metric_fn};
use dictum_core::lm::{Digest, Message};
use dictum_core::modules::Predict;
use dictum_core::program::{
    Context, Module, Parameter, ParameterMut, ParameterPath, Parameters, TextParameter, Threshold,
};
use dictum_core::{Record, Result, record};

use crate::simulated::{demo_quality, unit};

const RULES: [&str; 8] = [
    "amber", "birch", "coral", "delta", "ember", "flint", "grove", "heron",
];

/// The share of right answers without a rule: topics are right in 4 of 10, and answers in 4 of 10 of these, else in 1 of 4.
pub const BARE: f64 = 0.4 * 0.4 + 0.6 * 0.25;
/// The same with both rules.
pub const OPTIMUM: f64 = 0.9 * 0.9 + 0.1 * 0.25;

/// What helps.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// Which rules are the right ones.
    pub seed: u64,
    /// Demonstrations matter too: without good ones a step is right in 6 of 10 of the cases only.
    pub demos: bool,
}

impl World {
    /// The rule that helps this step (`topic` or `answer`).
    pub fn rule(&self, step: &str) -> &'static str {
        RULES[(Digest::of(&("rule", self.seed, step)).to_u64() % 8) as usize]
    }
}

fn topic(question: &str) -> String {
    format!("topic {}", Digest::of(&("topic", question)).to_u64() % 5)
}

fn answer(question: &str) -> String {
    format!("kind {}", Digest::of(&("answer", question)).to_u64() % 4)
}

/// The value of a field in a turn.
fn field(text: &str, name: &str) -> Option<String> {
    let rest = text.split(&format!("[[ ## {name} ## ]]\n")).nth(1)?;
    Some(rest.lines().next()?.to_owned())
}

/// The rules a text names, in the order of their last mention.
fn rules(text: &str) -> Vec<&'static str> {
    let mut found: Vec<(usize, &str)> = RULES
        .iter()
        .filter_map(|rule| Some((text.rfind(&format!("{rule} rule"))?, *rule)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, rule)| rule).collect()
}

/// What the model answers when nothing matters: each step is right in 7 of 10.
pub fn noise(messages: &[Message], digest: Digest) -> String {
    answered(messages, digest, |_, _, _| 0.7)
}

/// What the model answers.
pub fn respond(world: World, messages: &[Message], digest: Digest) -> String {
    answered(messages, digest, |step, question, asked| {
        if step == "choice" {
            let named = rules(&field(asked, "tool").unwrap_or_default());
            let too_many = 0.15 * named.len().saturating_sub(2) as f64;
            return if named.contains(&world.rule("tool")) {
                0.9 - too_many
            } else {
                0.3
            };
        }
        let named = rules(&messages[0].to_text());
        let helped = named.contains(&world.rule(step));
        let mut right: f64 = if helped { 0.9 } else { 0.4 };
        right -= 0.15 * named.len().saturating_sub(2) as f64;
        if step == "answer" && field(asked, "topic") != Some(topic(question)) {
            right = 0.25;
        }
        if world.demos {
            right *= 0.6 + 0.4 * demo_quality(messages).unwrap_or(0.0);
        }
        right
    })
}

/// An answer to every output field: a step's, right as often as `chance` of step, question and turn says, or a proposal.
fn answered(messages: &[Message], digest: Digest, chance: impl Fn(&str, &str, &str) -> f64) -> String {
    let system = messages[0].to_text();
    let list = system
        .split("You answer with these fields:\n")
        .nth(1)
        .unwrap_or_default();
    let outputs: Vec<&str> = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    let asked = messages.last().unwrap().to_text();
    let said = match (outputs.as_slice(), field(&asked, "question")) {
        ([step @ ("topic" | "answer" | "choice")], Some(question)) => {
            let right = unit(&("luck", digest)) < chance(step, &question, &asked);
            match (right, *step) {
                (false, step) => format!("no {step}"),
                (true, "topic") => topic(&question),
                (true, "choice") => "lookup".to_owned(),
                (true, _) => answer(&question),
            }
        }
        _ => {
            let texts: Vec<String> = messages.iter().map(Message::to_text).collect();
            propose(&texts.join("\n"), digest)
        }
    };
    let fields: Vec<String> = outputs
        .iter()
        .map(|name| format!("[[ ## {name} ## ]]\n{said}\n\n"))
        .collect();
    format!("{}[[ ## completed ## ]]", fields.concat())
}

fn propose(prompt: &str, digest: Digest) -> String {
    let mut hints = Vec::new();
    for after in prompt.split("missed the ").skip(1) {
        hints.extend(
            RULES
                .iter()
                .find(|rule| after.starts_with(&format!("{rule} rule"))),
        );
    }
    let pick = |from: &[&'static str], why: &str| {
        from[(Digest::of(&(why, digest)).to_u64() % from.len() as u64) as usize]
    };
    let fresh = if !hints.is_empty() && unit(&("hint", digest)) < 0.7 {
        pick(&hints, "hinted")
    } else {
        pick(&RULES, "any")
    };
    let known = rules(&prompt.replace("missed the ", "missed the no-"));
    let mut text = format!("Do it with care, and keep to the {fresh} rule");
    match known.last() {
        Some(old) if *old != fresh && unit(&("carry", digest)) < 0.7 => {
            text.push_str(&format!(" and the {old} rule."));
        }
        _ => text.push('.'),
    }
    text
}

/// Finds the topic, then the answer.
#[derive(Debug)]
pub struct TwoSteps {
    topic: Predict,
    answer: Predict,
}

impl TwoSteps {
    pub fn new() -> Self {
        Self {
            topic: Predict::parse("question -> topic").unwrap(),
            answer: Predict::parse("question, topic -> answer").unwrap(),
        }
    }
}

impl Parameters for TwoSteps {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("topic", |path| self.topic.visit(path, visit));
        path.field("answer", |path| self.answer.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("topic", |path| self.topic.visit_mut(path, visit));
        path.field("answer", |path| self.answer.visit_mut(path, visit));
    }
}

impl Module for TwoSteps {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let question = input.text("question").unwrap().to_owned();
        let found = self.topic.call(ctx, input).await?;
        let topic = found.text("topic").unwrap().to_owned();
        let said = self
            .answer
            .call(ctx, record! { question: question, topic: topic.clone() })
            .await?;
        let answer = said.text("answer").unwrap().to_owned();
        Ok(record! { topic: topic, answer: answer })
    }
}

/// Has one tool, which knows all answers, and a model that calls it if its description is good.
#[derive(Debug)]
pub struct Tooled {
    choose: Predict,
    tools: Vec<TextParameter>,
}

impl Tooled {
    pub fn new() -> Self {
        Self {
            choose: Predict::parse("question, tool -> choice").unwrap(),
            tools: vec![TextParameter::new(
                "Looks things up.",
                "the description of the tool `lookup`: the model goes by it when it chooses whether to call the tool",
            )],
        }
    }
}

impl Parameters for Tooled {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("choose", |path| self.choose.visit(path, visit));
        path.field("tools", |path| self.tools.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("choose", |path| self.choose.visit_mut(path, visit));
        path.field("tools", |path| self.tools.visit_mut(path, visit));
    }
}

impl Module for Tooled {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let question = input.text("question").unwrap().to_owned();
        // On one line, as the model reads it.
        let tool = self.tools[0].get(ctx).replace('\n', " ");
        let asked = record! { question: question.clone(), tool: tool };
        let said = self.choose.call(ctx, asked).await?;
        let answer = match said.text("choice") {
            Some("lookup") => answer(&question),
            _ => "no idea".to_owned(),
        };
        Ok(record! { topic: topic(&question), answer: answer })
    }
}

/// Finds the topic, then the answer, by one of two steps that are as good as each other: a threshold says which.
#[derive(Debug)]
pub struct Escalating {
    topic: Predict,
    answer: Predict,
    second: Predict,
    sure: Threshold,
}

impl Escalating {
    pub fn new() -> Self {
        Self {
            topic: Predict::parse("question -> topic").unwrap(),
            answer: Predict::parse("question, topic -> answer").unwrap(),
            second: Predict::parse("question, topic, hint -> answer").unwrap(),
            sure: Threshold::new(0.4, "when the first of the steps answers"),
        }
    }
}

impl Parameters for Escalating {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        path.field("topic", |path| self.topic.visit(path, visit));
        path.field("answer", |path| self.answer.visit(path, visit));
        path.field("second", |path| self.second.visit(path, visit));
        path.field("sure", |path| self.sure.visit(path, visit));
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        path.field("topic", |path| self.topic.visit_mut(path, visit));
        path.field("answer", |path| self.answer.visit_mut(path, visit));
        path.field("second", |path| self.second.visit_mut(path, visit));
        path.field("sure", |path| self.sure.visit_mut(path, visit));
    }
}

impl Module for Escalating {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let question = input.text("question").unwrap().to_owned();
        let found = self.topic.call(ctx, input).await?;
        let topic = found.text("topic").unwrap().to_owned();
        let asked = record! { question: question.clone(), topic: topic.clone(), hint: "think" };
        let said = match self.sure.passes(ctx, unit(&("sure", &question))) {
            true => {
                self.answer
                    .call(ctx, record! { question: question, topic: topic.clone() })
                    .await?
            }
            false => self.second.call(ctx, asked).await?,
        };
        let answer = said.text("answer").unwrap().to_owned();
        Ok(record! { topic: topic, answer: answer })
    }
}

/// Whether the answer is right. Half of the wrong ones are told which rule was missed.
pub fn judged_tool(world: World) -> impl Metric + Clone {
    metric_fn("judged tool", move |example, prediction| {
        if example.labels().get("answer") == prediction.get("answer") {
            return Score::from(1.0);
        }
        let words = match unit(&("useful", example.id())) < 0.5 {
            true => format!(
                "Wrong. The tool was not called, for its text missed the {} rule.",
                world.rule("tool")
            ),
            false => "Wrong.".to_owned(),
        };
        Score::with_feedback(0.0, words)
    })
}

/// Questions with their topics and answers, other ones for other names.
pub fn examples(name: &str, count: usize) -> Vec<Example> {
    let example = |number| {
        let question = format!("question {number} of {name}");
        let (topic, answer) = (topic(&question), answer(&question));
        Example::new(
            record! { question: question },
            record! { topic: topic, answer: answer },
        )
    };
    (0..count).map(example).collect()
}

/// Whether the answer is right. Half of the wrong ones are told which rule was missed, the others only that they are wrong.
pub fn judged(world: World) -> impl Metric + Clone {
    metric_fn("judged", move |example, prediction| {
        if example.labels().get("answer") == prediction.get("answer") {
            return Score::from(1.0);
        }
        let step = if example.labels().get("topic") == prediction.get("topic") {
            "answer"
        } else {
            "topic"
        };
        if unit(&("useful", example.id())) < 0.5 {
            let rule = world.rule(step);
            Score::with_feedback(0.0, format!("Wrong. The step `{step}` missed the {rule} rule."))
        } else {
            Score::with_feedback(0.0, "Wrong.")
        }
    })
}

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dictum_core::lm::{Media, MediaData, Message, Part, Request, ResponseFormat, ToolChoice, ToolSpec};
use serde_json::{Value, json};

use super::*;
use crate::dialect::Dialect as Wire;

const PAGE: &str = "docs/providers.md";

#[test]
fn names_are_taken_apart_at_the_first_slash() {
    let named = parse("openrouter/anthropic/claude-sonnet-4.5").unwrap();
    assert_eq!(named.service().name, "openrouter");
    assert_eq!(
        named.build().unwrap().name(),
        "openrouter/anthropic/claude-sonnet-4.5"
    );
    for (name, says) in [
        (
            "gpt-5",
            "no service is known as `gpt-5`; the services are openai, responses",
        ),
        ("nobody/model", "`nobody`"),
        ("openai/", "write `openai/MODEL`"),
        ("groq", "write `groq/MODEL`"),
        ("bedrock/amazon.nova-lite-v1:0", "needs a region"),
    ] {
        let error = parse(name).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::InvalidRequest);
        assert!(error.message().contains(says), "{error}");
    }
}

#[test]
fn every_service_can_be_named_and_reads_no_key_but_its_own() {
    for service in SERVICES {
        let name = format!("{}/m", service.name);
        if service.dialect == Dialect::Converse {
            continue;
        }
        let lm = parse(&name).unwrap().build().unwrap();
        assert_eq!(lm.name(), name);
        if let Some((object, schema)) = service.structured_output {
            let can = lm.capabilities();
            assert_eq!((can.json_object, can.json_schema), (object, schema), "{name}");
        }
        if let Err(error) = parse(&name).unwrap().api_key_from_env() {
            let variable = service.key_variable.unwrap();
            assert_eq!((error.kind(), error.model()), (LmErrorKind::Auth, name.as_str()));
            assert!(error.message().contains(variable), "{error}");
        }
    }
    assert!(from_env("ollama/m").is_ok(), "a server at home wants no key");
}

#[test]
fn the_page_says_what_the_code_does() {
    let (_, page, wanted) = page();
    assert_eq!(
        page, wanted,
        "{PAGE} is out of date: run `cargo test -p dictum-providers services -- --ignored`"
    );
}

#[test]
#[ignore = "writes the page's tables anew"]
fn write_the_page() {
    let (path, _, wanted) = page();
    std::fs::write(path, wanted).unwrap();
}

/// Where the page is, what it says, and what it should say.
fn page() -> (PathBuf, String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let mut wanted = page.clone();
    let tables = [
        ("services", services()),
        ("embedders", embedders()),
        ("dialects", dialects()),
    ];
    for (name, table) in tables {
        let (before, rest) = wanted
            .split_once(&format!("<!-- generated: {name} -->\n"))
            .unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        wanted = format!("{before}<!-- generated: {name} -->\n{table}<!-- end -->{after}");
    }
    (path, page, wanted)
}

fn services() -> String {
    let mut table =
        "| name | speaks | address | key variable | JSON object | JSON Schema |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for service in SERVICES {
        let (speaks, address) = match service.dialect {
            Dialect::Chat => ("chat completions", chat().base_url()),
            Dialect::Responses => ("Responses", items().base_url()),
            Dialect::Messages => ("messages", messages().base_url()),
            Dialect::Gemini => ("Gemini", gemini().base_url()),
            Dialect::Converse => ("Converse", converse("REGION").base_url()),
        };
        let address = service.base_url.unwrap_or(&address);
        let key = service
            .key_variable
            .map_or_else(|| "none needed".to_owned(), |name| format!("`{name}`"));
        let word = |can: bool| if can { "yes" } else { "no" };
        let (object, schema) = service
            .structured_output
            .map_or(("by model", "by model"), |(object, schema)| {
                (word(object), word(schema))
            });
        writeln!(
            table,
            "| `{}` | {speaks} | `{address}` | {key} | {object} | {schema} |",
            service.name
        )
        .unwrap();
    }
    table
}

fn embedders() -> String {
    use crate::embed::{EmbedDialect, Form, SERVICES};

    fn own<D: EmbedDialect>() -> &'static str {
        D::BASE_URL
    }

    let mut table = "| name | speaks | address | key variable |\n|---|---|---|---|\n".to_owned();
    for service in SERVICES {
        let (speaks, own) = match service.form {
            Form::OpenAi => ("`/embeddings`", own::<crate::embed::OpenAi>()),
            Form::Gemini => ("`:batchEmbedContents`", own::<crate::embed::Gemini>()),
            Form::Cohere => ("`/embed`, version 2", own::<crate::embed::Cohere>()),
        };
        let address = service.base_url.unwrap_or(own);
        let key = service
            .key_variable
            .map_or_else(|| "none needed".to_owned(), |name| format!("`{name}`"));
        writeln!(table, "| `{}` | {speaks} | `{address}` | {key} |", service.name).unwrap();
    }
    table
}

#[test]
fn every_embedder_can_be_named_and_reads_no_key_but_its_own() {
    use crate::embed::{SERVICES, from_env, parse};

    for service in SERVICES {
        let name = format!("{}/a/b", service.name);
        let embedder = parse(&name).unwrap().dimensions(8).build().unwrap();
        assert_eq!(embedder.name(), name);
        match (service.key_variable, from_env(&name)) {
            (None, built) => assert_eq!(built.unwrap().name(), name, "a server at home wants no key"),
            (Some(variable), Err(error)) => {
                assert_eq!((error.kind(), error.model()), (LmErrorKind::Auth, name.as_str()));
                assert!(error.message().contains(variable), "{error}");
            }
            // Where this runs the key is set.
            (Some(_), Ok(built)) => assert_eq!(built.name(), name),
        }
    }
    for (name, says) in [
        ("anthropic/m", "no service with embedders is known as `anthropic`"),
        ("cohere", "write `cohere/MODEL`"),
        ("gemini/ ", "write `gemini/MODEL`"),
    ] {
        let error = parse(name).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::InvalidRequest);
        assert!(error.message().contains(says), "{error}");
    }
}

fn chat() -> crate::openai::Chat {
    crate::OpenAi::builder("gpt-4.1").dialect
}

fn items() -> crate::responses::Items {
    crate::Responses::builder("gpt-4.1").dialect
}

fn messages() -> crate::anthropic::Messages {
    crate::Anthropic::builder("claude-sonnet-4-5").dialect
}

fn gemini() -> crate::gemini::GenerateContent {
    crate::Gemini::builder("gemini-2.5-pro").dialect
}

fn converse(region: &str) -> crate::bedrock::Converse {
    crate::Bedrock::builder("anthropic.claude-sonnet-4-5-20250929-v1:0", region).dialect
}

/// A wish: its name, what the request has before, and what the wish adds.
type Wish = (&'static str, fn(&mut Request), fn(&mut Request));

/// Each is asked of each dialect: it writes something for it, writes nothing, or says that it can't.
const WISHES: &[Wish] = &[
    ("image, inline", nothing, |r| {
        attach(r, |media| Part::Image { media }, inline("image/png"))
    }),
    ("image, by address", nothing, |r| {
        attach(
            r,
            |media| Part::Image { media },
            Media::url("https://example.com/a.png"),
        )
    }),
    ("image, by file id", nothing, |r| {
        attach(r, |media| Part::Image { media }, stored())
    }),
    ("audio, inline", nothing, |r| {
        attach(r, |media| Part::Audio { media }, inline("audio/wav"))
    }),
    ("audio, by address", nothing, |r| {
        attach(
            r,
            |media| Part::Audio { media },
            typed("https://example.com/a.wav", "audio/wav"),
        )
    }),
    ("PDF, inline", nothing, |r| {
        attach(r, |media| Part::File { media }, inline("application/pdf"))
    }),
    ("PDF, by address", nothing, |r| {
        attach(
            r,
            |media| Part::File { media },
            typed("https://example.com/a.pdf", "application/pdf"),
        )
    }),
    ("file, by id", nothing, |r| {
        attach(r, |media| Part::File { media }, stored())
    }),
    ("text file, inline", nothing, |r| {
        attach(r, |media| Part::File { media }, inline("text/plain"))
    }),
    ("tools", nothing, with_tool),
    ("a tool must be called", with_tool, |r| {
        choose(r, ToolChoice::Required)
    }),
    ("this tool must be called", with_tool, |r| {
        choose(r, ToolChoice::Tool("clock".to_owned()))
    }),
    ("no tool may be called", with_tool, |r| {
        choose(r, ToolChoice::None)
    }),
    ("JSON object", nothing, |r| {
        r.response_format = Some(Arc::new(ResponseFormat::JsonObject))
    }),
    ("JSON Schema", nothing, |r| {
        r.response_format = Some(Arc::new(ResponseFormat::JsonSchema {
            name: "out".to_owned(),
            schema: json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }),
        }));
    }),
    ("`temperature`", nothing, |r| r.settings.temperature = Some(0.5)),
    ("`top_p`", nothing, |r| r.settings.top_p = Some(0.5)),
    ("`max_tokens`", nothing, |r| r.settings.max_tokens = Some(5000)),
    ("`stop`", nothing, |r| r.settings.stop = vec!["END".to_owned()]),
    ("`seed`", nothing, |r| r.settings.seed = Some(1)),
    ("`reasoning_effort`", nothing, |r| {
        r.settings.reasoning_effort = Some("low".to_owned())
    }),
];

fn inline(media_type: &str) -> Media {
    Media {
        name: Some("name".to_owned()),
        ..Media::base64(media_type, "QUJD")
    }
}

fn typed(url: &str, media_type: &str) -> Media {
    Media {
        media_type: media_type.to_owned(),
        ..Media::url(url)
    }
}

fn stored() -> Media {
    Media {
        media_type: String::new(),
        data: MediaData::Id("file_1".to_owned()),
        name: None,
    }
}

fn attach(request: &mut Request, part: fn(Media) -> Part, media: Media) {
    request.turns[0].parts.push(part(media));
}

fn with_tool(request: &mut Request) {
    request.tools = Arc::new([ToolSpec {
        name: "clock".to_owned(),
        description: "Tells the time.".to_owned(),
        parameters: json!({ "type": "object", "properties": {} }),
    }]);
}

fn choose(request: &mut Request, choice: ToolChoice) {
    request.tool_choice = choice;
}

fn nothing(_: &mut Request) {}

fn answer<D: Wire>(dialect: &D, before: fn(&mut Request), change: fn(&mut Request)) -> &'static str {
    let body = |changes: &[fn(&mut Request)]| -> Result<Value, LmError> {
        let mut request = Request::new(vec![Message::user("x")]);
        changes.iter().for_each(|change| change(&mut request));
        Ok(json!(dialect.body(&request, &request.settings, false)?))
    };
    match body(&[before, change]) {
        Err(error) => {
            assert_eq!(error.kind(), LmErrorKind::Unsupported, "{error}");
            "no"
        }
        Ok(changed) if changed == body(&[before]).unwrap() => "left out",
        Ok(_) => "yes",
    }
}

fn dialects() -> String {
    let mut table =
        "| | chat completions | Responses | messages | Gemini | Converse |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for &(name, before, change) in WISHES {
        let answers = [
            answer(&chat(), before, change),
            answer(&items(), before, change),
            answer(&messages(), before, change),
            answer(&gemini(), before, change),
            answer(&converse("eu-central-1"), before, change),
        ];
        writeln!(table, "| {name} | {} |", answers.join(" | ")).unwrap();
    }
    table
}

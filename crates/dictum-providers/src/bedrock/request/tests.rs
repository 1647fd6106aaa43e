use std::sync::Arc;

use dictum_core::lm::{LmErrorKind, Media, MediaData, Prefix, ToolSpec};

use super::*;

fn model(cache: bool) -> Converse {
    let id = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let mut dialect = Converse::new(id.to_owned(), "us-east-1".to_owned());
    dialect.cache = cache;
    dialect
}

fn of(dialect: &Converse, request: &Request) -> Value {
    json!(body(dialect, request, &request.settings).unwrap())
}

fn refusal(request: &Request) -> String {
    let error = body(&model(false), request, &request.settings).unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Unsupported);
    error.message().to_owned()
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn media(media_type: &str, data: MediaData, name: Option<&str>) -> Media {
    Media {
        media_type: media_type.to_owned(),
        data,
        name: name.map(str::to_owned),
    }
}

fn call(id: &str, arguments: Value) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments,
    }
}

#[test]
fn every_part_has_its_place() {
    let bytes = |data: &str| MediaData::Base64(data.into());
    let s3 = || MediaData::Url("s3://bucket/a".to_owned());
    let thought = |signature: Option<&str>| Part::Reasoning {
        text: "I need the weather.".to_owned(),
        signature: signature.map(str::to_owned),
    };
    let result = |id: &str, is_error| Part::ToolResult {
        id: id.to_owned(),
        content: "rain".to_owned(),
        is_error,
    };
    let request = Request {
        prefix: Prefix::new(vec![
            Message::system("Be brief."),
            Message::user("hi"),
            Message::assistant("hello"),
        ])
        .into(),
        turns: vec![
            message(
                Role::User,
                vec![
                    Part::text("What is this?"),
                    Part::Image {
                        media: media("image/jpeg", bytes("SlBH"), None),
                    },
                    Part::Image {
                        media: media("image/png", s3(), None),
                    },
                    Part::File {
                        media: media("application/pdf", bytes("UERG"), Some("Q3 report_(final).pdf")),
                    },
                    Part::File {
                        media: media("text/plain", bytes("VFhU"), Some("Q3 report (final).txt")),
                    },
                    Part::File {
                        media: media("", bytes("UERG"), None),
                    },
                    Part::File {
                        media: media("video/mp4", s3(), None),
                    },
                    Part::Audio {
                        media: media("audio/mpeg", bytes("TVAz"), None),
                    },
                    Part::text(" \n"),
                ],
            ),
            message(
                Role::Assistant,
                vec![
                    thought(Some("EqQBCgIYAhIk")),
                    kept::redacted("c2VjcmV0"),
                    // Of another provider.
                    Part::Opaque {
                        provider: "anthropic".to_owned(),
                        payload: json!({ "type": "redacted_thinking" }),
                    },
                    thought(None),
                    call("c1", json!({ "city": "Ulm" })),
                    call("c2", json!("{\"city\": ")),
                ],
            ),
            message(Role::Tool, vec![result("c1", false)]),
            message(Role::Tool, vec![result("c2", true)]),
            Message::user("And now?"),
            Message::assistant(" "),
            Message::user("Then?"),
        ],
        ..Request::default()
    };
    let expected = json!([
        { "role": "user", "content": [{ "text": "hi" }] },
        { "role": "assistant", "content": [{ "text": "hello" }] },
        { "role": "user", "content": [
            { "text": "What is this?" },
            { "image": { "format": "jpeg", "source": { "bytes": "SlBH" } } },
            { "image": { "format": "png", "source": { "s3Location": { "uri": "s3://bucket/a" } } } },
            { "document": { "format": "pdf", "name": "Q3 report (final)", "source": { "bytes": "UERG" } } },
            { "document": { "format": "txt", "name": "Q3 report (final) 2", "source": { "bytes": "VFhU" } } },
            { "document": { "format": "pdf", "name": "document", "source": { "bytes": "UERG" } } },
            { "video": { "format": "mp4", "source": { "s3Location": { "uri": "s3://bucket/a" } } } },
            { "audio": { "format": "mp3", "source": { "bytes": "TVAz" } } },
        ] },
        { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "I need the weather.", "signature": "EqQBCgIYAhIk" } } },
            { "reasoningContent": { "redactedContent": "c2VjcmV0" } },
            { "toolUse": { "toolUseId": "c1", "name": "weather", "input": { "city": "Ulm" } } },
            { "toolUse": { "toolUseId": "c2", "name": "weather", "input": { "arguments": "{\"city\": " } } },
        ] },
        { "role": "user", "content": [
            { "toolResult": { "toolUseId": "c1", "content": [{ "text": "rain" }] } },
            { "toolResult": { "toolUseId": "c2", "content": [{ "text": "rain" }], "status": "error" } },
            { "text": "And now?" },
            { "text": "Then?" },
        ] },
    ]);
    assert_eq!(
        of(&model(false), &request),
        json!({ "messages": expected, "system": [{ "text": "Be brief." }] })
    );
}

#[test]
fn the_prefix_ends_with_a_mark_to_keep_it() {
    let mark = json!({ "cachePoint": { "type": "default" } });
    let of = |prefix: Vec<Message>| {
        let request = Request {
            prefix: Prefix::new(prefix).into(),
            turns: vec![Message::user("x")],
            ..Request::default()
        };
        of(&model(true), &request)
    };
    let demos = of(vec![
        Message::system("s"),
        Message::user("q"),
        Message::assistant("a"),
    ]);
    assert_eq!(demos["messages"][1]["content"], json!([{ "text": "a" }, mark]));
    assert_eq!(demos["system"], json!([{ "text": "s" }]));
    let system = of(vec![Message::system("s")]);
    assert_eq!(system["system"], json!([{ "text": "s" }, mark]));
    assert_eq!(
        system["messages"],
        json!([{ "role": "user", "content": [{ "text": "x" }] }])
    );
    let going_on = Request::new(vec![
        Message::user("a"),
        Message::assistant("b"),
        Message::user("c"),
    ]);
    let going_on = super::tests::of(&model(true), &going_on);
    assert_eq!(going_on["messages"][2]["content"], json!([{ "text": "c" }, mark]));
    let none = of(vec![]);
    assert_eq!(
        none,
        json!({ "messages": [{ "role": "user", "content": [{ "text": "x" }] }] })
    );
}

#[test]
fn tools_and_structured_output() {
    let mut request = Request::new(vec![Message::user("x")]);
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let tool = |description: &str| ToolSpec {
        name: "weather".to_owned(),
        description: description.to_owned(),
        parameters: parameters.clone(),
    };
    request.tools = vec![tool("Tells the weather."), tool("")].into();
    let with = |choice: ToolChoice| {
        let mut request = request.clone();
        request.tool_choice = choice;
        of(&model(false), &request)
            .get("toolConfig")
            .cloned()
            .unwrap_or_default()
    };
    let schema = json!({ "json": parameters });
    assert_eq!(
        with(ToolChoice::Auto),
        json!({ "tools": [
            { "toolSpec": { "name": "weather", "inputSchema": schema, "description": "Tells the weather." } },
            { "toolSpec": { "name": "weather", "inputSchema": schema } },
        ] })
    );
    assert_eq!(with(ToolChoice::Required)["toolChoice"], json!({ "any": {} }));
    assert_eq!(
        with(ToolChoice::Tool("weather".to_owned()))["toolChoice"],
        json!({ "tool": { "name": "weather" } })
    );
    assert_eq!(
        with(ToolChoice::None),
        Value::Null,
        "tools that are not told can't be called"
    );
    request.tool_choice = ToolChoice::None;
    request
        .turns
        .push(message(Role::Assistant, vec![call("c1", json!({}))]));
    assert!(refusal(&request).contains("must not be called"));

    let mut request = Request::new(vec![Message::user("x")]);
    let format = ResponseFormat::JsonSchema {
        name: "out".to_owned(),
        schema: parameters.clone(),
    };
    request.response_format = Some(Arc::new(format));
    request.settings.reasoning_effort = Some("high".to_owned());
    let model = |_| Converse::new("anthropic.claude-opus-4-6-v1".to_owned(), "us-east-1".to_owned());
    let config = of(&model(false), &request)["outputConfig"].clone();
    assert_eq!(config["effort"], "high");
    let sent = &config["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(
        (&config["textFormat"]["type"], &sent["name"]),
        (&json!("json_schema"), &json!("out"))
    );
    let schema: Value = serde_json::from_str(sent["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let beyond = ResponseFormat::JsonSchema {
        name: "out".to_owned(),
        schema: map,
    };
    request.response_format = Some(Arc::new(beyond));
    assert_eq!(
        of(&model(false), &request)["outputConfig"],
        json!({ "effort": "high" })
    );
    request.response_format = Some(Arc::new(ResponseFormat::JsonObject));
    assert!(refusal(&request).contains("some JSON object"));
}

#[test]
fn what_has_no_form_is_refused_by_name() {
    let of = |role, part| Request::new(vec![message(role, vec![part])]);
    let url = || MediaData::Url("https://example.com/a".to_owned());
    for (part, named) in [
        (
            Part::Image {
                media: media("", url(), None),
            },
            "an image at an address",
        ),
        (
            Part::Audio {
                media: media("", MediaData::Id("a".to_owned()), None),
            },
            "audio by id",
        ),
        (
            Part::File {
                media: media("application/zip", url(), None),
            },
            "type application/zip",
        ),
    ] {
        let refused = refusal(&of(Role::User, part));
        assert!(refused.contains(named), "{refused}");
    }
    let image = Part::Image {
        media: media("image/png", url(), None),
    };
    assert!(refusal(&of(Role::System, image)).contains("a system message"));
}

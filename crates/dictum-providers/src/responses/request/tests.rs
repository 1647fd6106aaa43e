use std::sync::Arc;

use dictum_core::lm::{LmErrorKind, Prefix, ToolSpec};

use super::*;

fn model(reasons: bool) -> Items {
    let mut dialect = Items::new("gpt-5-mini".to_owned());
    dialect.reasons = reasons;
    dialect
}

fn of(dialect: &Items, request: &Request) -> Value {
    json!(body(dialect, request, &request.settings, false).unwrap())
}

#[test]
fn every_part_has_its_place() {
    let message = |role, parts| Message { role, parts };
    let call = |id: &str, arguments| Part::ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments,
    };
    let result = |id: &str, is_error| Part::ToolResult {
        id: id.to_owned(),
        content: "rain".to_owned(),
        is_error,
    };
    let file = |data, name: Option<&str>| Part::File {
        media: Media {
            media_type: String::new(),
            data,
            name: name.map(str::to_owned),
        },
    };
    let thought = || Part::Reasoning {
        text: "I need the weather.".to_owned(),
        signature: None,
    };
    let opaque = |provider: &str, payload| Part::Opaque {
        provider: provider.to_owned(),
        payload,
    };
    let kept = json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "I need the weather." }], "encrypted_content": "gAAA" });
    let searched = json!({ "id": "ws_1", "type": "web_search_call", "status": "completed" });
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
                        media: Media::url("https://example.com/a.png"),
                    },
                    Part::Image {
                        media: Media::base64("image/jpeg", "SlBH"),
                    },
                    Part::Image {
                        media: Media {
                            media_type: String::new(),
                            data: MediaData::Id("file-0".to_owned()),
                            name: None,
                        },
                    },
                    file(MediaData::Base64("UERG".into()), Some("a.pdf")),
                    file(MediaData::Id("file-1".to_owned()), None),
                    file(MediaData::Url("https://example.com/a.pdf".to_owned()), None),
                ],
            ),
            message(
                Role::Assistant,
                vec![
                    thought(),
                    opaque("openai", kept.clone()),
                    opaque("openai", searched.clone()),
                    opaque("anthropic", json!({ "type": "redacted_thinking" })),
                    Part::text("Let me look."),
                    call("c1", json!({ "city": "Ulm" })),
                    call("c2", json!("{\"city\": ")),
                ],
            ),
            message(Role::Tool, vec![result("c1", false), result("c2", true)]),
        ],
        ..Request::default()
    };
    let expected = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": "hello" },
        { "role": "user", "content": [
            { "type": "input_text", "text": "What is this?" },
            { "type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png" },
            { "type": "input_image", "detail": "auto", "image_url": "data:image/jpeg;base64,SlBH" },
            { "type": "input_image", "detail": "auto", "file_id": "file-0" },
            { "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,UERG" },
            { "type": "input_file", "file_id": "file-1" },
            { "type": "input_file", "file_url": "https://example.com/a.pdf" },
        ] },
        kept,
        searched,
        { "role": "assistant", "content": "Let me look." },
        { "type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Ulm\"}" },
        { "type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{\"city\": " },
        { "type": "function_call_output", "call_id": "c1", "output": "rain" },
        { "type": "function_call_output", "call_id": "c2", "output": "Error: rain" },
    ]);
    assert_eq!(of(&model(true), &request)["input"], expected);
    let developer = Items {
        developer: true,
        ..model(true)
    };
    assert_eq!(of(&developer, &request)["input"][0]["role"], "developer");
}

#[test]
fn what_has_no_form_is_refused_by_name() {
    let refusal = |request: &Request| {
        let error = body(&model(true), request, &request.settings, false).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Unsupported);
        error.message().to_owned()
    };
    let of = |role, part| {
        Request::new(vec![Message {
            role,
            parts: vec![part],
        }])
    };
    let audio = Part::Audio {
        media: Media::base64("audio/mpeg", "TVAz"),
    };
    assert!(refusal(&of(Role::User, audio)).contains("audio"));
    let image = Part::Image {
        media: Media::url("https://example.com/a.png"),
    };
    assert!(refusal(&of(Role::Assistant, image)).contains("what the model said"));

    let mut request = Request::new(vec![Message::user("x")]);
    request.settings = Settings {
        stop: vec!["END".to_owned()],
        ..Settings::default()
    };
    assert!(refusal(&request).contains("stop texts"));
    // A server that has it all the same, or a setting that is not to matter here: `extra` is the last word.
    request.settings.extra.insert("stop".to_owned(), Value::Null);
    assert_eq!(super::tests::of(&model(true), &request).get("stop"), None);
}

#[test]
fn a_seed_is_left_out_unless_extra_names_it() {
    let mut request = Request::new(vec![Message::user("x")]);
    let without = super::tests::of(&model(true), &request);
    request.settings.seed = Some(7);
    assert_eq!(super::tests::of(&model(true), &request), without);
    request.settings.extra.insert("seed".to_owned(), json!(8));
    assert_eq!(super::tests::of(&model(true), &request)["seed"], 8);
}

#[test]
fn settings_go_by_their_names_here() {
    let mut request = Request::new(vec![Message::user("x")]);
    request.settings = Settings {
        temperature: Some(0.5),
        max_tokens: Some(100),
        reasoning_effort: Some("low".to_owned()),
        ..Settings::default()
    };
    request
        .settings
        .extra
        .insert("text".to_owned(), json!({ "verbosity": "low", "x": null }));
    request
        .settings
        .extra
        .insert("parallel_tool_calls".to_owned(), json!(false));
    request.response_format = Some(Arc::new(ResponseFormat::JsonObject));
    let asking = Items {
        summary: Some("auto".to_owned()),
        ..model(true)
    };
    let base = Settings {
        max_tokens: Some(7),
        top_p: Some(0.9),
        ..Settings::default()
    };
    assert_eq!(
        json!(body(&asking, &request, &request.settings.over(&base), true).unwrap()),
        json!({
            "model": "gpt-5-mini",
            "input": [{ "role": "user", "content": "x" }],
            "store": false,
            "include": ["reasoning.encrypted_content"],
            "text": { "format": { "type": "json_object" }, "verbosity": "low" },
            "stream": true,
            "max_output_tokens": 100,
            "reasoning": { "effort": "low", "summary": "auto" },
            "parallel_tool_calls": false,
        })
    );
    let plain = json!(body(&model(false), &request, &request.settings.over(&base), false).unwrap());
    assert_eq!(
        (&plain["temperature"], &plain["top_p"]),
        (&json!(0.5), &json!(0.9))
    );
    assert_eq!(
        plain.get("include"),
        None,
        "only a model that reasons has reasoning to encrypt"
    );
}

#[test]
fn tools_and_structured_output() {
    let mut request = Request::new(vec![Message::user("x")]);
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    request.tools = vec![ToolSpec {
        name: "weather".to_owned(),
        description: "Tells the weather.".to_owned(),
        parameters: parameters.clone(),
    }]
    .into();
    let with = |choice: ToolChoice| {
        let mut request = request.clone();
        request.tool_choice = choice;
        of(&model(true), &request)
    };
    let auto = with(ToolChoice::Auto);
    assert_eq!(
        auto["tools"],
        json!([{
            "type": "function",
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": parameters,
            "strict": false,
        }])
    );
    assert_eq!(auto.get("tool_choice"), None);
    assert_eq!(with(ToolChoice::None)["tool_choice"], "none");
    assert_eq!(with(ToolChoice::Required)["tool_choice"], "required");
    assert_eq!(
        with(ToolChoice::Tool("weather".to_owned()))["tool_choice"],
        json!({ "type": "function", "name": "weather" })
    );

    let format = |schema| {
        let mut request = Request::new(vec![Message::user("x")]);
        let format = ResponseFormat::JsonSchema {
            name: "out".to_owned(),
            schema,
        };
        request.response_format = Some(Arc::new(format));
        of(&model(true), &request)["text"]["format"].clone()
    };
    assert_eq!(
        format(json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] })),
        json!({
            "type": "json_schema",
            "name": "out",
            "strict": true,
            "schema": {
                "type": "object",
                "properties": { "a": { "type": "string" } },
                "required": ["a"],
                "additionalProperties": false,
            },
        })
    );
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let hint = format(map.clone());
    assert_eq!((&hint["strict"], &hint["schema"]), (&json!(false), &map));
}

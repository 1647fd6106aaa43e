use std::sync::Arc;

use dictum_core::lm::{Prefix, ToolSpec};

use super::*;

fn of(model: &str, request: &Request) -> Value {
    json!(
        body(
            &Messages::new(model.to_owned()),
            request,
            &request.settings,
            false
        )
        .unwrap()
    )
}

fn ask() -> Request {
    Request::new(vec![Message::user("x")])
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

#[test]
fn every_part_has_its_place_and_the_prefix_is_marked() {
    let call = |id: &str| Part::ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments: json!({ "city": "Ulm" }),
    };
    let result = |id: &str, is_error| Part::ToolResult {
        id: id.to_owned(),
        content: "rain".to_owned(),
        is_error,
    };
    let stored = Media {
        media_type: String::new(),
        data: MediaData::Id("file_011".to_owned()),
        name: None,
    };
    let notes = Media {
        name: Some("notes.md".to_owned()),
        ..Media::base64("text/markdown", "IyBIaSDwn6aA")
    };
    let redacted = json!({ "type": "redacted_thinking", "data": "EmwKAhgB" });
    let reasoning = |signature: Option<&str>| Part::Reasoning {
        text: "I need the weather.".to_owned(),
        signature: signature.map(str::to_owned),
    };
    let opaque = |provider: &str| Part::Opaque {
        provider: provider.to_owned(),
        payload: redacted.clone(),
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
                        media: Media::url("https://example.com/a.png"),
                    },
                    Part::Image {
                        media: Media::base64("image/jpeg", "SlBH"),
                    },
                    Part::Image {
                        media: stored.clone(),
                    },
                    Part::File {
                        media: Media::base64("application/pdf", "UERG"),
                    },
                    Part::File {
                        media: Media::url("https://example.com/a.pdf"),
                    },
                    Part::File { media: notes },
                    Part::File { media: stored },
                    Part::text(""),
                ],
            ),
            message(
                Role::Assistant,
                vec![
                    reasoning(Some("EqQB")),
                    reasoning(None),
                    opaque("anthropic"),
                    opaque("gemini"),
                    call("c1"),
                    call("c2"),
                ],
            ),
            message(Role::Tool, vec![result("c1", false)]),
            message(Role::Tool, vec![result("c2", true)]),
            Message::user("And now?"),
            Message::system("Answer in German."),
        ],
        ..Request::default()
    };
    let marked = json!({ "type": "ephemeral" });
    let expected = json!({
        "model": "claude-opus-4-6",
        "max_tokens": 16000,
        "system": [
            { "type": "text", "text": "Be brief." },
            { "type": "text", "text": "Answer in German." },
        ],
        "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "hi" }] },
            { "role": "assistant", "content": [{ "type": "text", "text": "hello", "cache_control": marked }] },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image", "source": { "type": "url", "url": "https://example.com/a.png" } },
                { "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": "SlBH" } },
                { "type": "image", "source": { "type": "file", "file_id": "file_011" } },
                { "type": "document", "source": { "type": "base64", "media_type": "application/pdf", "data": "UERG" } },
                { "type": "document", "source": { "type": "url", "url": "https://example.com/a.pdf" } },
                { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "# Hi 🦀" }, "title": "notes.md" },
                { "type": "document", "source": { "type": "file", "file_id": "file_011" } },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "I need the weather.", "signature": "EqQB" },
                { "type": "redacted_thinking", "data": "EmwKAhgB" },
                { "type": "tool_use", "id": "c1", "name": "weather", "input": { "city": "Ulm" } },
                { "type": "tool_use", "id": "c2", "name": "weather", "input": { "city": "Ulm" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "c1", "content": "rain" },
                { "type": "tool_result", "tool_use_id": "c2", "content": "rain", "is_error": true },
                { "type": "text", "text": "And now?", "cache_control": marked },
            ] },
        ],
    });
    assert_eq!(of("claude-opus-4-6", &request), expected);
}

#[test]
fn marks_stand_where_something_is_to_be_kept() {
    let marks = |request: &Request, caching: bool| {
        let mut dialect = Messages::new("claude-opus-4-6".to_owned());
        dialect.caching = caching;
        let body = json!(body(&dialect, request, &request.settings, false).unwrap());
        body.to_string().matches("cache_control").count()
    };
    let mut request = ask();
    assert_eq!(marks(&request, true), 0, "one question alone is asked once");
    request.prefix = Prefix::new(vec![Message::system("Be brief.")]).into();
    assert_eq!(
        of("claude-opus-4-6", &request)["system"][0]["cache_control"]["type"],
        "ephemeral"
    );
    assert_eq!((marks(&request, true), marks(&request, false)), (1, 0));
    // What can't be marked is passed over.
    let thought = Part::Reasoning {
        text: String::new(),
        signature: Some("s".to_owned()),
    };
    request
        .turns
        .push(message(Role::Assistant, vec![Part::text("well"), thought]));
    assert_eq!(
        of("claude-opus-4-6", &request)["messages"][1]["content"][0]["cache_control"]["type"],
        "ephemeral"
    );
}

#[test]
fn what_has_no_form_is_refused_by_name() {
    let refused = |part: Part| {
        let request = Request::new(vec![message(Role::User, vec![part])]);
        let error = body(&Messages::new("m".to_owned()), &request, &request.settings, false).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Unsupported);
        error.message().to_owned()
    };
    let audio = Part::Audio {
        media: Media::base64("audio/wav", "V0FW"),
    };
    assert!(refused(audio).contains("audio"));
    let sheet = Part::File {
        media: Media::base64("application/vnd.ms-excel", "WExT"),
    };
    assert!(refused(sheet).contains("application/vnd.ms-excel"));
    let mut request = ask();
    request.response_format = Some(Arc::new(ResponseFormat::JsonObject));
    let error = body(&Messages::new("m".to_owned()), &request, &request.settings, false).unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Unsupported);
}

#[test]
fn models_take_what_they_are_known_to_take() {
    let mut request = ask();
    request.settings = Settings {
        temperature: Some(0.5),
        top_p: Some(0.9),
        seed: Some(1),
        stop: vec!["END".to_owned()],
        ..Settings::default()
    };
    for (model, temperature, top_p, max_tokens) in [
        ("claude-3-haiku-20240307", Some(0.5), Some(0.9), 4096),
        ("claude-3-5-haiku-latest", Some(0.5), Some(0.9), 8192),
        ("claude-sonnet-4-20250514", Some(0.5), Some(0.9), 16000),
        ("claude-sonnet-4-5", Some(0.5), None, 16000),
        ("claude-opus-4-7", None, None, 16000),
        ("claude-sonnet-5", None, None, 16000),
    ] {
        let body = of(model, &request);
        assert_eq!(
            body.get("temperature").and_then(Value::as_f64),
            temperature,
            "{model}"
        );
        assert_eq!(body.get("top_p").and_then(Value::as_f64), top_p, "{model}");
        assert_eq!(body["max_tokens"], max_tokens, "{model}");
        assert_eq!(
            (&body["stop_sequences"], body.get("seed")),
            (&json!(["END"]), None)
        );
    }
    request.settings.temperature = None;
    assert_eq!(of("claude-sonnet-4-5", &request)["top_p"], 0.9);
}

#[test]
fn efforts_become_what_the_model_knows() {
    let with = |model: &str, effort: &str, max_tokens| {
        let mut request = ask();
        request.settings = Settings {
            temperature: Some(0.5),
            reasoning_effort: Some(effort.to_owned()),
            max_tokens,
            ..Settings::default()
        };
        body(
            &Messages::new(model.to_owned()),
            &request,
            &request.settings,
            false,
        )
        .map(|body| json!(body))
    };
    let adaptive = with("claude-opus-4-6", "max", None).unwrap();
    assert_eq!(adaptive["thinking"], json!({ "type": "adaptive" }));
    assert_eq!(adaptive["output_config"], json!({ "effort": "max" }));
    assert_eq!(adaptive.get("temperature"), None, "thinking takes none");
    let off = with("claude-opus-4-6", "none", None).unwrap();
    assert_eq!(
        (&off["thinking"], &off["temperature"]),
        (&json!({ "type": "disabled" }), &json!(0.5))
    );

    let budget = |effort, max_tokens| {
        let body = with("claude-sonnet-4-5", effort, max_tokens).unwrap();
        assert_eq!((body.get("temperature"), body.get("output_config")), (None, None));
        (
            body["thinking"]["budget_tokens"].as_u64().unwrap(),
            body["max_tokens"].as_u64().unwrap(),
        )
    };
    assert_eq!(budget("low", None), (2048, 18048), "the answer keeps its room");
    assert_eq!(budget("high", Some(40_000)), (16384, 40_000));
    assert_eq!(
        budget("high", Some(8_000)),
        (4000, 8000),
        "the caller's limit is a limit"
    );
    let off = with("claude-sonnet-4-5", "none", None).unwrap();
    assert_eq!((off.get("thinking"), &off["temperature"]), (None, &json!(0.5)));
    for (effort, max_tokens, says) in [
        ("high", Some(1000), "max_tokens to 2048"),
        ("extreme", None, "`extreme`"),
    ] {
        let error = with("claude-sonnet-4-5", effort, max_tokens).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Unsupported);
        assert!(error.message().contains(says), "{error}");
    }
}

#[test]
fn tools_structured_output_and_extra() {
    let mut request = ask();
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
        of("claude-opus-4-6", &request)
    };
    let auto = with(ToolChoice::Auto);
    assert_eq!(
        auto["tools"],
        json!([{ "name": "weather", "description": "Tells the weather.", "input_schema": parameters }])
    );
    assert_eq!(auto.get("tool_choice"), None);
    assert_eq!(with(ToolChoice::None)["tool_choice"], json!({ "type": "none" }));
    assert_eq!(
        with(ToolChoice::Required)["tool_choice"],
        json!({ "type": "any" })
    );
    assert_eq!(
        with(ToolChoice::Tool("weather".to_owned()))["tool_choice"],
        json!({ "type": "tool", "name": "weather" })
    );

    let format = |schema| {
        let mut request = ask();
        request.settings.reasoning_effort = Some("low".to_owned());
        request.response_format = Some(Arc::new(ResponseFormat::JsonSchema {
            name: "out".to_owned(),
            schema,
        }));
        of("claude-opus-4-6", &request)["output_config"].clone()
    };
    assert_eq!(
        format(json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 1 } } })),
        json!({
            "effort": "low",
            "format": { "type": "json_schema", "schema": {
                "type": "object",
                "properties": { "a": { "type": "integer", "description": "(minimum: 1)" } },
                "additionalProperties": false,
            } },
        })
    );
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    assert_eq!(format(map), json!({ "effort": "low" }));

    let mut request = ask();
    let extra = json!({ "max_tokens": 5, "top_k": 40, "model": "other", "messages": [], "system": "s", "thinking": null });
    request.settings.extra = extra.as_object().unwrap().clone();
    request.settings.reasoning_effort = Some("low".to_owned());
    assert_eq!(
        of("claude-opus-4-6", &request),
        json!({
            "model": "other", "max_tokens": 5, "top_k": 40, "messages": [], "system": "s", "output_config": { "effort": "low" },
        })
    );
}

#[test]
fn arguments_that_were_not_json_go_back_in_an_object() {
    let call = Part::ToolCall {
        id: "c".to_owned(),
        name: "weather".to_owned(),
        arguments: json!("{\"city\": "),
    };
    let body = of("m", &Request::new(vec![message(Role::Assistant, vec![call])]));
    assert_eq!(
        body["messages"][0]["content"][0]["input"],
        json!({ "arguments": "{\"city\": " })
    );
}

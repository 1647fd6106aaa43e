use dictum_core::lm::{LmErrorKind, Prefix, ToolSpec};

use super::*;

fn own(model: &str) -> Chat {
    of_server(model, true)
}

fn of_server(model: &str, own: bool) -> Chat {
    let mut dialect = Chat::new(model.to_owned());
    dialect.own = own;
    dialect
}

fn of(dialect: &Chat, request: &Request) -> Value {
    json!(body(dialect, request, &request.settings, false).unwrap())
}

#[test]
fn every_part_has_its_place() {
    let message = |role, parts| Message { role, parts };
    let call = |id: &str, name: &str| Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: json!({ "city": "Ulm" }),
    };
    let result = |id: &str, is_error| Part::ToolResult {
        id: id.to_owned(),
        content: "rain".to_owned(),
        is_error,
    };
    let pdf = Media {
        media_type: "application/pdf".to_owned(),
        data: MediaData::Base64("UERG".into()),
        name: Some("a.pdf".to_owned()),
    };
    let stored = Media {
        media_type: String::new(),
        data: MediaData::Id("file-1".to_owned()),
        name: None,
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
                    Part::Audio {
                        media: Media::base64("audio/mpeg", "TVAz"),
                    },
                    Part::File { media: pdf },
                    Part::File { media: stored },
                ],
            ),
            message(
                Role::Assistant,
                vec![
                    Part::Reasoning {
                        text: "I need the weather.".to_owned(),
                        signature: None,
                    },
                    call("c1", "weather"),
                    call("c2", "weather"),
                ],
            ),
            message(Role::Tool, vec![result("c1", false), result("c2", true)]),
        ],
        ..Request::default()
    };
    let called = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Ulm\"}" } });
    let expected = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": "hello" },
        { "role": "user", "content": [
            { "type": "text", "text": "What is this?" },
            { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,SlBH" } },
            { "type": "input_audio", "input_audio": { "data": "TVAz", "format": "mp3" } },
            { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,UERG" } },
            { "type": "file", "file": { "file_id": "file-1" } },
        ] },
        { "role": "assistant", "content": null, "tool_calls": [called("c1"), called("c2")] },
        { "role": "tool", "tool_call_id": "c1", "content": "rain" },
        { "role": "tool", "tool_call_id": "c2", "content": "Error: rain" },
    ]);
    assert_eq!(of(&own("gpt-4o"), &request)["messages"], expected);
    let elsewhere = of(&of_server("deepseek-reasoner", false), &request);
    assert_eq!(
        elsewhere["messages"][4]["reasoning_content"],
        "I need the weather."
    );
}

/// The form a prefix keeps is that of the model that asked first; others have their own, whichever comes first.
#[test]
fn models_with_other_ways_share_a_prefix() {
    let prefix = std::sync::Arc::new(Prefix::new(vec![
        Message::system("Be \"brief\"."),
        Message {
            role: Role::Assistant,
            parts: vec![
                Part::Reasoning {
                    text: "Hm.".to_owned(),
                    signature: None,
                },
                Part::text("hello"),
            ],
        },
    ]));
    let request = |prefix| Request {
        prefix,
        turns: vec![Message::user("hi")],
        ..Request::default()
    };
    let mut developer = own("o3");
    developer.developer = true;
    let ways = [own("gpt-4o"), developer, of_server("deepseek-reasoner", false)];
    let shared = request(prefix);
    for dialect in ways.iter().chain(&ways) {
        let alone = request(Prefix::new(shared.prefix.messages().to_vec()).into());
        assert_eq!(of(dialect, &shared), of(dialect, &alone));
        assert_eq!(of(dialect, &shared)["messages"][0]["content"], "Be \"brief\".");
    }
    let of = |dialect| of(dialect, &shared)["messages"].clone();
    let [system, developer, server] = ways.each_ref().map(of);
    assert_eq!(
        (&system[0]["role"], &developer[0]["role"]),
        (&json!("system"), &json!("developer"))
    );
    assert_eq!(server[1]["reasoning_content"], "Hm.");
    assert_eq!(system[1].get("reasoning_content"), None);
}

#[test]
fn what_has_no_form_is_refused_by_name() {
    for (part, named) in [
        (
            Part::Audio {
                media: Media::url("https://example.com/a.mp3"),
            },
            "audio by address",
        ),
        (
            Part::File {
                media: Media::url("https://example.com/a.pdf"),
            },
            "a file by address",
        ),
    ] {
        let request = Request::new(vec![Message {
            role: Role::User,
            parts: vec![part],
        }]);
        let error = body(&own("gpt-4o"), &request, &Settings::default(), false).unwrap_err();
        assert_eq!(error.kind(), LmErrorKind::Unsupported);
        assert!(error.message().contains(named), "{error}");
    }
}

#[test]
fn reasoning_models_take_other_parameters() {
    let mut request = Request::new(vec![Message::user("x")]);
    request.settings = Settings {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        reasoning_effort: Some("low".to_owned()),
        ..Settings::default()
    };
    for model in [
        "o1",
        "o3-mini",
        "o4-mini-2025-04-16",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5.1",
        "openai/gpt-5.2-pro",
    ] {
        let body = of(&own(model), &request);
        assert_eq!(body["max_completion_tokens"], 100, "{model}");
        assert_eq!(body["reasoning_effort"], "low");
        for gone in ["max_tokens", "temperature", "top_p"] {
            assert_eq!(body.get(gone), None, "{model} {gone}");
        }
    }
    for model in [
        "gpt-4o",
        "gpt-5-chat-latest",
        "gpt-50",
        "gpt-oss-20b",
        "olmo-2",
        "o",
        "omni-moderation",
        "qwen3",
    ] {
        let body = of(&own(model), &request);
        assert_eq!(
            (&body["max_tokens"], &body["temperature"]),
            (&json!(100), &json!(0.5)),
            "{model}"
        );
        assert_eq!(body.get("max_completion_tokens"), None);
    }
    request
        .settings
        .extra
        .insert("temperature".to_owned(), json!(1.0));
    assert_eq!(
        of(&own("o3"), &request)["temperature"],
        1.0,
        "extra has the last word"
    );
}

#[test]
fn settings_stand_over_the_models_own_and_extra_over_all() {
    let mut request = Request::new(vec![Message::user("x")]);
    request.settings.seed = Some(7);
    request.settings.extra.insert("top_k".to_owned(), json!(40));
    request.settings.extra.insert("stop".to_owned(), Value::Null);
    request
        .settings
        .extra
        .insert("stream_options".to_owned(), Value::Null);
    let base = Settings {
        temperature: Some(0.0),
        seed: Some(1),
        stop: vec!["END".to_owned()],
        ..Settings::default()
    };
    let dialect = own("gpt-4o");
    let written = json!(body(&dialect, &request, &request.settings.over(&base), true).unwrap());
    assert_eq!(
        written,
        json!({
            "model": "gpt-4o",
            "messages": [{ "role": "user", "content": "x" }],
            "stream": true,
            "temperature": 0.0,
            "seed": 7,
            "top_k": 40,
        })
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
        of(&own("gpt-4o"), &request)
    };
    let auto = with(ToolChoice::Auto);
    assert_eq!(
        auto["tools"],
        json!([{
            "type": "function",
            "function": { "name": "weather", "description": "Tells the weather.", "parameters": parameters },
        }])
    );
    assert_eq!(auto.get("tool_choice"), None);
    assert_eq!(with(ToolChoice::None)["tool_choice"], "none");
    assert_eq!(with(ToolChoice::Required)["tool_choice"], "required");
    assert_eq!(
        with(ToolChoice::Tool("weather".to_owned()))["tool_choice"],
        json!({ "type": "function", "function": { "name": "weather" } })
    );

    let format = |format| {
        let mut request = Request::new(vec![Message::user("x")]);
        request.response_format = Some(std::sync::Arc::new(format));
        of(&own("gpt-4o"), &request)["response_format"].clone()
    };
    assert_eq!(
        format(ResponseFormat::JsonObject),
        json!({ "type": "json_object" })
    );
    let schema = |schema| ResponseFormat::JsonSchema {
        name: "out".to_owned(),
        schema,
    };
    let narrowed = format(schema(
        json!({ "type": "object", "properties": { "a": { "type": "string" } } }),
    ));
    assert_eq!(narrowed["json_schema"]["strict"], true);
    assert_eq!(narrowed["json_schema"]["schema"]["additionalProperties"], false);
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let hint = format(schema(map.clone()));
    assert_eq!(
        (&hint["json_schema"]["strict"], &hint["json_schema"]["schema"]),
        (&json!(false), &map)
    );
}

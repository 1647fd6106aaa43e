use std::sync::Arc;

use dictum_core::lm::{Prefix, ToolSpec};

use super::*;

fn model(name: &str) -> GenerateContent {
    GenerateContent {
        model: name.to_owned(),
    }
}

fn of(request: &Request) -> Value {
    json!(body(&model("gemini-2.5-flash"), request, &request.settings).unwrap())
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn call(id: &str, name: &str) -> Part {
    Part::ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: json!({ "city": "Ulm" }),
    }
}

fn result(id: &str, is_error: bool) -> Part {
    Part::ToolResult {
        id: id.to_owned(),
        content: "rain".to_owned(),
        is_error,
    }
}

fn opaque(provider: &str, payload: Value) -> Part {
    Part::Opaque {
        provider: provider.to_owned(),
        payload,
    }
}

fn signature(text: &str) -> Part {
    opaque("gemini", json!({ "thoughtSignature": text }))
}

fn reasoning(signature: Option<&str>) -> Part {
    Part::Reasoning {
        text: "I need the weather.".to_owned(),
        signature: signature.map(str::to_owned),
    }
}

#[test]
fn every_part_has_its_place() {
    let stored = |id: &str| Media {
        media_type: "application/pdf".to_owned(),
        data: MediaData::Id(id.to_owned()),
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
                        media: Media::base64("image/jpeg", "SlBH"),
                    },
                    Part::Image {
                        media: Media::url("https://example.com/a.png"),
                    },
                    Part::Audio {
                        media: Media::base64("", "UklG"),
                    },
                    Part::File {
                        media: stored("files/abc"),
                    },
                    Part::File {
                        media: stored("https://example.com/v1beta/files/xyz"),
                    },
                ],
            ),
            message(
                Role::Assistant,
                vec![
                    reasoning(None),
                    call("c1", "weather"),
                    call("unnamed-call-1", "clock"),
                ],
            ),
            message(Role::Tool, vec![result("c1", false)]),
            message(Role::Tool, vec![result("unnamed-call-1", true)]),
            Message::user("and now?"),
        ],
        ..Request::default()
    };
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "role": "user", "parts": [{ "text": "hi" }] },
            { "role": "model", "parts": [{ "text": "hello" }] },
            { "role": "user", "parts": [
                { "text": "What is this?" },
                { "inlineData": { "mimeType": "image/jpeg", "data": "SlBH" } },
                { "fileData": { "fileUri": "https://example.com/a.png" } },
                { "inlineData": { "mimeType": "audio/wav", "data": "UklG" } },
                { "fileData": { "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc", "mimeType": "application/pdf" } },
                { "fileData": { "fileUri": "https://example.com/v1beta/files/xyz", "mimeType": "application/pdf" } },
            ] },
            { "role": "model", "parts": [
                { "functionCall": { "name": "weather", "args": { "city": "Ulm" }, "id": "c1" } },
                { "functionCall": { "name": "clock", "args": { "city": "Ulm" } } },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "weather", "response": { "output": "rain" }, "id": "c1" } },
                { "functionResponse": { "name": "clock", "response": { "error": "rain" } } },
                { "text": "and now?" },
            ] },
        ],
    });
    assert_eq!(of(&request), expected);
}

#[test]
fn signatures_and_what_is_not_known_go_back_where_they_were() {
    let thought = json!({ "text": "Signed.", "thought": true, "thoughtSignature": "s0" });
    let code = json!({ "executableCode": { "language": "PYTHON", "code": "1" } });
    let parts = vec![
        reasoning(Some("another provider's")),
        opaque("anthropic", json!({ "type": "redacted_thinking", "data": "x" })),
        opaque("gemini", thought.clone()),
        signature("s1"),
        call("c1", "weather"),
        call("c2", "weather"),
        opaque("gemini", code.clone()),
        signature("s2"),
        Part::text("done"),
        signature("s3"),
    ];
    let request = Request::new(vec![Message::user("x"), message(Role::Assistant, parts)]);
    assert_eq!(
        of(&request)["contents"][1]["parts"],
        json!([
            thought,
            { "functionCall": { "name": "weather", "args": { "city": "Ulm" }, "id": "c1" }, "thoughtSignature": "s1" },
            { "functionCall": { "name": "weather", "args": { "city": "Ulm" }, "id": "c2" } },
            code,
            { "text": "done", "thoughtSignature": "s2" },
            { "text": "", "thoughtSignature": "s3" },
        ])
    );
}

#[test]
fn a_result_without_its_call_is_refused_here() {
    let request = Request::new(vec![message(Role::Tool, vec![result("c9", false)])]);
    let error = body(&model("m"), &request, &Settings::default()).unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::InvalidRequest);
    assert!(error.message().contains("c9"), "{error}");
}

#[test]
fn settings_have_their_names_and_extra_goes_over_them() {
    let extra = json!({
        "generationConfig": { "topK": 40, "seed": null, "thinkingConfig": { "includeThoughts": false } },
        "safetySettings": [{ "category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE" }],
        "contents": "in place of the messages",
    });
    let settings = Settings {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        stop: vec!["END".to_owned()],
        seed: Some(7),
        reasoning_effort: Some("low".to_owned()),
        extra: extra.as_object().unwrap().clone(),
    };
    let request = Request {
        settings,
        ..Request::new(vec![Message::user("x")])
    };
    assert_eq!(
        of(&request),
        json!({
            "contents": "in place of the messages",
            "generationConfig": {
                "temperature": 0.5,
                "topP": 0.9,
                "maxOutputTokens": 100,
                "stopSequences": ["END"],
                "thinkingConfig": { "thinkingBudget": 1024, "includeThoughts": false },
                "topK": 40,
            },
            "safetySettings": [{ "category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE" }],
        })
    );
    let sent = serde_json::to_string(&body(&model("m"), &request, &request.settings).unwrap()).unwrap();
    assert_eq!(sent.matches("\"contents\"").count(), 1, "{sent}");
    let seed = |seed| {
        let settings = Settings {
            seed: Some(seed),
            ..Settings::default()
        };
        json!(body(&model("m"), &request, &settings).unwrap())["generationConfig"]["seed"]
            .as_i64()
            .unwrap()
    };
    assert!(i32::try_from(seed(u64::MAX)).is_ok());
    assert_ne!(seed(1), seed(2));
}

#[test]
fn effort_is_a_word_or_a_number_of_tokens_by_model() {
    let thinking = |name: &str, effort: &str| {
        let settings = Settings {
            reasoning_effort: Some(effort.to_owned()),
            ..Settings::default()
        };
        let request = Request::new(vec![Message::user("x")]);
        json!(body(&model(name), &request, &settings).unwrap())["generationConfig"]["thinkingConfig"].clone()
    };
    assert_eq!(
        thinking("models/gemini-2.5-pro", "high"),
        json!({ "thinkingBudget": 24_576, "includeThoughts": true })
    );
    assert_eq!(
        thinking("gemini-2.5-flash", "none"),
        json!({ "thinkingBudget": 0, "includeThoughts": false })
    );
    assert_eq!(
        thinking("gemini-3.5-flash", "high"),
        json!({ "thinkingLevel": "high", "includeThoughts": true })
    );
}

#[test]
fn tools_and_their_choice() {
    let tool = |name: &str, parameters| ToolSpec {
        name: name.to_owned(),
        description: "Does it.".to_owned(),
        parameters,
    };
    let choose = |tool_choice| {
        of(&Request {
            tools: Arc::new([
                tool(
                    "weather",
                    json!({ "type": "object", "properties": { "city": { "type": "string", "minLength": 1 } }, "required": ["city"] }),
                ),
                tool("clock", json!({ "type": "object", "properties": {} })),
            ]),
            tool_choice,
            ..Request::new(vec![Message::user("x")])
        })
    };
    let auto = choose(ToolChoice::Auto);
    assert_eq!(
        auto["tools"],
        json!([{ "functionDeclarations": [
            { "name": "weather", "description": "Does it.", "parametersJsonSchema": {
                "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"],
            } },
            { "name": "clock", "description": "Does it." },
        ] }])
    );
    assert!(auto.get("toolConfig").is_none());
    let config = |choice| choose(choice)["toolConfig"]["functionCallingConfig"].clone();
    assert_eq!(config(ToolChoice::None), json!({ "mode": "NONE" }));
    assert_eq!(config(ToolChoice::Required), json!({ "mode": "ANY" }));
    assert_eq!(
        config(ToolChoice::Tool("clock".to_owned())),
        json!({ "mode": "ANY", "allowedFunctionNames": ["clock"] })
    );
}

#[test]
fn the_wanted_format_is_a_type_and_a_schema() {
    let format = |format| {
        of(&Request {
            response_format: Some(Arc::new(format)),
            ..Request::new(vec![Message::user("x")])
        })["generationConfig"]
            .clone()
    };
    assert_eq!(
        format(ResponseFormat::JsonObject),
        json!({ "responseMimeType": "application/json" })
    );
    let schema = |schema| ResponseFormat::JsonSchema {
        name: "answer".to_owned(),
        schema,
    };
    assert_eq!(
        format(schema(
            json!({ "type": "object", "properties": { "a": { "type": "integer", "default": 1 } } })
        )),
        json!({
            "responseMimeType": "application/json",
            "responseJsonSchema": { "type": "object", "properties": { "a": { "type": "integer" } } },
        })
    );
    let circle = json!({ "type": "object", "properties": { "a": { "$ref": "#" } }, "required": ["a"] });
    assert_eq!(
        format(schema(circle)),
        json!({ "responseMimeType": "application/json" })
    );
}

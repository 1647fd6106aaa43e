use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// The credentials, region, service and time of the vectors that AWS publishes.
fn vectors(token: Option<&str>) -> (Signer, SystemTime) {
    let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let signer = Signer {
        credentials: match token {
            Some(token) => credentials.with_session_token(token),
            None => credentials,
        },
        region: "us-east-1".to_owned(),
        service: "service",
    };
    (signer, UNIX_EPOCH + Duration::from_secs(1_440_938_160))
}

fn authorization(proof: &[(&'static str, Secret)]) -> String {
    let found = proof.iter().find(|(name, _)| *name == "authorization");
    found.unwrap().1.expose().to_owned()
}

#[derive(Clone, Copy)]
struct Vector {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    token: Option<&'static str>,
    signed: &'static str,
    signature: &'static str,
}

#[test]
fn the_published_vectors() {
    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    let plain = Vector {
        name: "get-vanilla",
        method: "GET",
        path: "/",
        headers: &[],
        body: "",
        token: None,
        signed: "host;x-amz-date",
        signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    };
    let table = [
        Vector {
            name: "get-vanilla-query-order-key-case",
            path: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ..plain
        },
        Vector {
            name: "post-vanilla",
            method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ..plain
        },
        Vector {
            name: "post-sts-header-before",
            method: "POST",
            token: Some(token),
            signed: "host;x-amz-date;x-amz-security-token",
            signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ..plain
        },
        Vector {
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-length", "13"),
                (
                    "x-amz-content-sha256",
                    "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
                ),
            ],
            body: "Param1=value1",
            signed: "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
            signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
            ..plain
        },
        plain,
    ];
    for vector in table {
        let (signer, now) = vectors(vector.token);
        let url = Url::parse(&format!("https://example.amazonaws.com{}", vector.path)).unwrap();
        let proof = signer.sign(vector.method, &url, vector.headers, vector.body.as_bytes(), now);
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={}, Signature={}",
            vector.signed, vector.signature
        );
        assert_eq!(authorization(&proof), expected, "{}", vector.name);
    }
}

/// AWS's worked example of deriving a signing key.
#[test]
fn the_published_signing_key() {
    let signer = Signer {
        credentials: Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1".to_owned(),
        service: "iam",
    };
    // The key can't be looked at; what it signs can.
    let expected: [u128; 2] = [
        0xc4afb1cc5771d871763a393e44b70357,
        0x1b55cc28424d1a5e86da6ed3c154a4b9,
    ];
    let expected = expected.map(u128::to_be_bytes).concat();
    let expected = hmac::Key::new(hmac::HMAC_SHA256, &expected);
    assert_eq!(
        mac(&signer.key("20150830"), b"x").as_ref(),
        mac(&expected, b"x").as_ref()
    );
}

#[test]
fn the_path_is_escaped_as_sent_and_once_more() {
    let url = Url::parse("https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse").unwrap();
    let canonical = canonical("POST", &url, &[("host", "h")], "host", b"{}");
    let lines: Vec<&str> = canonical.lines().collect();
    assert_eq!(
        lines[1],
        "/model/anthropic.claude-3-haiku-20240307-v1%253A0/converse"
    );
    assert_eq!(
        lines.last(),
        Some(&"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    );
}

#[test]
fn a_port_is_part_of_the_host_where_it_is_sent() {
    for (url, expected) in [
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://example.com:443/", "example.com"),
        ("https://example.com/", "example.com"),
    ] {
        assert_eq!(host(&Url::parse(url).unwrap()), expected);
    }
}

#[test]
fn nothing_secret_shows() {
    let (signer, now) = vectors(Some("planted-token"));
    let proof = signer.sign(
        "POST",
        &Url::parse("https://example.com/").unwrap(),
        &[],
        b"",
        now,
    );
    let shown = format!("{signer:?} {proof:?}");
    for planted in ["wJalr", "planted-token", "AKIDEXAMPLE", "Signature"] {
        assert!(!shown.contains(planted), "{shown}");
    }
}

proptest! {
    /// Against another implementation of the calendar.
    #[test]
    fn times_are_written_as_the_calendar_has_them(seconds in 0u64..20_000_000_000) {
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let (own, other) = (timestamp(now), httpdate::fmt_http_date(now));
        // "Sun, 06 Nov 1994 08:49:37 GMT"
        let words: Vec<&str> = other.split(' ').collect();
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months.iter().position(|name| *name == words[2]).unwrap() + 1;
        let clock = words[4].replace(':', "");
        prop_assert_eq!(own, format!("{}{month:02}{}T{clock}Z", words[3], words[1]));
    }
}
